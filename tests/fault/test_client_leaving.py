"""Clients that leave: whatever they were at, their generation ends at once, and nothing of them stays behind."""

import asyncio
import contextlib
import json
import re
import ssl
import statistics
import threading
import time

import pytest

from elsewhere import ELSEWHERE
from fake_upstream import FakeUpstream, chat_answer, chat_event
from faulty import BODY, Faulty, full_port
from queues import all_is_read_between
from scripted import ASKED, CATALOG, PATH, STREAM, WHOLE
from service import ONE_LOOP, Lazuli
from tls import Session
from waiting import wait_until
from wire import Wire

PATH_V1 = "/openai/v1/chat/completions"
STREAM_V1 = json.dumps(ASKED | {"model": "scripted", "stream": True}).encode()
TRIES = 5
LIMIT_S = 0.1
BUSY_LIMIT_S = 5


@pytest.fixture(params=["http", "https"])
def connect(request, service, certificate):
    context = ssl.create_default_context(cafile=certificate / "cert.pem") if request.param == "https" else None
    return lambda: Wire(service, tls=context)


class Departure:
    """A script of the upstream that says when the other side has closed the connection."""

    def __init__(self, upstream, begin=None):
        self.begin, self.reached, self.left, self.time = begin, threading.Event(), threading.Event(), None
        upstream.reset(self)

    async def __call__(self, call):
        if self.begin:
            await self.begin(call)
        self.reached.set()
        try:
            await call.until_left()
        finally:
            self.time = time.monotonic()
            self.left.set()

    def seconds_since(self, moment):
        assert self.left.wait(20), "the upstream was not told"
        return self.time - moment


async def one_event(call):
    await call.start_events()
    await call.event(chat_event("Scrip"))


def gauges_of(service, engine="scripted"):
    """Requests and connections of clients, calls of the engine. Who asks has a connection."""
    values = service.metrics()
    names = ("lazuli_requests_in_flight", "lazuli_connections_open", f'lazuli_engine_in_flight{{engine="{engine}"}}')
    return [values[name] for name in names]


def wait_until_nothing_is_left(service, engine="scripted"):
    """But the connection that asks."""
    wait_until(lambda: gauges_of(service, engine) == [0, 1, 0], lambda: gauges_of(service, engine))


def report(seconds, record_property):
    least_ms, median_ms, worst_ms = (round(kind(seconds) * 1000, 1) for kind in (min, statistics.median, max))
    for name, value in (("least_ms", least_ms), ("median_ms", median_ms), ("worst_ms", worst_ms)):
        record_property(name, value)
    print(f"the generation ends after {least_ms} to {worst_ms} ms, median {median_ms} ms, of {len(seconds)}")


def assert_at_once(seconds, record_property):
    """The worst one tells most of how busy the machine is: it has room for that."""
    report(seconds, record_property)
    assert statistics.median(seconds) < LIMIT_S, seconds
    assert max(seconds) < BUSY_LIMIT_S, seconds


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["closes", "resets"])
@pytest.mark.parametrize("path, body, begin", [
    (PATH, WHOLE, None), (PATH, STREAM, None), (PATH, STREAM, one_event), (PATH_V1, STREAM_V1, one_event),
], ids=["whole", "before-the-first-byte", "mid-stream", "mid-stream-v1"])  # fmt: skip
def test_the_generation_ends_at_once(service, upstream, connect, path, body, begin, leave, record_property):
    """Even while the engine says nothing, so that there is nothing to write to the client."""
    seconds = []
    for _ in range(TRIES):
        departure, wire = Departure(upstream, begin), connect()
        wire.post(path, body)
        if begin:
            wire.read_until(b"Scrip")
        assert departure.reached.wait(10)
        left_at = time.monotonic()
        leave(wire)
        seconds.append(departure.seconds_since(left_at))
    assert_at_once(seconds, record_property)
    wait_until_nothing_is_left(service)


def test_a_busy_stream_ends_at_once(service, upstream, connect, record_property):
    """Its client leaves with events unread."""

    async def script(call):
        await call.start_events()
        try:
            while True:
                await call.event(chat_event("word "))
        except ConnectionError:
            times.append(time.monotonic())
            left.set()
            raise

    seconds, times, left = [], [], threading.Event()
    for _ in range(TRIES):
        upstream.reset(script)
        left.clear()
        wire = connect()
        wire.post(PATH, STREAM).read_until(b"word")
        left_at = time.monotonic()
        wire.close()
        assert left.wait(20)
        seconds.append(times[-1] - left_at)
    assert_at_once(seconds, record_property)
    wait_until_nothing_is_left(service)


HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\napi-key: %s\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n"


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["closes", "resets"])
@pytest.mark.parametrize("part", ["connection", "head", "no body", "half a body"])
def test_before_the_request_is_whole(service, upstream, connect, part, leave):
    upstream.reset()
    head = (HEAD % service.key).encode()
    sent = {"connection": b"", "head": head[:70], "no body": head, "half a body": head + b'{"messages": ['}[part]
    for _ in range(TRIES):
        leave(connect().send(sent))
    wait_until_nothing_is_left(service)
    assert not upstream.calls


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["closes", "resets"])
@pytest.mark.parametrize("sent", [b"", b'{"messages": ['], ids=["no body", "half a body"])
def test_after_it_was_told_to_go_on(service, upstream, connect, sent, leave):
    upstream.reset()
    head = (HEAD % service.key).replace("Content-Length:", "Expect: 100-continue\r\nContent-Length:")
    for _ in range(TRIES):
        wire = connect()
        assert wire.send(head.encode()).read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        leave(wire.send(sent))
    wait_until_nothing_is_left(service)
    assert not upstream.calls


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["closes", "resets"])
@pytest.mark.parametrize("part", ["half a hello", "hello", "answer", "half of the last words"])
def test_within_the_handshake_of_tls(service, certificate, part, leave):
    """With the service's answer unread, too."""
    context = ssl.create_default_context(cafile=certificate / "cert.pem")
    for _ in range(TRIES):
        wire = Wire(service)
        session = Session(context, wire)
        hello = session.hello()
        wire.send(hello[:40] if part == "half a hello" else hello)
        if part in ("answer", "half of the last words"):
            session.fed(session.tls.do_handshake)
        if part == "half of the last words":
            last = session.going.read()
            wire.send(last[: len(last) // 2])
        leave(wire)
    wait_until_nothing_is_left(service)
    with Wire(service, tls=context) as wire:
        assert wire.send(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n").reply()[0] == 200


def test_while_its_answer_is_written(service, upstream, connect):
    """More than the sockets hold, of which it has read a little."""

    async def script(call):
        await call.reply(200, chat_answer("x" * 8_000_000))

    upstream.reset(script)
    for leave in (Wire.close, Wire.reset):
        wire = connect()
        wire.post(PATH, WHOLE).read_until(b"xxxx")
        leave(wire)
    wait_until_nothing_is_left(service)


def test_behind_requests_that_wait(service, upstream, connect, record_property):
    """Its connection is not read any more: what it asked for ahead fills the buffer."""
    more = f"GET /healthz HTTP/1.1\r\nHost: x\r\nx-fill: {'x' * 1000}\r\n\r\n".encode() * 100
    seconds = []
    for _ in range(TRIES):
        departure, wire = Departure(upstream, one_event), connect()
        wire.post(PATH, STREAM).read_until(b"Scrip")
        wire.send(more)
        left_at = time.monotonic()
        wire.close()
        seconds.append(departure.seconds_since(left_at))
    assert_at_once(seconds, record_property)
    wait_until_nothing_is_left(service)


@pytest.mark.parametrize("leave", [Wire.close, Wire.reset], ids=["closes", "resets"])
def test_what_it_asked_for_behind_a_stream(service, upstream, connect, leave):
    """It is not asked of the engine: nobody waits for it."""
    for _ in range(TRIES):
        departure, wire = Departure(upstream, one_event), connect()
        wire.post(PATH, STREAM).read_until(b"Scrip")
        leave(wire.post(PATH, WHOLE))
        departure.seconds_since(0)
        wait_until_nothing_is_left(service)
        assert [call.json.get("stream") for call in upstream.calls] == [True]


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_no_engine_answers(service, connect, kind):
    """Whatever is done for it goes to its end, and nobody is told of it."""
    make, wanted, _ = ELSEWHERE[kind]
    connect().send(make(service)).close()
    wait_until_nothing_is_left(service)
    with connect() as wire:
        assert wire.send(make(service)).reply()[0] in (wanted, 200)


# -- While it waits for its engine ------------------------------------------------------------------------------------------

TINY = """
extends: default
engines:
  - name: tiny
    llama:
      model: embedded
      load_at_start: true
      parallel: 1
"""
QUESTION = {"messages": [{"role": "user", "content": "What is a deployment?"}], "max_tokens": 16}
DEBUG = ["--log-level", "debug"]


def chat_path(deployment):
    return f"/openai/deployments/{deployment}/chat/completions?api-version=2024-10-21"


def wait_for_lines(service, text, count):
    """Until the log has so many lines with that text; the last of them."""

    def lines():
        found = [line for line in service.log_text().splitlines() if text in line]
        return len(found) >= count and found

    return wait_until(lines, lambda: service.log_text()[-4000:], step_s=0.001)[-1]


def seconds_to_the_end(service, leave, ended):
    """From the client's leaving until its request is over, as the log says."""
    left_at = time.monotonic()
    leave()
    assert " status=499 " in wait_for_lines(service, " exchange_end ", ended + 1)
    return time.monotonic() - left_at


def test_while_its_engine_loads(tmp_path, record_property):
    server = tmp_path / "llama-server"
    server.write_text("#!/bin/sh\nexec sleep 1000\n")  # is loading for ever
    server.chmod(0o755)
    with Lazuli(TINY, [*DEBUG, "--llama-server", str(server)]) as service:
        seconds = []
        for number in range(TRIES):
            wire = Wire(service)
            wire.post(chat_path("gpt-4"), WHOLE)
            wait_for_lines(service, " to=RELAY", number + 1)
            seconds.append(seconds_to_the_end(service, wire.close, number))
        wait_until_nothing_is_left(service, "tiny")
    assert_at_once(seconds, record_property)


def test_while_its_engine_is_called(record_property):
    """By a socket that neither takes nor refuses connections. Meanwhile the gauges tell of it."""
    with full_port() as port, Lazuli(CATALOG.format(port=port), DEBUG) as service:
        service.deploy("scripted", "gpt-4o", "2024-11-20")
        seconds = []
        for number in range(TRIES):
            wire = Wire(service)
            wire.post(PATH, WHOLE)
            wait_for_lines(service, " to=RELAY", number + 1)
            service.metrics()  # by when its loop has nothing more to do
            # the connection that asked before may not be closed yet
            wait_until(lambda: gauges_of(service) == [1, 2, 1], lambda: gauges_of(service))
            seconds.append(seconds_to_the_end(service, wire.close, number))
        wait_until_nothing_is_left(service)
    assert_at_once(seconds, record_property)


def test_while_it_waits_for_its_turn(record_property):
    """Its engine answers one at a time, and somebody else now."""
    with Lazuli(catalog=TINY, arguments=DEBUG) as service:
        endless = QUESTION | {"stream": True, "max_tokens": 4000, "logit_bias": {"2": -100}}
        with Wire(service) as first:
            first.post(chat_path("gpt-4"), json.dumps(endless).encode()).read_until(b"data: ")
            seconds = []
            for number in range(TRIES):
                wire = Wire(service)
                wire.post(chat_path("gpt-4"), json.dumps(QUESTION).encode())
                wait_for_lines(service, " to=RELAY", number + 2)
                seconds.append(seconds_to_the_end(service, wire.close, number))
        assert service.post("gpt-4", QUESTION).status_code == 200
        wait_until_nothing_is_left(service, "tiny")
    assert_at_once(seconds, record_property)


def test_while_its_prompt_is_counted(record_property):
    """By a llama-server that takes its time."""

    async def tell_context(call):
        await call.reply(200, {"default_generation_settings": {"n_ctx": 100}})

    faulty = Faulty("llama", {"victim": ""}, properties=tell_context)
    try:
        assert faulty.ask(max_tokens=4).status_code == 200
        seconds = []
        for _ in range(TRIES):
            departure, wire = Departure(faulty.engine), Wire(faulty.service)
            faulty.engine.counts = departure
            wire.post(chat_path("victim"), json.dumps(BODY | {"max_tokens": 100}).encode())
            assert departure.reached.wait(10)
            left_at = time.monotonic()
            wire.close()
            seconds.append(departure.seconds_since(left_at))
            assert not faulty.engine.calls
        wait_until_nothing_is_left(faulty.service, "victim")
        faulty.engine.reset()
        assert faulty.ask(max_tokens=4).status_code == 200
    finally:
        faulty.stop()
    assert_at_once(seconds, record_property)


TWO = """
extends: default
engines:
  - name: scripted
    upstream:
      addresses:
        - {{ url: "http://127.0.0.1:{first}/v1" }}
        - {{ url: "http://127.0.0.1:{second}/v1" }}
deployments:
  - {{ deployment: scripted, engine: scripted }}
"""


def ask_well(service):
    return service.post("scripted", QUESTION).status_code == 200


def test_between_two_addresses(record_property):
    """The one has refused, and has not come to the end of it; the other is asked in its place. Both are left."""
    upstreams, asked, refused = [FakeUpstream(), FakeUpstream()], [], threading.Event()

    async def refuse_first(call):
        asked.append(call)
        if len(asked) > 1:
            return
        await call.head(502, {"content-length": 1000})
        try:
            await call.until_left()
        finally:
            refused.set()

    ports = {name: upstream.port for name, upstream in zip(("first", "second"), upstreams, strict=True)}
    with Lazuli(TWO.format(**ports)) as service:
        service.deploy("scripted", "gpt-4o", "2024-11-20")
        seconds = []
        for _ in range(TRIES):
            asked.clear()
            refused.clear()
            departure = Departure(upstreams[0], refuse_first)
            upstreams[1].reset(departure)
            wire = Wire(service)
            wire.post(PATH, WHOLE)
            assert departure.reached.wait(10)
            left_at = time.monotonic()
            wire.close()
            seconds.append(departure.seconds_since(left_at))
            assert refused.wait(10), "the address that refused is not left"
            assert len(asked) == 2
            wait_until_nothing_is_left(service)
            for upstream in upstreams:
                upstream.reset()
            # each has to have answered well, lest it is left out
            wait_until(lambda: ask_well(service) and all(upstream.calls for upstream in upstreams), "one is not asked")
    for upstream in upstreams:
        upstream.stop()
    assert_at_once(seconds, record_property)


LARGE_COUNT = 256
LARGE = json.dumps({
    "object": "list", "model": "x", "usage": {"prompt_tokens": 1, "total_tokens": 1},
    "data": [{"object": "embedding", "index": n, "embedding": [0.0123456789] * 1536} for n in range(LARGE_COUNT)],
}).encode()  # fmt: skip


async def until_read(call):
    """Until the other side has read all that was sent: neither side's kernel holds anything of it, as they say themselves."""
    ports = [call.writer.get_extra_info(name)[1] for name in ("sockname", "peername")]
    while call.writer.transport.get_write_buffer_size() or not all_is_read_between(ports):
        await asyncio.sleep(0.001)


def test_while_its_embeddings_are_shaped(upstream):
    """On another thread, which a large answer is for: its work is not taken from under it, and nobody gets the result."""
    sent = threading.Event()

    async def answer(call):
        await call.head(200, {"content-length": len(LARGE)})
        await call.raw(LARGE[:-1])
        await until_read(call)
        await call.raw(LARGE[-1:])
        sent.set()

    upstream.reset(answer)
    body = json.dumps({"input": ["word"] * LARGE_COUNT}).encode()
    path = PATH.replace("chat/completions", "embeddings")
    with Lazuli(CATALOG.format(port=upstream.port), DEBUG, environment=ONE_LOOP) as service:
        service.deploy("scripted", "text-embedding-ada-002", "2")
        for number, leave in enumerate((Wire.close, Wire.reset) * TRIES):
            sent.clear()
            wire = Wire(service)
            wire.post(path, body)
            assert sent.wait(20)
            leave(wire)
            wait_for_lines(service, " exchange_end ", number + 1)
        wait_until_nothing_is_left(service)
        gone = service.log_text().count(" status=499 ")
        print(f"{gone} of {2 * TRIES} had left before the answer was shaped")
        assert gone
        with Wire(service) as wire:
            assert len(json.loads(wire.post(path, body).reply()[3])["data"]) == LARGE_COUNT


# -- While a real model generates -------------------------------------------------------------------------------------------

TRIES_MAX = 20
SOME_TOKENS_S = 0.3
ENDLESS = QUESTION | {"max_tokens": 4000, "logit_bias": {"2": -100}}


def begun_task(service, since):
    """The number of the task that llama-server has begun behind so many characters of the log, as it says itself."""
    found = wait_until(
        lambda: re.search(r" launch_slot_: .*\| task (\d+) \| processing task", service.log_text()[since:]),
        lambda: service.log_text()[-4000:], step_s=0.001,
    )  # fmt: skip
    return int(found[1])


def ended_task(service, task, since):
    """The number of tokens of its slot when it ends."""
    found = wait_until(
        lambda: re.search(rf" release: .*\| task {task} \| stop processing: n_tokens = (\d+)", service.log_text()[since:]),
        lambda: service.log_text()[-4000:], step_s=0.001,
    )  # fmt: skip
    return int(found[1])


@contextlib.contextmanager
def generating(service, stream):
    """A client for whom the model generates, and the task's number."""
    since = len(service.log_text())
    with Wire(service) as wire:
        wire.post(chat_path("gpt-4"), json.dumps(ENDLESS | {"stream": stream}).encode())
        task = begun_task(service, since)
        if stream:
            wire.read_until(b'"content":"')
        else:
            time.sleep(SOME_TOKENS_S)  # nothing tells of its first token
        yield wire, task
    ended_task(service, task, since)


@pytest.mark.parametrize("beside", [False, True], ids=["alone", "beside-another-stream"])
@pytest.mark.parametrize("stream", [True, False], ids=["mid-stream", "whole"])
def test_a_model_stops_at_once(stream, beside, record_property):
    """Its slot is free for the next one. On a busy machine a try may take longer, for each token does; but not most of them."""
    with Lazuli(catalog=TINY.replace("parallel: 1", "parallel: 2"), arguments=DEBUG) as service:
        wait_until(lambda: service.state_of("tiny") == (200, "ready"), service.log_text)
        seconds = []
        while len(seconds) < TRIES or (statistics.median(seconds) >= LIMIT_S and len(seconds) < TRIES_MAX):
            with contextlib.ExitStack() as others:
                if beside:
                    others.enter_context(generating(service, stream=True))
                wire, task = others.enter_context(generating(service, stream))
                since = len(service.log_text())
                left_at = time.monotonic()
                wire.close()
                assert ended_task(service, task, since) < ENDLESS["max_tokens"] / 2
                seconds.append(time.monotonic() - left_at)
        assert_at_once(seconds, record_property)
        wait_until(lambda: service.metrics()['lazuli_engine_in_flight{engine="tiny"}'] == 0, "it is counted still")
        assert service.post("gpt-4", QUESTION).status_code == 200
