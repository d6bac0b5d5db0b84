"""What an upstream costs, and the most that it may in a day: counted for all loops, refused before anything is sent."""

import asyncio
import concurrent.futures
import threading

import openai
import pytest

from fake_upstream import chat_answer
from limits import MESSAGES
from service import Lazuli
from waiting import wait_until

SHORT = {"messages": MESSAGES, "max_tokens": 2}  # estimated: a token of a thousandth, and two of a hundredth
COST = 0.003 + 0.020  # an answer's: see chat_answer

# Each test has an engine of its own, and with it a day of its own.
CATALOG = """
extends: default
engines:
  - name: counted
    upstream: {{ url: "{url}", cost: {{ input_per_million: 1000, output_per_million: 10000 }} }}
  - name: capped
    upstream: {{ url: "{url}", cost: {{ input_per_million: 1000, output_per_million: 10000, per_day: {most} }} }}
  - name: crowded
    upstream: {{ url: "{url}", cost: {{ input_per_million: 1000, output_per_million: 10000, per_day: 0.215 }} }}
deployments:
  - {{ deployment: counted, engine: counted }}
  - {{ deployment: capped, engine: capped }}
  - {{ deployment: crowded, engine: crowded }}
"""


def catalog(upstream, most=0.05, path="/v1"):
    return CATALOG.format(url=f"http://127.0.0.1:{upstream.port}{path}", most=most)


@pytest.fixture(scope="module")
def service(upstream_server):
    with Lazuli(catalog(upstream_server)) as running:
        for name in ("counted", "capped", "crowded"):
            running.deploy(name, "gpt-4", "0613", capacity=100)
        yield running


def spent(service, engine):
    return service.metrics()[f'lazuli_engine_cost_today{{engine="{engine}"}}']


def test_it_is_counted_by_the_upstreams_usage(service, upstream):
    usage = {"prompt_tokens": 100, "completion_tokens": 5, "total_tokens": 105}

    async def script(call):
        await call.reply(200, chat_answer(usage=usage | {"prompt_tokens_details": {"cached_tokens": 50}}))

    assert service.post("counted", SHORT).status_code == 200
    assert spent(service, "counted") == pytest.approx(COST)
    assert service.post("counted", SHORT | {"stream": True}).status_code == 200
    wait_until(lambda: spent(service, "counted") == pytest.approx(2 * COST), "the stream was not counted")
    upstream.reset(script)  # cached tokens cost as much as others, where no price is given
    assert service.post("counted", SHORT).status_code == 200
    assert spent(service, "counted") == pytest.approx(2 * COST + 0.1 + 0.05)
    assert 'lazuli_engine_cost_per_day_max{engine="counted"}' not in service.metrics()


def test_a_day_is_spent_and_a_reload_keeps_it(service, upstream):
    assert [service.post("capped", SHORT).status_code for _ in range(3)] == [200, 200, 403]
    assert len(upstream.calls) == 2
    with pytest.raises(openai.PermissionDeniedError, match="capped may cost in a day") as caught:
        service.azure(max_retries=2).chat.completions.create(model="capped", messages=MESSAGES, max_tokens=2)
    assert 0 < int(caught.value.response.headers["retry-after"]) <= 86401
    assert len(upstream.calls) == 2
    assert spent(service, "capped") == pytest.approx(2 * COST)
    assert service.metrics()['lazuli_engine_cost_per_day_max{engine="capped"}'] == pytest.approx(0.05)
    for most, path, status in ((0.05, "/v1/", 403), (0.07, "/v1", 200), (0.07, "/v1/", 403)):
        service.catalog_file.write_text(catalog(upstream, most, path))  # another path: another engine
        assert "reload_done" in service.reload()
        assert service.post("capped", SHORT).status_code == status, (most, path)
    assert spent(service, "capped") == pytest.approx(3 * COST)


def test_many_at_a_time_do_not_go_beyond(service, upstream):
    released = threading.Event()

    async def script(call):
        while not released.is_set():
            await asyncio.sleep(0.01)
        await call.reply(200, chat_answer())

    upstream.reset(script)
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        answers = [pool.submit(service.post, "crowded", SHORT) for _ in range(64)]
        try:
            wait_until(lambda: sum(a.done() for a in answers) == 54, "not all that have no room were refused", 60)
            upstream.wait_for_calls(10)
            assert spent(service, "crowded") == pytest.approx(0.21)
        finally:
            released.set()
    assert sorted(a.result().status_code for a in answers) == [200] * 10 + [403] * 54
    assert len(upstream.calls) == 10
    assert spent(service, "crowded") == pytest.approx(10 * COST)  # a little more than was estimated
