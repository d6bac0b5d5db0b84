"""A managed llama-server whose process misbehaves: only its own deployment is concerned, and it comes back by itself."""

import asyncio
import contextlib
import datetime
import itertools
import json
import os
import signal
import threading
import time

import requests

from errors import TIMEOUT, UNAVAILABLE, UNEXPECTED, is_server_error
from fake_upstream import FakeUpstream
from faulty import BODY, Bystander, Bystanders, Faulty, events_of, text_of, wait_until_settled
from service import ONE_LOOP, Lazuli
from waiting import wait_until

WATCHED = "health_interval_ms: 100, health_timeout_ms: 500, health_failures: 2"


@contextlib.contextmanager
def faulty_llama(settings="", **scripts):
    one = Faulty("llama", {"victim": settings}, **scripts)
    try:
        yield one
    finally:
        one.stop()


def times_of(service, *events):
    """When the log has them, in seconds."""
    lines = (line.split(" ", 3) for line in service.log_text().splitlines() if " engine=victim" in line)
    return [datetime.datetime.fromisoformat(at).timestamp() for at, _, event, _ in lines if event in events]


# The real one, which streams until it is stopped.
REAL = """
extends: default
engines:
  - name: other
    upstream: {{ url: "http://127.0.0.1:{port}/v1" }}
deployments:
  - {{ deployment: other, engine: other }}
"""


def test_killed_in_mid_stream():
    """Its stream ends in an error event, another engine's goes on, and the next request is served by a new process."""
    bystanders = Bystanders()
    other = FakeUpstream()
    other.script = bystanders
    with Lazuli(catalog=REAL.format(port=other.port), environment=ONE_LOOP) as service:
        service.deploy("other", "gpt-4o", "2024-11-20")
        bystander = Bystander(service, "other")
        endless = BODY | {"stream": True, "max_tokens": 4000, "logit_bias": {"2": -100}}
        with service.post("gpt-4", endless, stream=True) as answer:
            lines = answer.iter_lines()
            assert next(lines).startswith(b"data: ")
            (pid,) = (int(file.read_text().split()[0]) for file in (service.data / "run").glob("*.pid"))
            os.kill(pid, signal.SIGKILL)
            *_, last = (line for line in lines if line)
        assert is_server_error(json.loads(last[6:])["error"])
        bystanders.may_end.set()
        bystander.finish()
        assert service.post("gpt-4", BODY | {"max_tokens": 4}).status_code == 200
        wait_until_settled(service)
    other.stop()


def kill(faulty):
    (file,) = (faulty.service.data / "run").glob("victim-*.pid")
    os.kill(int(file.read_text().split()[0]), signal.SIGKILL)


def test_killed_before_the_first_byte():
    """Its request may be what has killed it, and is not sent again."""

    async def think(call):
        await call.until_left()

    with faulty_llama() as faulty:
        assert faulty.ask().status_code == 200
        with faulty.fault(think, spares_others_of_engine=False), faulty.asking() as asked:
            faulty.engine.wait_for_calls(1)
            # before that, it is taken for lost to a process that was dying already
            wait_until(lambda: time.monotonic() - faulty.engine.calls[0].came_s > 0.4, "it is too soon")
            kill(faulty)
            assert (asked().status_code, asked().json()) == (500, UNEXPECTED)
            assert len(faulty.engine.calls) == 1
        assert len(faulty.engine.processes) == 2


def test_slow_to_load():
    """Who comes meanwhile waits, /readyz tells, and all are served once it is loaded."""
    may_load = threading.Event()

    async def load(call):
        if may_load.is_set():
            await call.reply(200, {"status": "ok"})
        else:
            await call.reply(503, {"error": {"code": 503, "message": "Loading model", "type": "unavailable_error"}})

    with faulty_llama("load_at_start: true", health=load) as faulty:
        with faulty.asking() as asked, faulty.asking(stream=True) as asked_for_stream:
            wait_until(lambda: faulty.service.state_of("victim") == (503, "starting"), "it does not start")
            assert faulty.ask("other").status_code == 200
            assert not faulty.engine.calls
            may_load.set()
            assert asked().status_code == 200
            assert text_of(events_of(asked_for_stream().text)) == "Scripted."
        assert len(faulty.engine.processes) == 1
        wait_until_settled(faulty.service)


def test_not_loaded_in_time():
    """A request waits so long and not longer, be it for a stream; the model goes on loading for the next one."""
    may_load = threading.Event()

    async def load(call):
        await call.reply(200 if may_load.is_set() else 503, {})

    with faulty_llama("ready_timeout_ms: 300", health=load) as faulty:
        for stream in (False, True):
            answer = faulty.ask(stream=stream)
            assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        assert faulty.ask("other").status_code == 200
        assert "engine 'victim' was not ready in time" in faulty.service.log_text()
        may_load.set()
        wait_until(lambda: faulty.service.state_of("victim")[1] == "ready", "it does not load")
        assert faulty.ask().status_code == 200
        assert len(faulty.engine.processes) == 1
        wait_until_settled(faulty.service)


def test_hangs_while_it_loads():
    """It is killed in the end, and started again."""

    async def load(call):
        if len(faulty.engine.processes) == 1:
            await call.until_left()
        else:
            await call.reply(200, {"status": "ok"})

    with faulty_llama("load_timeout_ms: 3000", health=load) as faulty:
        answer = faulty.ask()
        assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        assert 'error="not ready after 3000 ms' in faulty.service.log_text()
        wait_until(lambda: faulty.ask().status_code == 200, "it does not come back", step_s=0.1)
        assert len(faulty.engine.processes) == 2
        wait_until_settled(faulty.service)


def test_slow_to_listen():
    """It has not even a socket at first."""
    may_listen = threading.Event()

    async def think(process):
        while not may_listen.is_set():
            await asyncio.sleep(0.02)
        await process.serve()

    with faulty_llama(start=think) as faulty:
        with faulty.asking() as asked:
            wait_until(lambda: faulty.service.state_of("victim")[1] == "starting", "it does not start")
            may_listen.set()
            assert asked().status_code == 200
        wait_until_settled(faulty.service)


def test_exits_at_once_in_a_loop():
    """It is tried again, each time later; requests get an error at once, others are served; mended, it comes back."""

    async def exit_at_once(process):
        process.say("error: the model is made of stone")
        process.exit(3)

    with faulty_llama("load_at_start: true", start=exit_at_once) as faulty:
        wait_until(lambda: len(faulty.engine.processes) >= 3, "it is not tried again")
        times = times_of(faulty.service, "llama_starting", "engine_failed")[:5]
        waits = [later - earlier for earlier, later in itertools.pairwise(times)][1::2]
        assert waits[0] > 0.45 and waits[1] > 0.95, times
        wait_until(lambda: faulty.service.state_of("victim") == (503, "failed"), "it is not told")
        for stream in (False, True):
            answer = faulty.ask(stream=stream)
            assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        assert faulty.ask("other").status_code == 200
        assert 'error="ended with code 3: error: the model is made of stone"' in faulty.service.log_text()
        faulty.engine.reset()
        wait_until(lambda: faulty.service.state_of("victim")[1] == "ready", "it does not come back")
        assert requests.get(f"{faulty.service.endpoint}/readyz").status_code == 200
        assert faulty.ask().status_code == 200
        wait_until_settled(faulty.service)


def test_loaded_on_demand_and_exits_at_once():
    """It is not tried again for every request: who comes before its time gets the error of before."""

    async def exit_at_once(process):
        process.exit(1)

    with faulty_llama(start=exit_at_once) as faulty:
        for _ in range(20):
            answer = faulty.ask()
            assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        assert len(faulty.engine.processes) < 10
        faulty.engine.reset()
        wait_until(lambda: faulty.ask().status_code == 200, "it does not come back")
        wait_until_settled(faulty.service)


def test_refuses_connections():
    """A process that runs and does not listen is replaced; who comes meanwhile waits for the next one."""
    with faulty_llama(WATCHED) as faulty:
        assert faulty.ask().status_code == 200
        (first,) = faulty.engine.processes
        faulty.engine.run(first.refuse())
        wait_until(lambda: len(faulty.engine.processes) == 2, "it is not replaced")
        assert faulty.ask().status_code == 200
        assert 'error="hung: no answer to 2 probes in a row' in faulty.service.log_text()
        wait_until_settled(faulty.service)


def test_refuses_connections_unwatched():
    """A request is sent some times in vain, then it gets an error."""
    with faulty_llama("health_interval_ms: 0") as faulty:
        assert faulty.ask().status_code == 200
        faulty.engine.run(faulty.engine.processes[0].refuse())
        answer = faulty.ask()
        assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        assert faulty.ask("other").status_code == 200
        wait_until_settled(faulty.service)


def test_hangs_with_calls_and_without_answers_to_probes():
    """Its calls end, it is replaced, and the next request is served."""

    async def hang(call):
        await call.until_left()

    with faulty_llama(WATCHED) as faulty:
        assert faulty.ask().status_code == 200
        faulty.engine.script = hang
        faulty.engine.health = hang
        with faulty.asking() as asked:
            faulty.engine.wait_for_calls(2)
            assert (asked().status_code, asked().json()) == (503, UNAVAILABLE)
        wait_until(lambda: 'error="hung' in faulty.service.log_text(), "it is not told")
        faulty.engine.reset()
        assert faulty.ask().status_code == 200
        wait_until_settled(faulty.service)


def test_answers_probes_with_garbage():
    """While it loads that is no answer; who waits gets one once it makes sense."""
    may_answer = threading.Event()

    async def babble(call):
        if may_answer.is_set():
            await call.reply(200, {})
        else:
            await call.raw(b"\x16\x03\x01lapis\r\n\r\n")
            await call.until_left()

    with faulty_llama(health=babble) as faulty:
        with faulty.asking() as asked:
            wait_until(lambda: faulty.engine.probes >= 3, "it is not asked")
            assert faulty.ask("other").status_code == 200 and not faulty.engine.calls
            may_answer.set()
            assert asked().status_code == 200
        wait_until_settled(faulty.service)


def test_properties_without_end():
    """What it can do is not known then, but for what needs nothing of it, it serves."""
    mib = b"a" * 1024 * 1024

    async def pour(call):
        await call.head(200, {"connection": "close"})
        for _ in range(64):
            await call.raw(mib)
        await call.close()

    with faulty_llama(properties=pour) as faulty:
        assert faulty.ask().status_code == 200
        assert "llama_properties_unknown" in faulty.service.log_text()
        wait_until_settled(faulty.service)


def test_counts_that_are_none():
    """How long the prompt is, it says in garbage: it is asked for the answer all the same, and has to see to it itself."""
    asked = []

    async def tell_context(call):
        await call.reply(200, {"default_generation_settings": {"n_ctx": 100}})

    async def babble(call):
        asked.append(call)
        await call.reply(200, b"lapis")

    with faulty_llama(properties=tell_context, counts=babble) as faulty:
        for _ in range(2):
            answer = faulty.ask(max_tokens=100)  # all of the context, so that there is no room for a prompt
            assert answer.status_code == 200, answer.text
        assert len(asked) == len(faulty.engine.calls) == 2
        assert faulty.ask("other").status_code == 200
        faulty.engine.reset()
        answer = faulty.ask(max_tokens=100)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")
        wait_until_settled(faulty.service)


def test_time_out_of_a_model_that_answers_probes():
    async def think(call):
        await call.until_left()

    with faulty_llama("first_byte_timeout_ms: 500, " + WATCHED) as faulty:
        assert faulty.ask().status_code == 200
        with faulty.fault(think):
            answer = faulty.ask()
            assert (answer.status_code, answer.json()) == (408, TIMEOUT)
        assert len(faulty.engine.processes) == 1  # it is slow, and does not hang
