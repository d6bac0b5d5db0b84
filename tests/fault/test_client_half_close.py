"""Clients that close their sending side once they have asked, and wait: they get all they asked for.

What tells them from those that have left is a write to the connection, which must not show in an answer: it is read here by
a client of others' making.
"""

import asyncio
import http.client
import io
import json
import ssl
import threading

import pytest

from elsewhere import ELSEWHERE, put
from fake_upstream import chat_answer, chat_event
from scripted import ASKED, PATH, WHOLE
from tls import Session
from wire import Wire

INTERIM = b"HTTP/1.1 100 Continue\r\n\r\n"


class Gate:
    """Holds scripts of the upstream until the test lets them go on."""

    def __init__(self):
        self.opened = threading.Event()

    async def passed(self):
        assert await asyncio.get_running_loop().run_in_executor(None, self.opened.wait, 30)


class Read(io.BytesIO):
    """What came over a connection, for Python's own client to read."""

    def makefile(self, mode):
        return self

    def answer(self):
        found = http.client.HTTPResponse(self)
        found.begin()
        return found.status, found.read()

    def close(self):
        """Not before the last answer."""


def ask(service, **more):
    wire = Wire(service)
    wire.post(PATH, json.dumps(ASKED | more).encode())
    return wire.end()


def words_of(text):
    events = [json.loads(event[6:]) for event in text.decode().split("\n\n") if event.startswith("data: {")]
    deltas = [choice["delta"] for event in events for choice in event["choices"]]
    return [delta["content"] for delta in deltas if delta.get("content")]


def saying(gate, text="at last"):
    async def script(call):
        await gate.passed()
        await call.reply(200, chat_answer(text))

    return script


def test_whole_answer(service, upstream):
    gate = Gate()
    upstream.reset(saying(gate))
    wire = ask(service)
    data = wire.read_until(INTERIM)
    gate.opened.set()
    status, text = Read(data + wire.read_all()).answer()
    assert (status, json.loads(text)["choices"][0]["message"]["content"]) == (200, "at last")


@pytest.mark.parametrize("before", [0, 1], ids=["before-the-first-byte", "mid-stream"])
def test_stream(service, upstream, before):
    gate = Gate()
    words = ["one ", "two ", "three "]

    async def script(call):
        await call.start_events()
        for number, word in enumerate(words):
            if number == before:
                await gate.passed()
            await call.event(chat_event(word))
        await call.event(chat_event(finish="stop"))
        await call.end_events()

    upstream.reset(script)
    wire = Wire(service).post(PATH, json.dumps(ASKED | {"stream": True}).encode())
    data = wire.read_until(b"}\n\n\r\n") if before else b""
    wire.end()
    data += wire.read_until(b"0" if before else INTERIM)
    gate.opened.set()
    status, text = Read(data + wire.read_all()).answer()
    assert (status, words_of(text)) == (200, words)
    assert text.endswith(b"data: [DONE]\n\n")


@pytest.mark.parametrize("count", [2, 40], ids=["few", "more-than-is-read-ahead"])
def test_requests_one_behind_the_other(service, upstream, count):
    """All are answered, in order, also where the last ones are read only when the first has its answer."""
    gate = Gate()
    upstream.reset(saying(gate))
    health = f"GET /healthz HTTP/1.1\r\nHost: x\r\nx-fill: {'x' * 1000}\r\n\r\n".encode()
    wire = Wire(service)
    wire.post(PATH, WHOLE)
    wire.send(health * count).end()
    data = wire.read_until(INTERIM)
    gate.opened.set()
    read = Read(data + wire.read_all())
    status, text = read.answer()
    assert (status, json.loads(text)["choices"][0]["message"]["content"]) == (200, "at last")
    assert [read.answer() for _ in range(count)] == [(200, b"ok\n")] * count
    assert read.read() == b""


PARTS = {
    "nothing": lambda head, chunked: b"",
    "half a head": lambda head, chunked: head[:40],
    "all but the last byte of a head": lambda head, chunked: head[:-1],
    "a head": lambda head, chunked: head,
    "half a body": lambda head, chunked: head + WHOLE[:-1],
    "a chunk": lambda head, chunked: chunked + b"%x\r\n%s\r\n" % (len(WHOLE), WHOLE),
    "all but the last line of chunks": lambda head, chunked: chunked + b"%x\r\n%s\r\n0\r\n" % (len(WHOLE), WHOLE),
}


@pytest.mark.parametrize("part", PARTS)
def test_within_a_request(service, upstream, part):
    """It will never be whole: the connection ends, at once, and no engine is asked for what came of it."""
    upstream.reset()
    line = f"POST {PATH} HTTP/1.1\r\nHost: x\r\napi-key: {service.key}\r\n"
    heads = (f"{line}{length}\r\n\r\n".encode() for length in (f"Content-Length: {len(WHOLE)}", "Transfer-Encoding: chunked"))
    with Wire(service, timeout=5) as wire:
        assert wire.send(PARTS[part](*heads)).end().read_all() == b""
    assert not upstream.calls
    # what was whole before is answered all the same
    with Wire(service) as wire:
        wire.post(PATH, WHOLE).send(line.encode()).end()
        data = wire.read_all()
    assert data.removeprefix(INTERIM).startswith(b"HTTP/1.1 200 ") and data.endswith(b"}") and len(upstream.calls) == 1


def test_a_body_that_is_not_read_yet(service, upstream):
    """The end is known before all is read that came before it: of a request that waits, half the body."""
    gate = Gate()
    upstream.reset(saying(gate))
    wire = Wire(service)
    wire.post(PATH, WHOLE)
    wire.post(PATH, WHOLE + b" " * 40000).end()
    data = wire.read_until(INTERIM)
    gate.opened.set()
    read = Read((data + wire.read_all()).replace(INTERIM, b""))
    for _ in range(2):
        status, text = read.answer()
        assert (status, json.loads(text)["choices"][0]["message"]["content"]) == (200, "at last")


@pytest.mark.parametrize("kind", ELSEWHERE)
def test_what_has_no_engine(service, kind):
    make, wanted, part = ELSEWHERE[kind]
    read = Read(Wire(service).send(make(service)).end().read_all().removeprefix(INTERIM))
    status, text = read.answer()
    assert status == wanted and part in text, text
    assert read.read() == b""


def test_changes_one_behind_the_other(service):
    """All are made, each before the next."""
    names = [f"one-of-{number}" for number in range(5)]
    data = Wire(service).send(b"".join(put(service, name) for name in names)).end().read_all()
    read = Read(data.replace(INTERIM, b""))
    for name in names:
        status, text = read.answer()
        assert (status, json.loads(text)["name"]) == (201, name)
    assert read.read() == b""
    assert {item["name"] for item in service.arm("GET", "/deployments").json()["value"]} >= set(names)


def test_leaves_after_all(service, upstream):
    """Who has closed its sending side before, and now leaves, is noticed with the next event."""

    async def script(call):
        await call.start_events()
        while True:
            await call.event(chat_event("word "))
            await asyncio.sleep(0.01)

    upstream.reset(script)
    wire = ask(service, stream=True)
    wire.read_until(b"word")
    wire.close()
    assert upstream.left.wait(10)


def test_http_1_0_client_counts_as_gone(service, upstream):
    """There is nothing that it could be asked by."""

    async def script(call):
        await call.until_left()

    upstream.reset(script)
    body = WHOLE
    head = f"POST {PATH} HTTP/1.0\r\napi-key: {service.key}\r\nContent-Type: application/json\r\n"
    wire = Wire(service)
    wire.send(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    upstream.wait_for_calls(1)
    assert wire.end().read_all() == b""
    assert upstream.left.wait(10)


def test_tls(service, upstream, certificate):
    """The end of a sending side is told inside TLS there."""
    gate = Gate()
    upstream.reset(saying(gate))
    session = Session(ssl.create_default_context(cafile=certificate / "cert.pem"), Wire(service))
    session.carried(session.tls.do_handshake)
    body = WHOLE
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\napi-key: {service.key}\r\nContent-Type: application/json\r\n"
    session.tls.write(head.encode() + b"Content-Length: %d\r\n\r\n" % len(body) + body)
    with pytest.raises(ssl.SSLWantReadError):
        session.tls.unwrap()
    data = b""
    while b"at last" not in data:
        data += session.carried(lambda: session.tls.read(65536))
        if data.endswith(INTERIM):
            gate.opened.set()
    assert Read(data).answer()[0] == 200
