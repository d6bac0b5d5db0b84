"""When the process has no descriptor left: who is there goes on, who comes waits, and nobody spins. What needs one fails, for
those alone who have asked for it, and all recovers by itself."""

import contextlib
import json
import os
import re
import resource
import signal
import tempfile
import time
import urllib.parse

import pytest

from cpu import cpu_seconds
from entra import ARM, AZ_CLIENT, PASSWORD, Entra
from errors import UNAVAILABLE
from fake_issuer import FakeIssuer, identity_file
from fake_llama import FakeLlama
from paced import MESSAGES, PACED, begin_stream, start
from paced import PATH as PACED_PATH
from scripted import PATH, WHOLE
from service import ARM_VERSION
from waiting import wait_until
from wire import Wire

MORE = """\
  - { deployment: scripted, engine: scripted }
engines:
  - name: scripted
    upstream: { url: "http://127.0.0.1:%d/v1" }
"""
HEALTH = b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"
QUICK = json.dumps({"messages": MESSAGES, "max_tokens": 1}).encode()


@pytest.fixture
def service(upstream):
    with start(answer_tokens=60, more=MORE % upstream.port) as running:
        running.deploy("scripted", "gpt-4o", "2024-11-20")
        yield running


class Starved:
    """As long as it is entered, the process gets no new descriptor, whichever it gives back; or, where some are `left`, so many:
    numbers between those in use are taken by clients then."""

    def __init__(self, service, left=0):
        self.pid = service.process.pid
        self.service, self.left = service, left
        self.limits = resource.prlimit(self.pid, resource.RLIMIT_NOFILE)
        self.fillers = []

    def __enter__(self):
        self.limit(self.fill() + self.left if self.left else 3)
        return self

    def __exit__(self, *exception):
        self.limit(self.limits[0])
        for wire in self.fillers:
            wire.close()

    def limit(self, files):
        resource.prlimit(self.pid, resource.RLIMIT_NOFILE, (files, self.limits[1]))

    def open(self):
        return [int(fd) for fd in os.listdir(f"/proc/{self.pid}/fd")]

    def fill(self):
        """Until there is no gap; the first number that is free."""
        while (count := len(self.open())) <= max(self.open()):
            self.fillers.append(Wire(self.service))
            wait_until(lambda count=count: len(self.open()) > count, "a client is not let in")
        return count


class Known(Wire):
    """A client who was there before: all that it asks goes over its one connection."""

    def __init__(self, service):
        super().__init__(service)
        assert self.ask("GET", "/healthz") == (200, "ok\n")

    def ask(self, method, path, body=b"", kind="application/json", **headers):
        """Status, and the answer read as JSON where it is that."""
        lines = {"Host": "localhost", "Content-Type": kind, "Content-Length": len(body)} | headers
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        status, _, headers, text = self.send(f"{method} {path} HTTP/1.1\r\n{head}\r\n".encode() + body).reply()
        return status, json.loads(text) if "json" in headers.get("content-type", "") else text

    def arm(self, method, path, body=None, token=None):
        url = f"{self.service.account_id if path.startswith('/deployments') else ''}{path}?api-version={ARM_VERSION}"
        text = b"" if body is None else json.dumps(body).encode()
        return self.ask(method, url, text, Authorization=f"Bearer {token or self.service.token}")

    def token(self, **form):
        form = {"scope": f"{ARM}/.default"} | form
        path = f"/{self.service.variables['AZURE_TENANT_ID']}/oauth2/v2.0/token"
        return self.ask("POST", path, urllib.parse.urlencode(form).encode(), "application/x-www-form-urlencoded")

    def wait_until_alone(self):
        """Until the connections of those who were there before are closed."""

        def connections():
            return re.search(r"^lazuli_connections_open (\d+)", self.ask("GET", "/metrics")[1], re.MULTILINE)[1]

        wait_until(lambda: connections() == "1", "somebody is there still")


def assert_served(known):
    assert known.post(PACED_PATH, QUICK).reply()[0] == 200


def test_no_descriptor_left(service, upstream):
    upstream.reset()
    stream, data = begin_stream(service)
    with stream, Wire(service) as known:
        assert_served(known)
        with Starved(service):
            newcomers = [Wire(service).send(HEALTH) for _ in range(20)]
            # an engine cannot be called: that concerns who asked, who is there still
            for _ in range(5):
                status, _, _, text = known.post(PATH, WHOLE).reply()
                assert (status, json.loads(text)["error"]["code"]) == (503, "ServiceUnavailable")
            assert not upstream.calls
            began, used = time.monotonic(), cpu_seconds(service)
            data += stream.read_until(b"0\r\n\r\n")  # takes seconds
            assert cpu_seconds(service) - used < 0.2 * (time.monotonic() - began)
            assert data.count(b'"delta":{"content":"') >= 60 and b"data: [DONE]" in data
            assert known.send(HEALTH).reply()[0] == 200
        # the engine was not at fault: nobody is kept from it
        assert known.post(PATH, WHOLE).reply()[0] == 200
        for wire in newcomers:
            assert wire.reply()[0] == 200
            wire.close()
    assert "engine_failed" in service.log_text()


def test_metrics_are_told(service):
    """To who is there, and to who comes when there is room again."""
    metrics = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
    with Known(service) as known, contextlib.ExitStack() as later:
        with Starved(service):
            text = known.send(metrics).reply()[3]
            assert "lazuli_connections_open" in text
            late = later.enter_context(Wire(service)).send(metrics)
        assert late.reply()[0] == 200


# -- The control plane ------------------------------------------------------------------------------------------------------

DEPLOYMENT = {
    "sku": {"name": "Standard", "capacity": 1},
    "properties": {"model": {"format": "OpenAI", "name": "gpt-4o", "version": "2024-11-20"}},
}
ACCOUNT = {"location": "eastus", "kind": "OpenAI", "sku": {"name": "S0"}, "properties": {}}
WRITES = 150  # the write-ahead log comes to be written into the database


def things(service):
    """The names of all deployments and accounts."""
    accounts = service.account_id.rpartition("/")[0]
    lists = (service.arm("GET", path).json()["value"] for path in ("/deployments", accounts))
    return {item["name"] for each in lists for item in each}


def test_a_write_needs_none(service):
    """What ARM has acknowledged is in force, and is there after a crash; whatever it refuses is not there at all."""
    accounts = service.account_id.rpartition("/")[0]
    kept = things(service)
    with Known(service) as known:
        with Starved(service):
            for number in range(WRITES):
                for path, body in (
                    (f"/deployments/d{number % 10}", DEPLOYMENT | {"sku": {"name": "Standard", "capacity": 1 + number // 10}}),
                    (f"{accounts}/account-{number % 10}", ACCOUNT | {"tags": {"at": f"{number}" + "x" * 200}}),
                ):
                    status, answer = known.arm("PUT", path, body)
                    assert status == (201 if number < 10 else 200), answer
                    kept.add(path.rpartition("/")[2])
            assert known.arm("DELETE", "/deployments/d9")[0] in (200, 202, 204)
            kept.remove("d9")
            assert known.post(PACED_PATH.replace("paced", "d0"), QUICK).reply()[0] == 200
            assert known.arm("GET", "/deployments/d9")[0] == 404
        assert things(service) == kept
        assert service.arm("GET", "/deployments/d8").json()["sku"]["capacity"] == WRITES // 10
    service.kill()
    service.start()
    assert things(service) == kept
    assert service.post("d0", QUICK).status_code == 200
    assert service.arm("PUT", "/deployments/after", DEPLOYMENT).status_code == 201


def test_a_reload_is_refused(service):
    """The configuration cannot be read: the old one stays in force, the log says why, and later it is read."""
    with Known(service) as known:
        with Starved(service):
            service.catalog_file.write_text(PACED % 60)  # without the engine of the other deployment
            for _ in range(3):
                said = service.reload()
                assert " reload_refused " in said and "Too many open files" in said, said
            assert_served(known)
        assert known.post(PATH, WHOLE).reply()[0] == 200
        said = service.reload()
        assert " reload_done" in said and " engine_removed engine=scripted" in said, said
        assert_served(known)


# -- Who are you? -----------------------------------------------------------------------------------------------------------


def test_signing_in(service):
    """By a secret and by a password, right and wrong, and by the token that came of it."""
    entra = Entra(service)
    name = entra.make_user("ann@lazuli.example")["userPrincipalName"]
    v = service.variables
    secret = {"grant_type": "client_credentials", "client_id": v["AZURE_CLIENT_ID"], "client_secret": v["AZURE_CLIENT_SECRET"]}
    password = {"grant_type": "password", "client_id": AZ_CLIENT, "username": name, "password": PASSWORD}
    with Known(service) as known:
        with Starved(service):
            for form in (secret, password):
                status, answer = known.token(**form)
                assert status == 200, answer
                # whoever may read nothing is known all the same
                path = f"/subscriptions/{v['LAZULI_SUBSCRIPTION_ID']}/resourceGroups"
                assert known.arm("GET", path, token=answer["access_token"])[0] == (403 if form is password else 200)
            assert known.token(**secret | {"client_secret": "wrong"})[0] == 401
            status, answer = known.token(**password | {"password": "wrong"})
            assert (status, answer["error_codes"]) == (400, [50126])
        assert known.token(**password)[0] == 200
    assert entra.ask_as_first().status_code == 200


def test_keys_of_an_issuer_cannot_be_fetched(tmp_path):
    """Its tokens are good as far as its keys are known, others are refused; nobody else is. With descriptors again they are
    fetched: in a minute, or at once when somebody asks for it."""
    with FakeIssuer() as issuer:
        issuer.server.RequestHandlerClass.protocol_version = "HTTP/1.0"  # no connection to it stays open
        file = identity_file(tmp_path, {"issuer": issuer.url, "audiences": [ARM]})
        with start(arguments=["--identity-file", str(file)]) as service:
            service.wait_for_log(" issuer_keys_fetched ")
            path = f"/subscriptions/{service.variables['LAZULI_SUBSCRIPTION_ID']}/resourceGroups"
            old = issuer.token(aud=ARM)
            with Known(service) as known:
                assert known.arm("GET", path, token=old)[0] == 403  # known, but without a role
                with Starved(service):
                    issuer.rotate("second")
                    asked = issuer.key_requests
                    for _ in range(5):
                        status, answer = known.arm("GET", path, token=issuer.token(aud=ARM))
                        assert (status, answer["error"]["code"]) == (401, "InvalidAuthenticationToken")
                        assert known.arm("GET", path, token=old)[0] == 403
                        assert known.arm("GET", path)[0] == 200
                    service.wait_for_log(" issuer_fetch_failed ")
                    assert issuer.key_requests == asked
                    assert "too many open files" in service.log_text()
                    assert service.log_text().count(" issuer_fetch_failed ") == 1  # not for each request
                assert " reload_done" in service.reload()
                wait_until(lambda: known.arm("GET", path, token=issuer.token(aud=ARM))[0] == 403, service.log_text)


# -- The start of a model ---------------------------------------------------------------------------------------------------

LLAMA = """\
  - { deployment: tiny, engine: tiny }
engines:
  - name: tiny
    llama: { model: embedded%s }
"""
MODEL_PATH = PACED_PATH.replace("paced", "tiny")


@pytest.fixture
def llama():
    with tempfile.TemporaryDirectory(prefix="lazuli-fake-") as folder:
        fake = FakeLlama(folder)
        yield fake
        fake.stop()


def begin(llama, settings=""):
    service = start(more=LLAMA % settings, arguments=["--llama-server", str(llama.program)])
    service.deploy("tiny", "gpt-4o", "2024-11-20")
    return service


@pytest.mark.parametrize("left", range(4))
def test_a_model_cannot_be_started(llama, left):
    """Whether its file cannot be opened, or there is no pipe to hear it by, or none for its fork. Who asks for it is told."""
    with begin(llama) as service, Known(service) as known:
        known.wait_until_alone()
        with Starved(service, left):
            began = time.monotonic()
            while time.monotonic() - began < 1:
                status, _, _, text = known.post(MODEL_PATH, QUICK).reply()
                assert (status, json.loads(text)) == (503, UNAVAILABLE)
                assert_served(known)
                time.sleep(0.02)
            assert not llama.processes
            # it is not tried again for each who asks, but half a second later, and later each time
            tries, passed_s = service.log_text().count(" engine_failed engine=tiny "), time.monotonic() - began
            assert 1 <= tries <= 1 + 2 * passed_s, service.log_text()
            assert "oo many open files" in service.log_text()
        wait_until(lambda: known.post(MODEL_PATH, QUICK).reply()[0] == 200, service.log_text)
        assert len(llama.processes) == 1


def test_a_model_that_ends_meanwhile(llama):
    """One that is kept up is tried again, ever later, and comes back though nobody asks for it."""
    with begin(llama, ", load_at_start: true") as service, Known(service) as known:
        wait_until(lambda: service.state_of("tiny") == (200, "ready"), service.log_text)
        (file,) = (service.data / "run").glob("tiny-*.pid")
        with Starved(service):
            began, used = time.monotonic(), cpu_seconds(service)
            os.kill(int(file.read_text().split()[0]), signal.SIGKILL)
            wait_until(lambda: service.log_text().count("oo many open files") >= 2, service.log_text)
            status, _, _, text = known.post(MODEL_PATH, QUICK).reply()
            assert (status, json.loads(text)) == (503, UNAVAILABLE)
            assert_served(known)
            assert cpu_seconds(service) - used < 0.3 * (time.monotonic() - began)
        wait_until(lambda: service.state_of("tiny") == (200, "ready"), service.log_text)
        assert len(llama.processes) == 2
        assert known.post(MODEL_PATH, QUICK).reply()[0] == 200
