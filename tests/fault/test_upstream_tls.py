"""An upstream that is called by TLS: what breaks below HTTP ends in the same errors as what breaks in it."""

import contextlib
import json
import os
import socket

import pytest

from certificate import make_certificate, serving_tls
from errors import UNAVAILABLE, UNEXPECTED, is_server_error
from fake_upstream import FakeUpstream, chat_answer, chat_event
from faulty import BODY, Bystander, Bystanders, Faulty, events_of, text_of, wait_until_settled
from service import ONE_LOOP, Lazuli

ANSWER = json.dumps(chat_answer("All.")).encode()
HALF = ANSWER[: len(ANSWER) // 2]
BAD_RECORD = b"\x17\x03\x03\x00\x20" + bytes(32)  # nobody has a key by which it would be one
NO_RECORD = b"HTTP/1.1 500 Oops\r\n\r\n"


@pytest.fixture(scope="module")
def faulty(certificate):
    one = Faulty("upstream", {"victim": ""}, tls=certificate)
    yield one
    one.stop()


def below(call):
    """The socket, where TLS knows nothing of what is done with it."""
    return call.writer.get_extra_info("socket")


async def end_without_a_word(call):
    """The end of the connection, and not of TLS: anybody on the way can make one."""
    below(call).shutdown(socket.SHUT_WR)
    await call.until_left()


async def cut(call):
    call.cut()


def sending(data):
    async def send(call):
        os.write(below(call).fileno(), data)
        await call.until_left()

    return send


BREAKS = {
    "ended without a word": end_without_a_word,
    "cut": cut,
    "a bad record": sending(BAD_RECORD),
    "no record": sending(NO_RECORD),
}
BODIES = {
    "with a length": ({"content-length": len(ANSWER)}, HALF),
    "in chunks": ({"transfer-encoding": "chunked"}, b"%x\r\n%s\r\n" % (len(ANSWER), ANSWER)),
    "to the connection's end": ({"connection": "close"}, ANSWER),
}


@pytest.mark.parametrize("case", BREAKS)
def test_a_stream_that_breaks(faulty, case):
    async def begin(call):
        await call.start_events()
        await call.event(chat_event("one"))
        await call.event(chat_event(" two"))
        await BREAKS[case](call)

    with faulty.fault(begin):
        answer = faulty.ask(stream=True)
        *chunks, last = events_of(answer.text)
        assert answer.status_code == 200 and "[DONE]" not in answer.text
        assert text_of(chunks) == "one two" and is_server_error(last["error"]), answer.text
        assert len(faulty.engine.calls) == 1


@pytest.mark.parametrize("case", BREAKS)
def test_an_answer_that_breaks(faulty, case):
    """Also where all of it may have come, as far as one can know."""
    for headers, part in BODIES.values():

        async def begin(call, headers=headers, part=part):
            await call.head(200, headers)
            await call.raw(part)
            await BREAKS[case](call)

        faulty.engine.reset(begin)
        answer = faulty.ask()
        assert (answer.status_code, answer.json()) == (500, UNEXPECTED), headers

    async def end_in_order(call):
        await call.head(200, {"connection": "close"})
        await call.raw(ANSWER)
        await call.close()

    faulty.engine.reset(end_in_order)
    assert faulty.ask().json()["choices"][0]["message"]["content"] == "All."


def test_what_was_whole_before_it_broke(faulty):
    """The next one gets a connection that works."""

    async def answer(call):
        await call.reply(200, chat_answer("All."))
        await end_without_a_word(call)

    with faulty.fault(answer):
        for _ in range(3):
            assert faulty.ask().json()["choices"][0]["message"]["content"] == "All."


# -- Before there is TLS -----------------------------------------------------------------------------------------------------

CATALOG = """
extends: default
engines:
  - name: victim
    upstream: {{ url: "https://127.0.0.1:{victim}/v1", ca_file: {ca}, connect_timeout_ms: 500 }}
  - name: other
    upstream: {{ url: "https://127.0.0.1:{other}/v1", ca_file: {ca}, connect_timeout_ms: 10000 }}
  - name: untrusted
    upstream: {{ url: "https://127.0.0.1:{untrusted}/v1", ca_file: {ca} }}
deployments:
  - {{ deployment: untrusted, engine: untrusted }}
  - {{ deployment: victim, engine: victim }}
  - {{ deployment: other, engine: other }}
"""


class Stranger(FakeUpstream):
    """Whoever listens where an upstream was expected: it gets a client's hello, and does so."""

    async def _serve(self, reader, writer):
        self.writers.add(writer)
        with contextlib.suppress(ConnectionError):
            self.calls.append(await reader.read(65536))
            await self.script(reader, writer)
        writer.close()


async def keep_silent(reader, writer):
    while await reader.read(65536):
        pass


def saying(data):
    async def say(reader, writer):
        writer.write(data)
        await keep_silent(reader, writer)

    return say


async def hang_up(reader, writer):
    writer.transport.abort()


STRANGERS = {
    "silence": keep_silent,
    "closed": hang_up,
    "plain HTTP": saying(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
    "an alert": saying(b"\x15\x03\x03\x00\x02\x02\x28"),
    "half a hello": saying(b"\x16\x03\x03\x00\x7a\x02\x00\x00\x76\x03\x03"),
    "a record without end": saying(b"\x16\x03\x03\xff\xff" + bytes(70000)),
}


@pytest.fixture(scope="module")
def service(certificate, tmp_path_factory):
    """`victim` is a stranger, `untrusted` has a certificate of somebody else's, and `other` is in order."""
    stranger, other = Stranger(), FakeUpstream(serving_tls(certificate))
    untrusted = FakeUpstream(serving_tls(make_certificate(tmp_path_factory.mktemp("untrusted"))))
    ports = {"victim": stranger.port, "other": other.port, "untrusted": untrusted.port}
    with Lazuli(CATALOG.format(ca=certificate / "cert.pem", **ports), environment=ONE_LOOP) as running:
        for name in ports:
            running.deploy(name, "gpt-4o", "2024-11-20")
        running.stranger, running.other, running.untrusted = stranger, other, untrusted
        yield running
    for upstream in (stranger, other, untrusted):
        upstream.stop()


@contextlib.contextmanager
def others_are_served(service):
    bystanders = Bystanders()
    service.other.reset(bystanders)
    bystander = Bystander(service, "other")
    yield
    assert service.post("other", BODY).status_code == 200
    bystanders.may_end.set()
    bystander.finish()
    wait_until_settled(service)


@pytest.mark.parametrize("case", STRANGERS)
def test_no_handshake(service, case):
    """It counts as not connected, within connect_timeout_ms; nothing of the request has gone out."""
    service.stranger.reset(STRANGERS[case])
    with others_are_served(service):
        for stream in (False, True):
            answer = service.post("victim", BODY | {"stream": stream})
            assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    assert service.stranger.calls and all(hello[0] == 0x16 and b'"messages"' not in hello for hello in service.stranger.calls)


def test_an_upstream_that_is_not_trusted(service):
    with others_are_served(service):
        answer = service.post("untrusted", BODY)
        assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    assert not service.untrusted.calls
