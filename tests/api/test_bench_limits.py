"""lazuli bench load against services that answer 429: scripted ones, the simulator, and lazuli's own limits."""

import json
import re

import pytest

from fake_upstream import answering, obliging
from limits import catalog, deploy_provisioned
from load import SHORT, run_load
from service import Lazuli


def throttling(times, headers):
    """So many answers of 429, then good ones."""
    asked = []

    async def script(call):
        asked.append(call)
        if len(asked) <= times:
            await call.reply(429, {"error": {"code": "429", "message": "Rate limit is exceeded."}}, headers)
        else:
            await obliging(call)

    return script


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [({"retry-after-ms": "300", "retry-after": "30"}, 0.3), ({"retry-after": "1"}, 1.0)],
)
def test_retries_when_it_is_told(upstream, endpoint, headers, seconds):
    upstream.script = throttling(2, headers)
    done = run_load("-n", 1, "-t", "exponential", "-f", "jsonl", *SHORT, endpoint)
    assert done.status == 0, done.err
    first, second, third = (call.came_s for call in upstream.calls)
    assert second - first >= seconds * 0.99 and third - second >= seconds * 0.99
    assert (done.last["completed"], done.last["failures"], done.last["throttled"]) == (1, 0, 0)
    assert done.last["e2e"]["avg"] >= 2 * seconds * 0.99  # from the first attempt on
    assert "2 answers of 429 were tried again" in done.err


def test_backs_off_where_it_is_not_told(upstream, endpoint):
    upstream.script = throttling(1, {})
    done = run_load("-n", 1, "-t", "exponential", *SHORT, endpoint)
    assert done.status == 0, done.err
    assert len(upstream.calls) == 2


def test_gives_up_what_would_take_more_than_a_minute(upstream, endpoint):
    upstream.script = throttling(100, {"retry-after-ms": "61000"})
    done = run_load("-n", 1, "-t", "exponential", *SHORT, endpoint)
    assert done.status == 1
    assert (done.last["failures"], done.last["throttled"]) == ("1", "1")
    assert len(upstream.calls) == 1


def test_drops_what_is_throttled(upstream, endpoint):
    upstream.script = throttling(2, {"retry-after-ms": "50", "apim-request-id": "id-of-429"})
    done = run_load("-n", 3, "-c", 1, *SHORT, endpoint)
    assert done.status == 0, done.err
    assert len(upstream.calls) == 3
    assert (done.last["completed"], done.last["failures"], done.last["throttled"]) == ("3", "2", "2")
    assert "call failed" not in done.err
    assert "2  throttled 429: 429: Rate limit is exceeded. (apim-request-id id-of-429, id-of-429)" in done.err


def test_retries_nothing_else(upstream, endpoint):
    upstream.script = answering(503, {"error": {"code": "ServiceUnavailable", "message": "Later."}}, {"retry-after-ms": "10"})
    done = run_load("-n", 2, "-c", 1, "-t", "exponential", *SHORT, endpoint)
    assert done.status == 1
    assert len(upstream.calls) == 2


@pytest.fixture(scope="module")
def provisioned():
    with Lazuli(catalog(), rate_limits=True) as service:
        yield service


def load_provisioned(service, deployment, *words):
    """A request takes some 95 of the 3,450 tokens a minute: 50 of its prompt, and four for each token of its answer."""
    deploy_provisioned(service, deployment)
    return run_load(*SHORT, "-c", 2, "--data", service.data, *words, deployment=deployment)


def test_meets_the_limit_of_a_provisioned_deployment(provisioned, tmp_path):
    report = tmp_path / "report.json"
    done = load_provisioned(provisioned, "full", "-n", 60, "--report", report)
    assert done.status == 0, done.err
    totals = json.loads(report.read_text())["totals"]
    assert 20 < totals["done"] < 50 and totals["throttled"] == totals["failures"] == 60 - totals["done"]
    assert totals["utilization_max"] > 100
    assert float(done.last["util_95th"].rstrip("%")) > 95
    assert "Requests have exceeded the throughput limit on your Provisioned-Managed deployment." in done.err


def test_waits_for_a_provisioned_deployment(provisioned):
    """As long as it is told, and no request is lost."""
    done = load_provisioned(provisioned, "waiting", "-n", 42, "-t", "exponential")
    assert done.status == 0, done.err
    assert (done.last["completed"], done.last["failures"], done.last["throttled"]) == ("42", "0", "0")
    assert re.search(r"throttled: \d+ answers of 429 were tried again", done.err)


def test_lives_through_faults_of_the_simulator(lazuli_with_faults):
    service = lazuli_with_faults
    done = run_load("-n", 60, "-c", 4, "-f", "jsonl", *SHORT, service.endpoint, OPENAI_API_KEY=service.key)
    assert done.status == 0, done.err
    last = done.last
    assert last["completed"] == 60
    assert 0 < last["throttled"] == last["failures"] < 60


@pytest.fixture
def lazuli_with_faults(tmp_path):
    catalog = """
extends: default
engines:
  - name: sim
    sim: { seed: 1, fault: { kind: status, status: 429, retry_after_ms: 20, rate: 0.3 } }
default_engines: { chat: sim }
"""
    with Lazuli(catalog, data=tmp_path) as service:
        yield service
