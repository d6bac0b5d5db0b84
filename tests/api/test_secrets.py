"""Secrets are where they have to be and nowhere else: not in what is told to others, and not in memory after their use."""

import socket
import sys
import uuid

import pytest
import requests
from cryptography.hazmat.primitives import serialization

from certificate import make_certificate, tls_arguments
from fake_upstream import FakeUpstream
from secret_places import LOG_LINE, SEARCHED, SECRET_BYTES_MIN, files_with, places_of
from secret_talk import FAR_KEY, HELLO, TALKS, USER, check_memory, talking
from service import ARM_VERSION, Lazuli
from waiting import wait_until


@pytest.mark.parametrize("name", TALKS)
def test_no_secret_stays_in_memory(name, tmp_path):
    check_memory(name, tmp_path)


def test_no_key_stays_in_memory_by_tls(tmp_path):
    check_memory("keys", tmp_path, has_tls=True)


WITH_A_KEY = """extends: default
engines:
  - name: far
    upstream: {{ url: "http://127.0.0.1:{port}/v1", api_key_file: {file} }}
deployments:
  - {{ deployment: gpt-4, engine: far }}
"""


@pytest.mark.parametrize("is_asked", [False, True], ids=["unused", "used"])
def test_an_upstreams_key_that_was_replaced_is_gone(tmp_path, is_asked):
    """No client has to come for that, and none of those that came before keeps it: each worker remembers what it used."""
    file, upstream = tmp_path / "key", FakeUpstream()
    first, second = keys = {name: f"sk-{uuid.uuid4().hex}" for name in ("first", "second")}
    file.write_text(keys[first])
    catalog = WITH_A_KEY.format(port=upstream.port, file=file)
    arguments = ["--core-dumps", "--workers", "2"]
    with Lazuli(catalog, arguments=arguments, environment=SEARCHED) as service:

        def found():
            return list(places_of(service.process.pid, keys))

        def ask():
            for _ in range(20 * is_asked):
                assert service.post("gpt-4", HELLO).status_code == 200
                assert upstream.calls[-1].headers["authorization"] == f"Bearer {file.read_text()}"

        ask()
        assert found() == [first]
        file.write_text(keys[second])
        service.reload()
        wait_until(lambda: found() == [second], found)
        ask()
        assert found() == [second]
        service.catalog_file.write_text("extends: default\n")
        service.reload()
        wait_until(lambda: found() == [], found)
    upstream.stop()


def numbers_of(key_file):
    """The secret ones of an RSA key, as OpenSSL has them in memory, and the text of the file."""
    text = key_file.read_bytes()
    numbers = serialization.load_pem_private_key(text, None).private_numbers()
    secrets = {name: getattr(numbers, name) for name in ("d", "p", "q", "dmp1", "dmq1", "iqmp")}
    secrets = {name: number.to_bytes(256, sys.byteorder).strip(b"\0") for name, number in secrets.items()}
    return secrets | {f"line {number}": line for number, line in enumerate(text.splitlines()[2:-2])}


def test_a_tls_key_that_was_replaced_is_gone(tmp_path):
    make_certificate(tmp_path)
    first = numbers_of(tmp_path / "key.pem")
    arguments = [*tls_arguments(tmp_path), "--core-dumps", "--workers", "2"]
    with Lazuli(arguments=arguments, environment=SEARCHED) as service:
        pid = service.process.pid

        def say_hello():
            with requests.Session() as client:
                url = service.endpoint.replace("http:", "https:") + "/healthz"
                assert client.get(url, verify=tmp_path / "cert.pem", timeout=60).status_code == 200

        say_hello()
        assert "p" in places_of(pid, first), "what is in use is there: the search works"
        make_certificate(tmp_path)
        assert "reload_done" in service.reload()
        say_hello()
        wait_until(lambda: not places_of(pid, first), lambda: places_of(pid, first))
        assert "p" in places_of(pid, numbers_of(tmp_path / "key.pem"))


def number_of(key_file):
    """The secret one of an elliptic curve's key, as OpenSSL has it in memory, and the text of the file."""
    text = key_file.read_bytes()
    number = serialization.load_pem_private_key(text, None).private_numbers().private_value
    lines = {f"line {number}": line for number, line in enumerate(text.splitlines()[1:-1]) if len(line) >= SECRET_BYTES_MIN}
    return {"number": number.to_bytes(32, sys.byteorder)} | lines


@pytest.mark.parametrize("start", ["first", "second"])
def test_the_development_cas_key_is_gone(tmp_path, start):
    """When it has been made or read, and a certificate has been made with it. That one's key is in use."""
    if start == "second":
        with Lazuli(data=tmp_path):
            pass
        for file in (tmp_path / "data" / "tls").glob("server.*"):
            file.unlink()
    with Lazuli(data=tmp_path, arguments=["--core-dumps", "--workers", "2"], environment=SEARCHED) as service:
        folder = service.data / "tls"
        assert "number" in places_of(service.process.pid, number_of(folder / "server.key")), "the search works"
        assert places_of(service.process.pid, number_of(folder / "ca.key")) == {}


def test_no_secret_is_told(tmp_path):
    """Not by the log, at its loudest; nor by an answer or its headers, a metric, a health page, the command line, a file."""
    with talking(tmp_path, "--log-level", "debug") as talk:
        service = talk.service
        for say in TALKS.values():
            say(talk)
        for page in ("metrics", "readyz", "healthz"):
            talk.hear(requests.get(f"{service.endpoint}/{page}", timeout=60), 200)
        talk.add("upstream's", FAR_KEY)
        assert files_with(service.data, talk.secrets) == []
        assert files_with(service.data, {"name": USER}), "what is kept is there: the search works"
        master = {"master": (service.data / "master.key").read_text().strip()}
        assert files_with(service.data, master) == [("master", "master.key")]
        talk.secrets |= master
        with open(f"/proc/{service.process.pid}/cmdline") as line:
            talk.told.append(line.read())
        talk.told += LOG_LINE.findall(service.log_text())
        assert len(talk.told) > 60
        assert not [(found, text) for text in talk.told if (found := talk.holds(text))]


LISTS = 400  # of some 600 bytes: more than the kernels on the way hold of so small segments
SEGMENT_BYTES = 536


def ask_for_keys(service):
    """Many times at once, over a connection whose client takes little: the kernel keeps little for it."""
    client = socket.socket()
    client.settimeout(60)
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, SEGMENT_BYTES)
    client.connect(("127.0.0.1", service.port))
    head = f"POST {service.account_id}/listKeys?api-version={ARM_VERSION} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n"
    client.sendall(f"{head}Authorization: Bearer {service.token}\r\n\r\n".encode() * LISTS)
    return client


def read_lists(client):
    data = b""
    while data.count(b'"key2"') < LISTS:
        more = client.recv(65536)
        assert more, data[-1000:]
        data += more


@pytest.mark.parametrize("leaves", [False, True])
def test_no_key_stays_of_a_reply_that_had_to_wait(leaves):
    """Until its client took it, or left."""
    with Lazuli(arguments=["--core-dumps"], environment=SEARCHED) as service:
        keys = service.arm("POST", "/listKeys").json()
        pid = service.process.pid
        wait_until(lambda: not places_of(pid, keys), lambda: places_of(pid, keys))
        with ask_for_keys(service) as client:
            # one that is only on its way is not there each time
            wait_until(lambda: all(places_of(pid, keys) for _ in range(5)), "nothing had to wait")
            if leaves:
                client.close()
            else:
                read_lists(client)
            wait_until(lambda: not places_of(pid, keys), lambda: places_of(pid, keys))
