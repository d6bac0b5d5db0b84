"""Hostile bytes where TLS is spoken: old versions, records that are none, early data, plain HTTP where it is not wanted.
docs/security.md names these tests."""

import contextlib
import json
import socket
import ssl
import struct
import subprocess

import pytest
import requests

from certificate import tls_arguments
from service import Lazuli
from tls import Session
from wire import Wire

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
ALERT, FATAL = 21, 2
UNEXPECTED_MESSAGE, RECORD_OVERFLOW, HANDSHAKE_FAILURE, PROTOCOL_VERSION = 10, 22, 40, 70


@pytest.fixture(scope="module")
def both(certificate):
    """TLS and plain HTTP on one port."""
    with Lazuli(arguments=[*tls_arguments(certificate), "--idle-timeout-ms", "1000"]) as service:
        yield service


@pytest.fixture(scope="module")
def strict(certificate):
    with Lazuli(arguments=[*tls_arguments(certificate), "--tls-required", "--idle-timeout-ms", "1000"]) as service:
        yield service


@pytest.fixture(params=["both", "strict"])
def service(request):
    return request.getfixturevalue(request.param)


def talk(service, data):
    """All that comes back until the service closes."""
    with Wire(service, timeout=20) as wire:
        with contextlib.suppress(ConnectionError):  # it may have seen enough; what it said can still be read
            wire.send(data)
        return wire.read_all()


def assert_served(service, certificate):
    answer = requests.get(f"https://127.0.0.1:{service.port}/healthz", verify=str(certificate / "cert.pem"), timeout=20)
    assert answer.text == "ok\n"


def hello(version):
    """A client's hello of OpenSSL's that offers this version as its highest."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.maximum_version = ssl.TLSVersion.TLSv1_2  # newer ones are an extension, which old clients do not send
    data = bytearray(Session(context).hello())
    data[1:3] = version  # of the record
    data[9:11] = version  # of the hello
    return bytes(data)


@pytest.mark.parametrize("version", ["0300", "0301", "0302"], ids=["SSL 3", "TLS 1.0", "TLS 1.1"])
def test_old_versions(service, certificate, version):
    kind, *_, level, alert = talk(service, hello(bytes.fromhex(version)))
    assert (kind, level) == (ALERT, FATAL) and alert in (PROTOCOL_VERSION, HANDSHAKE_FAILURE)
    assert_served(service, certificate)


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_versions_of_today(service, certificate, version):
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    context.minimum_version = context.maximum_version = version
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wire,
    ):
        wire.sendall(GET)
        assert wire.recv(4096).startswith(b"HTTP/1.1 200 ")
        name, _, bits = wire.cipher()
        assert bits >= 128 and ("GCM" in name or "CHACHA20" in name)


GARBAGE = {
    "record of the largest length": (b"\x16\x03\x01\xff\xff" + b"\0" * 300, RECORD_OVERFLOW),
    "record too long": (b"\x16\x03\x03" + struct.pack(">H", 0x4801) + b"a" * 0x4801, RECORD_OVERFLOW),
    "no hello": (b"\x16\x03\x03\0\x05hello", UNEXPECTED_MESSAGE),
    "empty records": (b"\x16\x03\x03\0\0" * 50, UNEXPECTED_MESSAGE),
    "another message than a hello": (b"\x16\x03\x03\0\x04\x0b\0\0\0", UNEXPECTED_MESSAGE),
}


@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_in_records(service, certificate, name):
    data, alert = GARBAGE[name]
    assert talk(service, data)[5:] == bytes([FATAL, alert])
    assert_served(service, certificate)


def test_garbage_behind_a_handshake(service, certificate):
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    with Wire(service, timeout=20) as wire:
        session = Session(context, wire)
        session.carried(session.tls.do_handshake)
        wire.send(b"\x17\x03\x03\0\x20" + b"x" * 32)
        session.coming.write(wire.read_all())
        with pytest.raises(ssl.SSLError, match=r"(?i)bad.record.mac"):
            session.tls.read()
    assert_served(service, certificate)


@pytest.mark.parametrize("data", [b"\x16", hello(b"\x03\x03")[:40]], ids=["a byte", "half a hello"])
def test_handshakes_that_do_not_go_on(service, certificate, data):
    """They get no longer than a connection without a request."""
    assert talk(service, data) == b""
    assert_served(service, certificate)


@pytest.mark.parametrize("data", [
    GET, b"\x15\x03\x03\0\x02\x02\x28", b"\x17\x03\x03\0\x05hello", bytes.fromhex("802e010002001500000010") + b"\1" * 32, b"\0",
], ids=["HTTP", "alert", "data", "SSL 2", "NUL"])  # fmt: skip
def test_what_is_no_tls(both, strict, certificate, data):
    """Where TLS is required nothing is said in the open; else it is HTTP, good or bad."""
    assert talk(strict, data) == b""
    assert_served(strict, certificate)
    answer = talk(both, data + b"\r\n\r\n")
    status = b"200" if data == GET else b"400"
    assert answer.startswith(b"HTTP/1.1 " + status + b" ")
    assert_served(both, certificate)


def s_client(service, certificate, *options, said=b""):
    line = ["openssl", "s_client", "-connect", f"127.0.0.1:{service.port}", "-CAfile", certificate / "cert.pem", *options]
    done = subprocess.run(line, input=said, capture_output=True, timeout=60)
    return done.stdout.decode(errors="replace") + done.stderr.decode(errors="replace")


def test_renegotiation(service, certificate):
    """A client of TLS 1.2 may not begin anew, which would cost the service a handshake for a few bytes."""
    text = s_client(service, certificate, "-tls1_2", said=b"R\n")
    assert "RENEGOTIATING" in text and "no renegotiation" in text
    assert_served(service, certificate)


def test_early_data(service, certificate, tmp_path):
    """What comes before the handshake's end can be sent again by anybody who has seen it: no ticket allows for it."""
    early = tmp_path / "early"
    early.write_bytes(GET)
    first = s_client(service, certificate, "-tls1_3", "-ign_eof", "-sess_out", tmp_path / "session", said=GET)
    assert "HTTP/1.1 200" in first and "Max Early Data: 0" in first
    second = s_client(service, certificate, "-tls1_3", "-sess_in", tmp_path / "session", "-early_data", early)
    assert "Reused, TLSv1.3" in second and "Early data was not sent" in second and "HTTP/1.1" not in second


def test_hostile_http_within_tls(service, certificate):
    """The parser is the same one: framing errors end the connection behind TLS as they do without."""
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    with (
        socket.create_connection(("127.0.0.1", service.port), timeout=20) as plain,
        context.wrap_socket(plain, server_hostname="localhost") as wire,
    ):
        wire.sendall(b"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + GET)
        answer = b""
        while more := wire.recv(65536):
            answer += more
    head, body = answer.split(b"\r\n\r\n", 1)
    assert head.startswith(b"HTTP/1.1 400 ") and json.loads(body)["error"]["code"] == "BadRequest"
