"""Clients that leave their streams count for what had come until then, and nothing of what was set aside for them stays so."""

import json
import time

import pytest

from fake_upstream import FakeUpstream, chat_event
from faulty import wait_until_settled
from service import ONE_LOOP, Lazuli
from waiting import wait_for_room
from wire import Wire

STREAMS = 50
EVENTS, EVENT_TEXT = 10, "x" * 400  # a token is four bytes, where nobody tells: 1,000 a stream
WORK = 1 + 4 * 1000  # of a provisioned deployment, where an output token counts for four
PER_MINUTE = 15 * 23000
MAX_TOKENS = 8000  # what is set aside for each is eight times as much as it takes
BODY = {"messages": [{"role": "user", "content": "hi"}], "max_tokens": MAX_TOKENS, "stream": True}
CATALOG = """
extends: default
engines:
  - name: scripted
    upstream: {{ url: "http://127.0.0.1:{port}/v1" }}
default_engines: {{ chat: scripted }}
models:
  - name: gpt-4
    skus:
      - {{ name: Standard }}
      - {{ name: GlobalProvisionedManaged, minimum: 15, step: 5 }}
    ptu: {{ input_tokens_per_minute: 23000, output_ratio: 4 }}
"""


async def script(call):
    """As many events for each; then, for who leaves, none."""
    await call.start_events()
    for _ in range(EVENTS):
        await call.event(chat_event(EVENT_TEXT))
    if call.json.get("user") == "leaves":
        await call.until_left()
    await call.event(chat_event(finish="stop"))
    await call.end_events()


@pytest.fixture(scope="module")
def upstream():
    fake = FakeUpstream()
    fake.script = script
    yield fake
    fake.stop()


def stream(service, deployment, leaves):
    """With all the text that there is; by then lazuli has counted it."""
    path = f"/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21"
    with Wire(service) as wire:
        wire.post(path, json.dumps(BODY | ({"user": "leaves"} if leaves else {})).encode())
        data = b""
        while data.count(EVENT_TEXT.encode()) < EVENTS or not (leaves or data.endswith(b"0\r\n\r\n")):
            more = wire.read()
            assert more, data
            data += more


def after_streams(service, deployment, leave):
    """What the deployment says of itself after them, by a request that it refuses."""
    for _ in range(STREAMS):
        stream(service, deployment, leave)
    wait_until_settled(service)
    answer = service.post(deployment, {"messages": []})
    assert answer.status_code == 400, answer.text
    return answer.headers


def test_utilization_is_that_of_whole_streams(upstream):
    """A percent drains in 0.6 s, which is added again."""
    found = {}
    with Lazuli(CATALOG.format(port=upstream.port), environment=ONE_LOOP) as service:
        for name, leave in (("whole", False), ("left", True)):
            service.deploy(name, "gpt-4", "0613", capacity=15, sku="GlobalProvisionedManaged")
            begun_s = time.monotonic()
            told = after_streams(service, name, leave)["azure-openai-deployment-utilization"]
            found[name] = float(told[:-1]) + (time.monotonic() - begun_s) / 0.6
    print(found)
    assert found["whole"] == pytest.approx(100 * STREAMS * WORK / PER_MINUTE, abs=1)
    assert found["left"] == pytest.approx(found["whole"], abs=1)  # what was set aside for one is 9


@pytest.mark.parametrize("charge", ["false", "true"], ids=["by the estimate", "by the usage"])
def test_remaining_tokens_are_those_of_whole_streams(upstream, charge):
    found = {}
    arguments = [f"--charge-usage={charge}"]
    with Lazuli(CATALOG.format(port=upstream.port), arguments, environment=ONE_LOOP) as service:
        for name in ("whole", "left"):
            service.deploy(name, "gpt-4", "0613", capacity=500)
        wait_for_room(60, 20)
        for name, leave in (("whole", False), ("left", True)):
            told = after_streams(service, name, leave)
            found[name] = [int(told[f"x-ratelimit-remaining-{what}"]) for what in ("tokens", "requests")]
    taken = 1001 if charge == "true" else MAX_TOKENS + 1
    assert found["left"] == found["whole"] and found["whole"][0] == 500_000 - STREAMS * taken, found
