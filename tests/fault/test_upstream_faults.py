"""An upstream with several addresses, some of which are not well: every client gets an answer, and who comes back is used."""

import asyncio
import concurrent.futures
import contextlib
import threading

import pytest
import requests

from errors import TIMEOUT, UNAVAILABLE, is_server_error
from fake_upstream import FakeUpstream, chat_answer, chat_event, obliging
from faulty import BODY, Bystander, Bystanders, events_of, full_port, text_of, wait_until_settled
from service import ONE_LOOP, Lazuli, free_port
from waiting import wait_until

CATALOG = """
extends: default
engines:
  - name: three
    upstream:
      {more}
      addresses:
        - {{ url: "http://127.0.0.1:{first}/v1" }}
        - {{ url: "http://127.0.0.1:{second}/v1" }}
        - {{ url: "http://127.0.0.1:{third}/v1" }}
deployments:
  - {{ deployment: three, engine: three }}
"""


class Three:
    """A service in front of three addresses: `dead`, where nobody listens, `slow` and `flapping`."""

    def __init__(self, more="", dead=None):
        self.slow, self.flapping = FakeUpstream(), FakeUpstream()
        catalog = CATALOG.format(more=more, first=dead or free_port(), second=self.slow.port, third=self.flapping.port)
        self.service = Lazuli(catalog, environment=ONE_LOOP)
        self.service.deploy("three", "gpt-4o", "2024-11-20")

    def ask(self, stream=False, **more):
        return self.service.post("three", BODY | {"stream": stream} | more, version="2023-05-15")

    def ask_many(self, count, stream=False):
        with concurrent.futures.ThreadPoolExecutor(8) as pool:
            return list(pool.map(lambda _: self.ask(stream), range(count)))

    @property
    def up(self):
        return self.service.metrics()['lazuli_engine_addresses_up{engine="three"}']

    def __enter__(self):
        return self

    def __exit__(self, *exception):
        wait_until_settled(self.service)
        self.service.__exit__()
        self.slow.stop()
        self.flapping.stop()


async def answer_slowly(call):
    await asyncio.sleep(0.1)
    await obliging(call)


async def hang_up(call):
    call.cut()


async def be_away(call):
    await call.reply(503, {"error": {"message": "Away.", "code": "x"}})


async def close_in_the_head(call):
    await call.raw(b"HTTP/1.1 200 OK\r\ncontent-ty")
    await call.close()


async def refuse_for_ever(call):
    """With an answer that does not end."""
    await call.head(503, {"content-length": 1000})
    await call.until_left()


def until(three, is_so, why):
    """Asks until it is so; every answer is a good one, meanwhile too."""

    def asked():
        answer = three.ask()
        assert answer.status_code == 200, answer.text
        return is_so()

    wait_until(asked, why)


@pytest.mark.parametrize("failing", [hang_up, be_away, close_in_the_head, refuse_for_ever])
def test_one_dead_one_slow_one_flapping(failing):
    """Every client gets its answer at any time; the flapping one is left out while it fails, and used again after that."""
    with Three() as three:
        three.slow.script = answer_slowly
        for _ in range(2):
            three.flapping.reset(failing)
            for stream in (False, True):
                answers = three.ask_many(16, stream)
                assert [a.status_code for a in answers] == [200] * 16
                assert all("Scrip" in a.text for a in answers)
            # without an address that works it is asked now and then at most
            until(three, lambda: three.up <= 1, "the flapping one is not left out")
            asked = len(three.flapping.calls)
            assert [a.status_code for a in three.ask_many(8)] == [200] * 8
            assert len(three.flapping.calls) <= asked + 2
            three.flapping.reset()
            until(three, lambda: three.flapping.calls, "it is not asked again")
            until(three, lambda: three.up == 2, "it is not back in rotation")


@pytest.mark.parametrize("failing", [hang_up, be_away, close_in_the_head])
def test_flapping_all_the_time(failing):
    """While requests and streams are under way, of which none may find it out."""
    with Three() as three:
        three.slow.script = answer_slowly
        ended = threading.Event()

        def flap():
            while not ended.wait(0.05):
                three.flapping.script = failing if three.flapping.script is obliging else obliging

        flapper = threading.Thread(target=flap)
        flapper.start()
        try:
            for stream in (False, True) * 3:
                answers = three.ask_many(32, stream)
                assert [a.status_code for a in answers] == [200] * 32
                assert all("Scrip" in a.text for a in answers)
        finally:
            ended.set()
            flapper.join()
        assert three.slow.calls and three.flapping.calls


def test_a_refusing_address_comes_back():
    """It refused connections, which are taken again by the same port."""
    with Three() as three:
        three.flapping.refuse()
        assert [a.status_code for a in three.ask_many(16)] == [200] * 16
        until(three, lambda: three.up == 1, "it is not left out")
        three.flapping.refuse(False)
        until(three, lambda: three.flapping.calls, "it is not asked again")


def test_an_address_that_takes_no_connections():
    """Nobody refuses there either."""
    with full_port() as port, Three("connect_timeout_ms: 300", dead=port) as three:
        for stream in (False, True):
            assert [a.status_code for a in three.ask_many(16, stream)] == [200] * 16
        until(three, lambda: three.up == 2, "it is not left out")


def test_all_refuse_and_come_back():
    with Three() as three:
        three.slow.refuse()
        three.flapping.refuse()
        for stream in (False, True):
            for _ in range(2):
                answer = three.ask(stream)
                assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
        ready = requests.get(f"{three.service.endpoint}/readyz").json()["engines"]
        assert ready["three"] == "failed"
        three.slow.refuse(False)
        three.flapping.refuse(False)
        wait_until(lambda: three.ask().status_code == 200, "none comes back")
        until(three, lambda: three.up == 2, "they are not both back")


@pytest.mark.parametrize("breaks", ["cut", "closed", "garbage", "stalls"])
def test_a_stream_is_not_tried_again_after_its_first_byte(breaks):
    """Half an answer and then another one from the start would be two: it ends in an error event."""
    bystanders = Bystanders()

    async def break_off(call):
        await call.start_events()
        await call.event(chat_event("one"))
        if breaks == "cut":
            call.cut()
        elif breaks == "closed":
            await call.close()
        elif breaks == "garbage":
            await call.event("lapis")
        await call.until_left()

    bystanders.script = break_off
    with Three("idle_timeout_ms: 500") as three:
        three.slow.script = three.flapping.script = bystanders
        bystander = Bystander(three.service, "three")
        before = len(three.slow.calls) + len(three.flapping.calls)
        answer = three.ask(stream=True)
        *chunks, last = events_of(answer.text)
        assert answer.status_code == 200 and text_of(chunks) == "one" and "[DONE]" not in answer.text
        assert is_server_error(last["error"]) or last["error"]["code"] == "InternalServerError"
        assert len(three.slow.calls) + len(three.flapping.calls) == before + 1
        bystanders.may_end.set()
        bystander.finish()
        bystanders.script = obliging
        assert [a.status_code for a in three.ask_many(8, stream=True)] == [200] * 8


def test_a_slow_one_is_not_asked_in_vain():
    """A time-out is the client's: it has waited for so long, and is not asked to wait again."""
    entered = threading.Event()

    async def keep_silent(call):
        entered.set()
        await call.until_left()

    with Three("first_byte_timeout_ms: 500") as three:
        three.slow.script = three.flapping.script = keep_silent
        answer = three.ask()
        assert (answer.status_code, answer.json()) == (408, TIMEOUT)
        assert entered.is_set() and len(three.slow.calls) + len(three.flapping.calls) == 1
        three.slow.reset()
        three.flapping.reset()
        assert [a.status_code for a in three.ask_many(8)] == [200] * 8


def test_a_refusal_that_hangs_does_not_delay():
    """429 is known by its head; the client does not wait for what would be thrown away."""
    released = threading.Event()

    async def refuse(call):
        await call.head(429, {"content-length": 1000, "retry-after-ms": "60000"})
        with contextlib.suppress(ConnectionError):
            await call.until_left()
        released.set()

    with Three() as three:
        three.flapping.script = refuse
        wait_until(lambda: three.ask().status_code == 200 and three.flapping.calls, "it is never asked")
        assert released.wait(10)  # long before idle_timeout_ms, which is a minute
        three.slow.script = refuse
        answer = three.ask()
        assert answer.status_code == 503 and answer.headers["retry-after-ms"]


async def drip_an_error(call):
    await call.head(500, {"transfer-encoding": "chunked"})
    while True:
        await call.chunk(b" ")
        await asyncio.sleep(0.02)


@pytest.mark.parametrize("stream", [False, True])
def test_an_error_that_drips_without_end(stream):
    """Its status has said enough when it takes longer than an answer may be silent."""
    with Three(more="idle_timeout_ms: 300") as three:
        three.slow.script = three.flapping.script = drip_an_error
        answer = three.ask(stream)
        assert answer.status_code == 500 and is_server_error(answer.json()["error"])


def test_who_leaves_an_error_that_ends_as_a_stream():
    async def refuse(call):
        await call.head(400, {"transfer-encoding": "chunked"})
        await call.chunk(b"data: [DONE]\n\n")
        await call.until_left()

    with Three() as three:
        three.slow.script = three.flapping.script = refuse
        with pytest.raises(requests.exceptions.ReadTimeout):
            three.service.post("three", BODY | {"stream": True}, timeout=0.5)
        three.slow.reset()
        three.flapping.reset()
        assert three.ask().status_code == 200


def test_health_checks_that_hang_or_babble():
    """An address is left out by its health check alone, and comes back with it."""
    well = threading.Event()

    async def check(call):
        if call.path != "/health":
            await call.reply(200, chat_answer())
        elif well.is_set():
            await call.reply(200, {})
        elif len(three.slow.calls) % 2:
            await call.raw(b"lapis\r\n\r\n")
        else:
            await call.until_left()

    with Three("health_path: /health\n      health_interval_ms: 200") as three:
        three.slow.script = three.flapping.script = check
        wait_until(lambda: three.up == 0, "they are not found out")
        assert three.ask().status_code == 200  # asked all the same
        well.set()
        wait_until(lambda: three.up == 2, "they are not found to be back")
