"""Hostile bytes where TLS is spoken: old versions, records that are none, early data, plain HTTP where it is not wanted.
docs/security.md names these tests."""

import contextlib
import select
import socket
import ssl
import struct
import subprocess
import time

import pytest
import requests

from certificate import tls_arguments
from compiled import compiled
from hostile import chat
from service import Lazuli
from tls import Session
from wire import Wire

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HANDSHAKE, ALERT, FATAL = 22, 21, 2
UNEXPECTED_MESSAGE, RECORD_OVERFLOW, HANDSHAKE_FAILURE, PROTOCOL_VERSION = 10, 22, 40, 70


@pytest.fixture(scope="module")
def both(certificate):
    """TLS and plain HTTP on one port."""
    with Lazuli(arguments=[*tls_arguments(certificate), "--head-timeout-ms", "1000"]) as service:
        yield service


@pytest.fixture(scope="module")
def strict(certificate):
    with Lazuli(arguments=[*tls_arguments(certificate), "--tls-required", "--head-timeout-ms", "1000"]) as service:
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


OLD_VERSIONS = {
    "SSL 3": ("0300", HANDSHAKE_FAILURE),
    "TLS 1.0": ("0301", PROTOCOL_VERSION),
    "TLS 1.1": ("0302", PROTOCOL_VERSION),
}


@pytest.mark.parametrize("name", OLD_VERSIONS)
def test_old_versions(service, certificate, name):
    version, expected = OLD_VERSIONS[name]
    kind, *_, level, alert = talk(service, hello(bytes.fromhex(version)))
    assert (kind, level, alert) == (ALERT, FATAL, expected)
    assert_served(service, certificate)


def hello_with(ciphers):
    context = ssl.create_default_context()
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    return Session(context).hello()


# Without a key for each session, without authenticated encryption, and without both; the certificate is an RSA one's.
WEAK_CIPHERS = ["AES128-GCM-SHA256", "ECDHE-RSA-AES128-SHA", "AES128-SHA"]


@pytest.mark.parametrize("cipher", WEAK_CIPHERS)
def test_weak_ciphers(service, certificate, cipher):
    kind, *_, level, alert = talk(service, hello_with(cipher))
    assert (kind, level, alert) == (ALERT, FATAL, HANDSHAKE_FAILURE)
    with Wire(service, timeout=20) as wire:  # to what is like it, but strong, a hello is the answer
        wire.send(hello_with("ECDHE-RSA-AES128-GCM-SHA256"))
        assert wire.read()[0] == HANDSHAKE
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
    """They get no longer than the head of a request."""
    assert talk(service, data) == b""
    assert_served(service, certificate)


def test_slow_loris_within_a_handshake(service, certificate):
    """Many hellos that come a byte at a time: each is given up at its time, which no byte begins anew; others are served."""
    data = iter(hello(b"\x03\x03"))  # some hundreds of bytes, one each tenth of a second
    begun = time.monotonic()
    waiting = [Wire(service) for _ in range(20)]
    while waiting:
        assert time.monotonic() - begun < 20
        byte = bytes([next(data)])
        for wire in waiting:
            wire.send(byte)
        assert_served(service, certificate)
        closed, _, _ = select.select([wire.socket for wire in waiting], [], [], 0.1)
        for wire in [wire for wire in waiting if wire.socket in closed]:
            assert wire.read_all() == b""
            wire.close()
            waiting.remove(wire)


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


@pytest.fixture(scope="module")
def early_client(tmp_path_factory):
    return compiled(tmp_path_factory.mktemp("early"), "early_data", "-lssl", "-lcrypto")


def test_early_data(tls_gateway, upstream, early_client, tmp_path):
    """What comes before the handshake's end can be sent again by anybody who has seen it: no ticket offers to take it, and
    from a client that sends some nevertheless it is dropped. The connection goes on, and only what comes then is answered."""
    for name, data in ("request", GET), ("early", chat(tls_gateway)):
        (tmp_path / name).write_bytes(data)
    line = [early_client, str(tls_gateway.port), tls_gateway.certificate / "cert.pem", tmp_path / "request", tmp_path / "early"]
    done = subprocess.run(line, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    offered, fate, answer = done.stdout.split("\n", 2)
    assert (fate, offered) == ("early data: rejected, session: reused", "offered: 0")
    assert answer.startswith("HTTP/1.1 200 ") and answer.endswith("\n\nok\n") and answer.count("HTTP/1.1 ") == 1
    assert not upstream.calls
    assert_served(tls_gateway, tls_gateway.certificate)
