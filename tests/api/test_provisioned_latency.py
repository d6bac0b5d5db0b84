"""What a provisioned deployment admits is answered as fast when much more is asked of it than it takes, as when little is.

The engine has few slots, as a model's server has, and whoever finds none free waits for one: what is admitted beyond what it
can do shows in the latency of all that comes later.
"""

import asyncio
import contextlib
import json

import pytest

from fake_upstream import chat_event
from load import run_load
from service import Lazuli

SLOTS = 4
TOKENS = 8
TOKEN_S = 0.02
FIRST_S = 0.04
ANSWERS_PER_S = SLOTS / (FIRST_S + (TOKENS - 1) * TOKEN_S)  # 22
# Half of what the engine can do: a request takes 82 input tokens, and 15 units drain 902 a second.
ADMITTED_PER_S = 11
BURST_S = 1
CATALOG = """
extends: default
engines:
  - name: slots
    upstream: {{ url: "http://127.0.0.1:{port}/v1", model: backend }}
default_engines: {{ chat: slots }}
models:
  - name: gpt-4
    skus:
      - {{ name: Standard }}
      - {{ name: GlobalProvisionedManaged, minimum: 15, step: 5 }}
    ptu: {{ input_tokens_per_minute: 3608, output_ratio: 4, burst_seconds: {burst} }}
"""


def with_slots():
    slots = asyncio.Semaphore(SLOTS)

    async def script(call):
        async with slots:
            await asyncio.sleep(FIRST_S)
            await call.start_events()
            for i in range(TOKENS):
                if i:
                    await asyncio.sleep(TOKEN_S)
                await call.event(chat_event(f" {i}"))
        await call.event(chat_event(finish="length"))
        usage = {"prompt_tokens": 50, "completion_tokens": TOKENS, "total_tokens": 50 + TOKENS}
        await call.event(chat_event() | {"choices": [], "usage": usage})
        await call.end_events()

    return script


@contextlib.contextmanager
def running(upstream, **options):
    upstream.script = with_slots()
    with Lazuli(CATALOG.format(port=upstream.port, burst=BURST_S), **options) as service:
        service.deploy("units", "gpt-4", "0613", capacity=15, sku="GlobalProvisionedManaged")
        yield service


def load(service, per_s, seconds, report):
    """At planned times, whatever the service does; latencies are those of what was admitted."""
    done = run_load(
        *("-s", "custom", "-p", 50, "-m", TOKENS, "-c", 400, "-r", 60 * per_s, "-d", seconds),
        *("--report", report, "--data", service.data),
        deployment="units",
    )
    assert done.status == 0, done.err
    found = json.loads(report.read_text())
    assert found["totals"]["failures"] == found["totals"]["throttled"], done.err
    return found


def latencies(service, folder):
    """Of three loads: half of what is admitted; then at once three times as much; and as that goes on."""
    calm = load(service, ADMITTED_PER_S / 2, 5, folder / "calm.json")
    assert calm["totals"]["throttled"] == 0
    burst = load(service, 3 * ADMITTED_PER_S, 2, folder / "burst.json")
    return calm, burst, load(service, 3 * ADMITTED_PER_S, 5, folder / "over.json")


def growth(calm, over, figure, key):
    return over["latency_seconds"][figure][key] / calm["latency_seconds"][figure][key]


def is_even(calm, burst, over):
    """Nor does what an idle deployment takes at once wait longer than that drains."""
    return (
        growth(calm, over, "e2e", "p50") < 1.5
        and growth(calm, over, "ttft", "p50") < 2
        and growth(calm, over, "e2e", "p95") < 2
        and growth(calm, over, "ttft", "p95") < 4
        and burst["latency_seconds"]["e2e"]["max"] < calm["latency_seconds"]["e2e"]["max"] + BURST_S
    )


def test_what_is_admitted_is_answered_as_fast_as_ever(upstream, tmp_path):
    """Once in three times: a machine that does other things besides makes latencies uneven, and never even."""
    with running(upstream, rate_limits=True) as service:
        for _ in range(3):
            found = latencies(service, tmp_path)
            totals = found[-1]["totals"]
            assert totals["throttled"] > totals["done"] > 0.7 * 5 * ADMITTED_PER_S
            if is_even(*found):
                return
    pytest.fail(str([each["latency_seconds"] for each in found]))


def test_without_limits_all_wait_for_the_engine(upstream, tmp_path):
    """That the measure above shows it where more is admitted than the engine can do."""
    with running(upstream, rate_limits=False) as service:
        calm, burst, over = latencies(service, tmp_path)
    assert over["totals"]["throttled"] == 0
    assert growth(calm, over, "e2e", "p50") > 3 and growth(calm, over, "ttft", "p50") > 6
    assert not is_even(calm, burst, over)
