"""Secrets are where they have to be and nowhere else: not in what is told to others, and not in memory after their use."""

import re
import subprocess

import pytest
import requests

from entra import ARM, AZ_CLIENT, Entra
from service import Lazuli
from wire import Wire

HELLO = {"messages": [{"role": "user", "content": "hello"}]}
FAR_KEY = "sk-the-key-of-an-upstream-that-is-far"
CATALOG = """
extends: default
default_engines:
  chat: sim
engines:
  - name: far
    upstream: { url: "http://127.0.0.1:9/v1", api_key_env: FAR_KEY }
deployments:
  - { deployment: far, engine: far }
"""
SANITIZERS_BYTES = 1 << 30  # what sanitizers keep of memory is larger than that, and none of it
REGION_OF_ITS_OWN = re.compile(r"^([0-9a-f]+)-([0-9a-f]+) rw")
LOG_LINE = re.compile(r"^\d{4}-\d\d-\d\dT.*$", re.MULTILINE)


def memory_of(pid):
    """All that the process can write to. It allows that to its parent when it runs with core_dumps."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb") as memory:
        for line in maps:
            found = REGION_OF_ITS_OWN.match(line)
            start, end = (int(edge, 16) for edge in found.groups()) if found else (0, 0)
            if 0 < end - start < SANITIZERS_BYTES:
                memory.seek(start)
                yield memory.read(end - start)


def places_of(pid, secrets):
    """How often each secret, or the larger part of it, lies in the memory of the process; only those that do."""
    counts = dict.fromkeys(secrets, 0)
    for region in memory_of(pid):
        for name, secret in secrets.items():
            counts[name] += region.count(secret[8:-8].encode())
    return {name: count for name, count in counts.items() if count}


def use(service):
    """Requests that carry and return keys, good ones and bad ones. Returns all secrets that they had to do with, and the
    answers that should hold none."""
    secrets = {"key1 as made": service.key, "admin token": service.token}
    keys = service.arm("POST", "/listKeys").json()
    secrets |= {"key1 as listed": keys["key1"], "key2": keys["key2"], "wrong": "w0ng" * 21}
    told = []

    def post(status, deployment, body, key, **headers):
        answer = service.post(deployment, body, headers={"api-key": key} | headers)
        assert answer.status_code == status, answer.text
        told.append(answer)

    service.deploy("chat", "gpt-4", "0613")
    service.deploy("far", "gpt-4", "0613")
    post(200, "chat", HELLO, keys["key1"])
    post(401, "chat", HELLO, None, Authorization=f"Bearer {keys['key2']}")
    with service.plain(api_key=keys["key2"]) as client:
        assert client.chat.completions.create(model="chat", **HELLO).choices
    post(404, "nowhere", HELLO, keys["key1"])
    post(400, "chat", "no json", keys["key2"])
    post(503, "far", HELLO, keys["key2"])
    post(401, "chat", HELLO, secrets["wrong"])
    with Wire(service) as wire:
        wire.send(f"POST /openai HTTP/1.1\r\napi-key: {keys['key1']}\r\nno header\r\n\r\n".encode())
        assert wire.read_all().startswith(b"HTTP/1.1 400 ")
    told.append(requests.get(f"{service.endpoint}/nothing", headers={"api-key": keys["key1"]}, timeout=60))
    told += [service.arm("GET", ""), service.arm("GET", "/deployments"), service.arm("POST", "/regenerateKey", {"keyName": 1})]
    new = service.arm("POST", "/regenerateKey", {"keyName": "Key1"}).json()
    assert new["key1"] != keys["key1"]
    secrets["key1 anew"] = new["key1"]
    post(401, "chat", HELLO, keys["key1"])
    post(200, "chat", HELLO, new["key1"])
    for key in (new["key1"], keys["key2"]):  # of a stream, whose request is forgotten before its end
        post(200, "chat", HELLO | {"stream": True}, key)
    return secrets, told


def sign_in(service):
    """Sign-ins, good ones and bad ones. Returns the secrets by which they were tried, and the answers to the bad ones."""
    entra = Entra(service)
    user, password = "secretive@lazuli.example", "Long-and-hard-to-guess-0123456789"
    entra.make_user(user, password)
    _, client_id, secret = entra.make_principal("secretive")
    by_secret = {"grant_type": "client_credentials", "client_id": client_id, "scope": f"{ARM}/.default"}
    entra.ask(client_secret=secret, **by_secret).raise_for_status()
    by_password = {"grant_type": "password", "client_id": AZ_CLIENT, "username": user, "scope": f"{ARM}/.default offline_access"}
    signed_in = entra.ask(password=password, **by_password)
    signed_in.raise_for_status()
    refresh = signed_in.json()["refresh_token"]
    again = {"grant_type": "refresh_token", "refresh_token": refresh, "scope": f"{ARM}/.default"}
    entra.ask(client_id=AZ_CLIENT, **again).raise_for_status()
    secrets = {"password": password, "client secret": secret, "refresh token": refresh}
    wrong = {"wrong password": "Wr0ng-and-hard-to-guess-0123456789", "wrong secret": "Wr0ng~" * 8}
    refused = [
        entra.ask(password=wrong["wrong password"], **by_password),
        entra.ask(client_secret=wrong["wrong secret"], **by_secret),
        entra.ask(client_id="nobody", **again),
    ]
    assert all(answer.status_code in (400, 401) for answer in refused)
    return secrets | wrong, refused


@pytest.fixture
def certificate(tmp_path, monkeypatch):
    """Options of a service with TLS, whose certificate clients trust."""
    key, chain = str(tmp_path / "key.pem"), str(tmp_path / "chain.pem")
    make = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost -addext subjectAltName=IP:127.0.0.1"
    subprocess.run([*make.split(), "-keyout", key, "-out", chain], check=True, capture_output=True)
    for variable in ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.setenv(variable, chain)
    return ["--tls-certificate", chain, "--tls-key", key]


@pytest.mark.parametrize("has_tls", [False, True])
def test_no_secret_stays_in_memory(has_tls, certificate):
    arguments = ["--core-dumps", "--workers", "6", *(certificate if has_tls else [])]
    with Lazuli(CATALOG, arguments=arguments, environment={"FAR_KEY": FAR_KEY}) as service:
        secrets, _ = use(service)
        assert places_of(service.process.pid, {"upstream's": FAR_KEY}), "what is in use is there: the search works"
        assert places_of(service.process.pid, secrets) == {}


def test_no_credential_stays_in_memory():
    with Lazuli(CATALOG, arguments=["--core-dumps", "--workers", "2"]) as service:
        secrets, _ = sign_in(service)
        assert places_of(service.process.pid, secrets) == {}


def test_no_secret_is_told():
    """Not by the log, at its loudest; nor by an answer or its headers, a metric, a health page, the command line."""
    with Lazuli(CATALOG, arguments=["--log-level", "debug"], environment={"FAR_KEY": FAR_KEY}) as service:
        secrets, told = use(service)
        credentials, refused = sign_in(service)
        told += refused
        secrets |= credentials | {"upstream's": FAR_KEY, "master": (service.data / "master.key").read_text().strip()}
        told += [requests.get(f"{service.endpoint}/{page}", timeout=60) for page in ("metrics", "readyz", "healthz")]
        texts = [f"{answer.headers} {answer.text}" for answer in told]
        texts += LOG_LINE.findall(service.log_text())
        with open(f"/proc/{service.process.pid}/cmdline") as line:
            texts.append(line.read())
        assert len(texts) > 20
        for name, secret in secrets.items():
            assert not [text for text in texts if secret in text], name
