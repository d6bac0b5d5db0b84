"""Clients that are slow: at reading, which holds back their engine alone, and at sending, which is limited."""

import contextlib
import json
import select
import ssl
import threading
import time

import pytest

from certificate import tls_arguments
from errors import TIMEOUT
from fake_upstream import FakeUpstream, chat_event
from faulty import wait_until_settled
from memory import FACTOR, resident_mib
from queues import all_is_read_between
from scripted import CATALOG, PATH, STREAM, WHOLE
from service import Lazuli
from waiting import wait_until
from wire import Wire, narrow

LIMITS = ["--head-timeout-ms", "800", "--body-timeout-ms", "800"]

# -- Reading ----------------------------------------------------------------------------------------------------------------

EVENTS = 3000  # more than all kernels on the way hold
EVENT_BYTES = 8000
READERS = 4
MIB_EACH = 1  # 256 KiB are held back, and what was read with them; the rest is the sanitizer's


def contents(data):
    events = data.partition(b"\r\n\r\n")[2].split(b"data: {")[1:]
    deltas = [json.loads("{" + event.decode().partition("\n\n")[0])["choices"] for event in events]
    return [choices[0]["delta"]["content"][:5] for choices in deltas if choices and choices[0]["delta"].get("content")]


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_a_slow_reader_holds_its_engine_back(service, upstream, certificate, scheme):
    """Not lazuli, which keeps little of what is not read; and not the others. Nothing is lost."""
    tls = ssl.create_default_context(cafile=certificate / "cert.pem") if scheme == "https" else None
    sent = []

    async def pour(call):
        mine = len(sent)
        sent.append(0)
        await call.start_events()
        for number in range(EVENTS):
            await call.event(chat_event(f"{number:05}" + "x" * EVENT_BYTES))
            sent[mine] += 1
        await call.event(chat_event(finish="stop"))
        await call.end_events()

    upstream.reset(pour)
    with Wire(service, tls=tls) as first:  # what one stream takes that is read at once, lazuli has from then on
        first.post(PATH, STREAM).read_until(b"0\r\n\r\n")
    upstream.reset(pour)
    sent.clear()
    before = resident_mib(service)
    with contextlib.ExitStack() as stack:
        slow = [stack.enter_context(narrow(service, tls)) for _ in range(READERS)]
        for wire in slow:
            wire.post(PATH, STREAM)
        upstream.wait_for_calls(READERS)
        quick = stack.enter_context(Wire(service, tls=tls))
        data = quick.post(PATH, STREAM).read_until(b"0\r\n\r\n")
        assert contents(data) == [f"{number:05}" for number in range(EVENTS)]
        # the quick one has got all; the slow ones' upstreams began before, and have had as long
        held = sent[:READERS]
        assert all(0 < count < EVENTS * 3 // 4 for count in held), held
        grown = resident_mib(service) - before
        print(f"{grown:.1f} MiB more for {READERS} streams held back after {held} of {EVENTS} events of {EVENT_BYTES} bytes")
        assert grown < READERS * MIB_EACH * FACTOR, grown
        for wire in slow:
            assert contents(wire.read_until(b"0\r\n\r\n")) == [f"{number:05}" for number in range(EVENTS)]


def test_who_takes_nothing_is_dropped(certificate):
    """A stream whose client has stopped reading does not keep its engine for ever: it ends after write_timeout_ms."""
    upstream = FakeUpstream()

    async def pour(call):
        await call.start_events()
        while True:
            await call.event(chat_event("x" * EVENT_BYTES))

    upstream.reset(pour)
    options = [*tls_arguments(certificate), "--write-timeout-ms", "500"]
    with Lazuli(CATALOG.format(port=upstream.port), options) as service:
        service.endpoint = service.endpoint.replace("https:", "http:")
        service.deploy("scripted", "gpt-4o", "2024-11-20")
        for tls in (None, ssl.create_default_context(cafile=certificate / "cert.pem")):
            upstream.reset(pour)
            with narrow(service, tls) as wire:
                wire.post(PATH, STREAM).read_until(b"xxxx")
                assert upstream.left.wait(20)
                wait_until_settled(service)
                with contextlib.suppress(ConnectionResetError, ssl.SSLError):
                    assert b"[DONE]" not in wire.read_all()
    upstream.stop()


# -- Sending ----------------------------------------------------------------------------------------------------------------

HEAD = f"POST {PATH} HTTP/1.1\r\nHost: x\r\napi-key: %s\r\nContent-Type: application/json\r\n"
CONNECTIONS = {"http": 200, "https": 50}  # a handshake takes its time
PAUSE_S = 0.1


class Drip(threading.Thread):
    """Connections that send a byte now and then, all at once, until each of them has been closed."""

    def __init__(self, wires, start, byte):
        super().__init__(daemon=True)
        self.byte = byte
        self.sockets = [wire.send(start).socket for wire in wires]
        self.began = time.monotonic()
        self.answers, self.seconds = [], []
        self.start()

    def run(self):
        left = dict.fromkeys(self.sockets, b"")
        for one in left:
            one.setblocking(False)
        while left:
            for readable in select.select(list(left), [], [], PAUSE_S)[0]:
                with contextlib.suppress(ConnectionResetError):
                    try:
                        data = readable.recv(65536)
                    except ssl.SSLWantReadError:
                        continue  # it was TLS's own
                    if data:
                        left[readable] += data
                        continue
                self.answers.append(left.pop(readable))
                self.seconds.append(time.monotonic() - self.began)
                readable.close()
            for one in left:
                with contextlib.suppress(ConnectionError, ssl.SSLError):  # it has its answer, which is read above
                    one.send(self.byte)


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("place", ["head", "body", "chunks"])
def test_a_byte_now_and_then(service, upstream, certificate, place, scheme):
    """The limits hold for many at once, and whoever else comes meanwhile is served."""
    tls = ssl.create_default_context(cafile=certificate / "cert.pem") if scheme == "https" else None
    upstream.reset()
    head = HEAD % service.key
    start, byte = {
        "head": (head + "x-slow: ", b"a"),
        "body": (head + "Content-Length: 100000\r\n\r\n{", b" "),
        "chunks": (head + "Transfer-Encoding: chunked\r\n\r\n10000\r\n{", b" "),
    }[place]
    count = CONNECTIONS[scheme]
    drip = Drip([Wire(service, tls=tls) for _ in range(count)], start.encode(), byte)
    served = 0
    while drip.is_alive():
        assert service.post("scripted", WHOLE).status_code == 200
        served += 1
        assert time.monotonic() - drip.began < 20, f"{len(drip.answers)} of {count} are closed"
    assert served > 0 and len(upstream.calls) == served
    for answer in drip.answers:
        head, _, body = answer.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 408 ") and json.loads(body) == TIMEOUT, answer
    assert len(drip.answers) == count
    assert min(drip.seconds) > 0.5 and max(drip.seconds) < 10


def test_a_byte_now_and_then_in_time(service, upstream):
    """A slow client that keeps to the limits is served."""
    upstream.reset()
    with Wire(service) as wire:
        request = (HEAD % service.key + f"Content-Length: {len(WHOLE)}\r\n\r\n").encode() + WHOLE
        for at in range(0, len(request), 16):
            wire.send(request[at : at + 16])
        assert wire.reply()[0] == 200


def test_a_body_that_takes_all_the_time_there_is(upstream):
    """It comes on in time each time, and is cut off in the end."""
    upstream.reset()
    head = HEAD + "Content-Length: 30000000\r\n\r\n{"
    with Lazuli(CATALOG.format(port=upstream.port), [*LIMITS, "--body-total-ms", "1500"]) as service:
        service.deploy("scripted", "gpt-4o", "2024-11-20")
        with Wire(service) as wire:
            wire.send((head % service.key).encode())
            began = time.monotonic()
            while not select.select([wire.socket], [], [], 0.1)[0]:
                assert time.monotonic() - began < 20
                wire.send(b" " * 20000)
            status, _, _, body = wire.reply()
    assert (status, json.loads(body)) == (408, TIMEOUT)
    assert time.monotonic() - began > 1.4


def test_bodies_that_fill_the_memory(upstream):
    """Whoever sends a large one when there is no place for more is refused; small ones are served, and all once there is."""
    upstream.reset()
    large = WHOLE[:-1] + b',"user":"' + b"x" * 300_000 + b'"}'
    head = HEAD + f"Content-Length: {len(large)}\r\n\r\n"
    limits = ["--workers", "1", "--bodies-bytes-max", "500000"]
    with Lazuli(CATALOG.format(port=upstream.port), limits) as service:
        service.deploy("scripted", "gpt-4o", "2024-11-20")
        request = (head % service.key).encode() + large
        with Wire(service) as first, Wire(service) as second, Wire(service) as small:
            first.send(request[:-1])
            ports = first.socket.getsockname()[1], service.port
            wait_until(lambda: all_is_read_between(ports), "the first one's body is not read")
            answer = second.send(request).reply()
            assert (answer[0], json.loads(answer[3])["error"]["code"]) == (503, "ServiceUnavailable")
            assert small.post(PATH, WHOLE).reply()[0] == 200
            assert first.send(request[-1:]).reply()[0] == 200
        with Wire(service) as third:
            assert third.send(request).reply()[0] == 200
