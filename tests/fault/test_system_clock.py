"""The machine's clock is set an hour forward, and back: nothing that is under way, or limited, notices."""

import asyncio
import datetime
import email.utils
import json
import re
import ssl
import subprocess
import threading
import time
import uuid

import pytest
import requests

from entra import ARM, DATA, claims_of
from fake_upstream import chat_answer
from service import Lazuli
from shifted_clock import Clock
from waiting import wait_until
from wire import Wire

HOUR_S = 3600
DAY_S = 24 * HOUR_S
OPENAI_USER = "5e0bd9bd-7b93-4f28-af87-19fc36ad61bd"
MESSAGES = [{"role": "user", "content": "Hi"}]
CATALOG = """
extends: default
engines:
  - name: scripted
    upstream: {{ url: "http://127.0.0.1:{port}/v1", first_byte_timeout_ms: 60000 }}
  - name: hasty
    upstream: {{ url: "http://127.0.0.1:{port}/v1", first_byte_timeout_ms: 500 }}
models:
  - name: ours
    operations: [chat]
    capabilities: [chatCompletion]
    engine: sim
    default_version: "2"
    skus: [{{ name: Standard }}, {{ name: ProvisionedManaged, minimum: 15, step: 5 }}]
    ptu: {{ input_tokens_per_minute: 230, output_ratio: 4 }}
    versions:
      - {{ version: "1", created: 2024-01-01, retires: {tomorrow} }}
      - {{ version: "2", created: 2024-06-01 }}
deployments:
  - {{ deployment: paced, sim: {{ tokens_per_second: 20, answer_tokens: 40 }} }}
  - {{ deployment: scripted, engine: scripted }}
  - {{ deployment: hasty, engine: hasty }}
"""


@pytest.fixture(scope="module")
def clock(tmp_path_factory):
    return Clock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def service(clock, upstream):
    catalog = CATALOG.format(port=upstream.port, tomorrow=clock.tomorrow)
    with Lazuli(catalog, ["--head-timeout-ms", "500"], environment=clock.environment, rate_limits=True) as running:
        for name in ("paced", "quick", "scripted", "hasty"):
            running.deploy(name, "ours", "2", capacity=1000)
        yield running


def request(deployment):
    return f"/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21"


def body(**more):
    return json.dumps({"messages": MESSAGES} | more).encode()


def shown_time(headers):
    return email.utils.parsedate_to_datetime(headers["date"]).timestamp()


def wait_for_the_clock(service, clock):
    """Until answers bear the new time; a second is shown for a second."""

    def lag_s():
        return abs(shown_time(service.post("quick", body(max_tokens=1)).headers) - clock.now())

    wait_until(lambda: lag_s() <= 2, "answers do not bear the new time")


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S], ids=["forward", "back"])
def test_an_hour(service, upstream, clock, seconds):
    """Time-outs that run neither end nor wait an hour more; streams go on."""
    answer = threading.Event()

    async def script(call):
        if call.json["user"] == "late":
            await asyncio.get_running_loop().run_in_executor(None, answer.wait, 30)
            await call.reply(200, chat_answer())
        else:
            await call.until_left()

    upstream.reset(script)
    with Wire(service) as stream, Wire(service) as late, Wire(service) as hasty, Wire(service) as idle, Wire(service) as loris:
        idle.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").reply()
        data = stream.post(request("paced"), body(stream=True)).read_until(b'"delta":{"content":"')
        late.post(request("scripted"), body(user="late"))
        upstream.wait_for_calls(1)
        hasty.post(request("hasty"), body(user="never"))
        loris.send(b"GET /healthz HTTP/1.1\r\nHos")
        began = time.monotonic()
        clock.move(seconds)
        assert hasty.reply()[0] == 408 and loris.reply()[0] == 408
        assert 0.3 < time.monotonic() - began < 20
        data += stream.read_until(b"0\r\n\r\n")
        assert data.count(b'"delta":{"content":"') >= 40 and b"data: [DONE]" in data
        answer.set()
        assert late.reply()[0] == 200
        assert idle.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").reply()[0] == 200
    wait_for_the_clock(service, clock)
    made = service.arm("PUT", f"/deployments/at{seconds}", service.arm("GET", "/deployments/quick").json())
    assert made.status_code == 201, made.text
    created = datetime.datetime.fromisoformat(made.json()["systemData"]["createdAt"])
    assert abs(created.timestamp() - clock.now()) < 5


@pytest.mark.parametrize("seconds", [HOUR_S, -HOUR_S], ids=["forward", "back"])
def test_limits(service, clock, seconds):
    """A window of the old time is over, one of the new time fills as any other; a leaky bucket goes on as if nothing was."""
    service.deploy("full", "ours", "2", capacity=1)
    service.deploy("ptu", "ours", "2", capacity=15, sku="ProvisionedManaged")

    def utilization():
        return float(service.post("ptu", body()).headers["azure-openai-deployment-utilization"].rstrip("%"))

    def fill():
        def refused():
            answer = service.post("full", body(max_tokens=1))
            return answer.status_code == 429 and answer.headers

        return wait_until(refused, "no 429")

    fill()
    before = [utilization() for _ in range(8)][-1]
    assert before > 10
    clock.move(seconds)
    wait_for_the_clock(service, clock)
    assert service.post("full", body(max_tokens=1)).status_code == 200
    assert 0 < int(fill()["retry-after"]) <= 11
    assert before - 15 < utilization() < before + 15
    clock.move(-seconds)
    wait_for_the_clock(service, clock)


def test_over_the_end_of_a_token(service, clock):
    """Of one for each plane, which were taken until then: the data plane remembers what was good."""
    v = service.variables
    connection = requests.Session()  # one connection comes to one worker, which is the one that remembers

    def token(scope):
        form = {"grant_type": "client_credentials", "client_id": v["AZURE_CLIENT_ID"], "scope": f"{scope}/.default"}
        form["client_secret"] = v["AZURE_CLIENT_SECRET"]
        answer = requests.post(f"{service.endpoint}/{v['AZURE_TENANT_ID']}/oauth2/v2.0/token", data=form, timeout=60)
        return answer.json()["access_token"]

    def read(bearer):
        answer = service.arm("GET", "", token=bearer)
        return answer.status_code, answer.json().get("error", {}).get("code")

    def chat(bearer):
        path = f"{service.endpoint}/accounts/{v['LAZULI_ACCOUNT']}{request('quick')}"
        headers = {"Authorization": f"Bearer {bearer}"}
        answer = connection.post(path, json=json.loads(body(max_tokens=1)), headers=headers, timeout=60)
        return answer.status_code, answer.json().get("message", "")[:12]

    tokens = token(ARM), token(DATA)
    claims = claims_of(tokens[0])
    scope = f"/subscriptions/{v['LAZULI_SUBSCRIPTION_ID']}/providers/Microsoft.Authorization"
    role = {"roleDefinitionId": f"{scope}/roleDefinitions/{OPENAI_USER}", "principalId": claims["oid"]}
    made = service.arm("PUT", f"{scope}/roleAssignments/{uuid.uuid4()}", {"properties": role}, "2022-04-01")
    assert made.status_code == 201, made.text
    for moved_s, reading, chatting in (
        (0, (200, None), (200, "")),
        (HOUR_S - 300, (200, None), (200, "")),
        (600, (401, "ExpiredAuthenticationToken"), (401, "Unauthorized")),
    ):
        clock.move(moved_s)
        wait_for_the_clock(service, clock)
        assert (read(tokens[0]), chat(tokens[1])) == (reading, chatting), moved_s
    assert (read(token(ARM)), chat(token(DATA))) == ((200, None), (200, ""))
    clock.move(-HOUR_S - 300)


def test_over_a_retirement(service, clock):
    """A model retires when the clock says so, and is back when it was set in error."""
    model = {"format": "OpenAI", "name": "ours", "version": "1"}
    properties = {"model": model, "versionUpgradeOption": "NoAutoUpgrade"}
    made = service.arm("PUT", "/deployments/old", {"sku": {"name": "Standard", "capacity": 1000}, "properties": properties})
    assert made.status_code == 201, made.text
    for seconds, status in ((HOUR_S, 404), (-HOUR_S, 200), (HOUR_S, 404), (-HOUR_S, 200)):
        clock.move(seconds)
        assert " reload_done" in service.reload()
        answer = service.post("old", body(max_tokens=1))
        assert answer.status_code == status, answer.text
        assert service.post("quick", body(max_tokens=1)).status_code == 200


def test_metrics_of_what_is_gone(service, clock):
    """Its series are shown for a quarter of an hour more; there are only so many, and deployments come and go."""

    def counted():
        return set(re.findall(r'lazuli_requests_total\{.*?deployment="([^"]*)"', "\n".join(service.metrics())))

    service.deploy("brief", "ours", "2", capacity=1000)
    for name in ("brief", "quick"):
        assert service.post(name, body(max_tokens=1)).status_code == 200
    assert service.arm("DELETE", "/deployments/brief").status_code in (200, 202)
    assert counted() >= {"brief", "quick"}
    clock.move(14 * 60)
    wait_for_the_clock(service, clock)
    assert counted() >= {"brief", "quick"}
    clock.move(2 * 60)
    wait_for_the_clock(service, clock)
    assert "brief" not in counted() and "quick" in counted()
    clock.move(-16 * 60)


def certificate_end(pem):
    line = ["openssl", "x509", "-noout", "-enddate"]
    out = subprocess.run(line, input=pem, check=True, capture_output=True, text=True).stdout
    return ssl.cert_time_to_seconds(out.strip().removeprefix("notAfter="))


def test_over_the_end_of_a_certificate(tmp_path):
    """That of the development CA is made anew a month before, while the service runs, and without a new CA."""
    clock = Clock(tmp_path)
    with Lazuli(data=tmp_path, environment=clock.environment) as service, Wire(service) as open_before:
        address = ("127.0.0.1", service.port)
        first, authority = ssl.get_server_certificate(address), (service.data / "tls" / "ca.pem").read_text()
        assert abs(certificate_end(first) - clock.now() - 396 * DAY_S) < DAY_S
        clock.move(365 * DAY_S)
        assert "certificate_renewed" not in service.reload()
        assert ssl.get_server_certificate(address) == first
        clock.move(2 * DAY_S)
        assert "certificate_renewed" in service.reload()
        wait_until(lambda: ssl.get_server_certificate(address) != first, "the old certificate is presented")
        assert abs(certificate_end(ssl.get_server_certificate(address)) - clock.now() - 396 * DAY_S) < DAY_S
        assert (service.data / "tls" / "ca.pem").read_text() == authority
        assert open_before.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").reply()[0] == 200
