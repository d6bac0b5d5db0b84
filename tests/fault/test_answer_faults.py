"""What an engine answers goes wrong: the same of a managed llama-server as of an upstream."""

import json

import pytest

from errors import TIMEOUT, UNEXPECTED, is_server_error
from fake_upstream import Call, chat_answer, chat_event
from faulty import Faulty, events_of, text_of
from memory import bounded_memory

HEAD = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n"


@pytest.fixture(scope="module", params=["upstream", "llama"])
def faulty(request):
    one = Faulty(request.param)
    yield one
    one.stop()


# -- Before the answer is whole: an error with a status of its own, for streams as well ----------------------------------


async def say_nothing(call):
    await call.until_left()


async def hang_up(call):
    call.cut()


async def talk_tls(call):
    await call.raw(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03lapis\r\n\r\n")
    await call.until_left()


async def send_binary(call):
    await call.raw(bytes(range(256)) * 16)
    await call.until_left()


async def stop_in_the_head(call):
    await call.raw(b"HTTP/1.1 200 OK\r\ncontent-ty")
    await call.until_left()


async def close_in_the_head(call):
    await call.raw(b"HTTP/1.1 200 OK\r\ncontent-ty")
    await call.close()


async def send_head_without_end(call):
    await call.raw(HEAD)
    await call.pour(b"x-more: " + b"a" * 4000 + b"\r\n")


async def send_line_without_end(call):
    await call.raw(HEAD + b"x-more: ")
    await call.pour(b"a" * 4096)


async def send_interim_without_end(call):
    await call.pour(b"HTTP/1.1 102 Processing\r\n\r\n")


def beginning(headers, part, end):
    """Sends that much of a body, and then does so."""

    async def script(call):
        await call.head(200, headers)
        await call.raw(part)
        await end(call)

    return script


SIZED, CHUNKED = {"content-length": 1000}, {"transfer-encoding": "chunked"}
HALF = b'{"id":"chatcmpl-1",'
ANSWER = json.dumps(chat_answer()).encode()


async def send_chunk_size_without_end(call):
    await call.head(200, {"transfer-encoding": "chunked"})
    await call.raw(b"1")
    await call.pour(b";a=" + b"a" * 4000)


async def send_trailers_without_end(call):
    await call.head(200, {"transfer-encoding": "chunked"})
    await call.chunk(json.dumps(chat_answer()).encode())
    await call.raw(b"0\r\n")
    await call.pour(b"x-more: " + b"a" * 4000 + b"\r\n")


def heading(*lines, status=200):
    """A whole answer under a head that cannot be."""

    async def answer(call):
        body = json.dumps(chat_answer()).encode()
        head = [f"HTTP/1.1 {status} Scripted", *lines, "", ""]
        await call.raw("\r\n".join(head).encode().replace(b"LENGTH", b"%d" % len(body)) + body)

    return answer


async def send_page(call):
    await call.head(200, {"content-length": 15}, "text/html")
    await call.raw(b"<html>Hi</html>")


async def send_nothing(call):
    await call.reply(200, b"")


def answering(body):
    async def answer(call):
        await call.reply(200, body)

    return answer


async def send_invalid_utf8(call):
    await call.reply(200, json.dumps(chat_answer("@")).encode().replace(b"@", b"\xc3\x28"))


async def split_invalid_utf8(call):
    """The bytes that are no character lie in different chunks: a surrogate's."""
    first, second = json.dumps(chat_answer("@")).encode().split(b"@")
    await call.head(200, {"transfer-encoding": "chunked"})
    for part in (first + b"\xed", b"\xa0", b"\x80" + second, b""):
        await call.chunk(part)


async def cut_a_character_off(call):
    whole = json.dumps(chat_answer("ü"), ensure_ascii=False).encode()
    await call.reply(200, whole[: whole.index(b"\xc3") + 1])


NO_ANSWER = {
    "closed": (hang_up, "victim", 500, UNEXPECTED),
    "silence": (say_nothing, "hasty", 408, TIMEOUT),
    "TLS": (talk_tls, "victim", 500, UNEXPECTED),
    "binary": (send_binary, "victim", 500, UNEXPECTED),
    "half a head, silence": (stop_in_the_head, "hasty", 408, TIMEOUT),
    "half a head, closed": (close_in_the_head, "victim", 500, UNEXPECTED),
    "head without end": (send_head_without_end, "victim", 500, UNEXPECTED),
    "header without end": (send_line_without_end, "victim", 500, UNEXPECTED),
    "interim answers without end": (send_interim_without_end, "victim", 500, UNEXPECTED),
    "half a body, silence": (beginning(SIZED, HALF, Call.until_left), "hasty", 408, TIMEOUT),
    "half a body, closed": (beginning(SIZED, HALF, Call.close), "victim", 500, UNEXPECTED),
    "half a chunk, closed": (beginning(CHUNKED, b"ff\r\n" + HALF, Call.close), "victim", 500, UNEXPECTED),
    "no last chunk": (beginning(CHUNKED, b"%x\r\n%s\r\n" % (len(ANSWER), ANSWER), Call.close), "victim", 500, UNEXPECTED),
    "wrong chunks": (beginning(CHUNKED, b"lapis\r\n{}\r\n0\r\n\r\n", Call.until_left), "victim", 500, UNEXPECTED),
    "chunk size without end": (send_chunk_size_without_end, "victim", 500, UNEXPECTED),
    "trailers without end": (send_trailers_without_end, "victim", 500, UNEXPECTED),
    "two lengths": (heading("content-length: LENGTH", "content-length: 1"), "victim", 500, UNEXPECTED),
    "length and chunks": (heading("content-length: LENGTH", "transfer-encoding: chunked"), "victim", 500, UNEXPECTED),
    "length below zero": (heading("content-length: -1"), "victim", 500, UNEXPECTED),
    "length beyond numbers": (heading("content-length: 99999999999999999999"), "victim", 500, UNEXPECTED),
    "unknown coding": (heading("transfer-encoding: gzip, chunked"), "victim", 500, UNEXPECTED),
    "folded header": (heading("x-a: 1", " content-length: LENGTH"), "victim", 500, UNEXPECTED),
    "another protocol": (heading("content-length: 0", "upgrade: h2c", status=101), "victim", 500, UNEXPECTED),
    "no content": (heading("content-length: 0", status=204), "victim", 500, UNEXPECTED),
    "partial content": (heading("content-length: LENGTH", status=206), "victim", 500, UNEXPECTED),
    "elsewhere": (heading("content-length: LENGTH", "location: http://127.0.0.1:1/", status=307), "victim", 500, UNEXPECTED),
    "a page": (send_page, "victim", 500, UNEXPECTED),
    "nothing": (send_nothing, "victim", 500, UNEXPECTED),
    "a list": (answering([]), "victim", 500, UNEXPECTED),
    "no choices": (answering(chat_answer(choices=None)), "victim", 500, UNEXPECTED),
    "a choice that is none": (answering(chat_answer(choices=[7])), "victim", 500, UNEXPECTED),
    "a content that is none": (answering(chat_answer(["no", "text"])), "victim", 500, UNEXPECTED),
    "deep": (answering(b'{"choices":' + b"[" * 100000 + b"]" * 100000 + b"}"), "victim", 500, UNEXPECTED),
    "invalid UTF-8": (send_invalid_utf8, "victim", 500, UNEXPECTED),
    "invalid UTF-8 over chunks": (split_invalid_utf8, "victim", 500, UNEXPECTED),
    "half a character": (cut_a_character_off, "victim", 500, UNEXPECTED),
}


@pytest.mark.parametrize("case", NO_ANSWER)
def test_an_answer_that_is_none(faulty, case):
    """An error with a status of its own, whether a stream was asked for or not."""
    script, deployment, status, error = NO_ANSWER[case]
    with faulty.fault(script, deployment), bounded_memory(faulty.service, 64):
        for stream in (False, True):
            faulty.engine.calls.clear()
            answer = faulty.ask(deployment, stream)
            assert (answer.status_code, answer.json()) == (status, error)
            # a kept-alive connection may be closing when it is used, and a llama-server dying: they are tried once more
            assert len(faulty.engine.calls) in ((1, 2) if "closed" in case else (1,))


async def answer_twice(call):
    body = json.dumps(chat_answer("another's")).encode()
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: %d\r\n\r\n" % len(body)
    await call.raw((head + body) * 2)
    await call.until_left()


def test_an_answer_too_many_is_nobodys(faulty):
    """What is behind an answer was not asked for: its connection is not used again."""
    with faulty.fault(answer_twice):
        assert faulty.ask().json()["choices"][0]["message"]["content"] == "another's"
        assert faulty.engine.left.wait(10)
        faulty.engine.script.script = answering(chat_answer("own"))
        for _ in range(4):
            assert faulty.ask().json()["choices"][0]["message"]["content"] == "own"


# -- Endless bodies ------------------------------------------------------------------------------------------------------

MIB = b"a" * 1024 * 1024
BEGINNING = b'{"choices":[{"message":{"content":"'


async def pour_with_length(call):
    await call.head(200, {"content-length": 1 << 40})
    await call.raw(BEGINNING)
    await call.pour(MIB)


async def pour_chunks(call):
    await call.head(200, {"transfer-encoding": "chunked"})
    await call.chunk(BEGINNING)
    await call.pour(b"%x\r\n%s\r\n" % (len(MIB), MIB))


async def pour_until_closed(call):
    await call.head(200, {"connection": "close"})
    await call.raw(BEGINNING)
    await call.pour(MIB)


async def pour_one_chunk(call):
    await call.head(200, {"transfer-encoding": "chunked"})
    await call.raw(b"ffffffffff\r\n" + BEGINNING)
    await call.pour(MIB)


@pytest.mark.parametrize("script", [pour_with_length, pour_chunks, pour_one_chunk, pour_until_closed])
def test_a_body_without_end(faulty, script):
    """An answer may have 128 MiB, which the buffer holds twice when it grows."""
    with faulty.fault(script), bounded_memory(faulty.service, 300):
        answer = faulty.ask()
        assert (answer.status_code, answer.json()) == (500, UNEXPECTED)
        assert faulty.engine.left.wait(10)


async def pour_an_error(call):
    await call.head(500, {"transfer-encoding": "chunked"})
    await call.pour(b"%x\r\n%s\r\n" % (len(MIB), MIB))


def test_an_error_without_end(faulty):
    with faulty.fault(pour_an_error), bounded_memory(faulty.service, 100):
        assert faulty.ask().status_code == 500
        assert faulty.engine.left.wait(10)


# -- In the middle of a stream -------------------------------------------------------------------------------------------


async def cut(call):
    call.cut()


async def close(call):
    await call.close()


async def close_in_an_event(call):
    await call.raw(b'fff\r\ndata: {"id":"chatcmpl')
    await call.close()


async def end_in_an_event(call):
    await call.chunk(b'data: {"id":"chatcmpl')
    await call.chunk(b"")


async def end_without_done(call):
    await call.end_events(done=False)


async def stall(call):
    await call.until_left()


async def break_the_chunks(call):
    await call.raw(b"lapis\r\n")
    await call.until_left()


def saying(*chunks):
    async def say(call):
        for chunk in chunks:
            await call.chunk(chunk)
        await call.until_left()

    return say


def event(value):
    return b"data: " + json.dumps(value, ensure_ascii=False).encode() + b"\n\n"


async def send_an_event_without_end(call):
    await call.chunk(b"data: ")
    await call.pour(b"%x\r\n%s\r\n" % (len(MIB), MIB))


async def send_lines_without_end(call):
    """Of one event, whose empty line does not come."""
    lines = b"data: a\n" * 100000
    await call.pour(b"%x\r\n%s\r\n" % (len(lines), lines))


BROKEN_STREAM = {
    "cut": (cut, "victim"),
    "closed": (close, "victim"),
    "closed in an event": (close_in_an_event, "victim"),
    "ended in an event": (end_in_an_event, "victim"),
    "no [DONE]": (end_without_done, "victim"),
    "silence": (stall, "hasty"),
    "wrong chunks": (break_the_chunks, "victim"),
    "no JSON": (saying(b"data: lapis lazuli\n\n"), "victim"),
    "binary": (saying(b"data: \x00\x01\xff\n\n"), "victim"),
    "a list": (saying(b"data: []\n\n"), "victim"),
    "no choices": (saying(event(chat_event() | {"choices": 7})), "victim"),
    "a content that is none": (saying(event(chat_event({"text": "no"}))), "victim"),
    "another's choice": (saying(event(chat_event() | {"choices": [{"index": 2, "delta": {}}]})), "victim"),
    "invalid UTF-8": (saying(event(chat_event("@")).replace(b"@", b"\xed\xa0\x80")), "victim"),
    "invalid UTF-8 over chunks": (saying(*event(chat_event("@")).replace(b"@", b"\xed@\xa0@\x80").split(b"@")), "victim"),
    "half a character": (saying(event(chat_event("@")).replace(b"@", b"\xe2\x82")), "victim"),
    "an error": (saying(event({"error": {"message": "CUDA error at 0x7f", "code": 500}})), "victim"),
    "an event without end": (send_an_event_without_end, "victim"),
    "lines without end": (send_lines_without_end, "victim"),
}


def after_two_events(script):
    async def begin(call):
        await call.start_events()
        await call.event(chat_event("one"))
        await call.event(chat_event(" two"))
        await script(call)

    return begin


@pytest.mark.parametrize("case", BROKEN_STREAM)
def test_a_stream_that_breaks(faulty, case):
    """What came before is passed on; then an error event, and no [DONE] that would call it whole. It is not tried again."""
    script, deployment = BROKEN_STREAM[case]
    with faulty.fault(after_two_events(script), deployment), bounded_memory(faulty.service, 64):
        answer = faulty.ask(deployment, stream=True)
        *chunks, last = events_of(answer.text)
        assert answer.status_code == 200 and "[DONE]" not in answer.text
        assert text_of(chunks) == "one two"
        assert last == UNEXPECTED or is_server_error(last["error"]), last
        assert "0x7f" not in answer.text
        assert len(faulty.engine.calls) == 1


GATHERED = {"n": 2}


@pytest.mark.parametrize("faulty", ["llama"], indirect=True, scope="module")  # an upstream is asked as the client asks
def test_an_answer_that_is_gathered_of_a_stream_that_breaks(faulty):
    """n answers of a llama-server are streamed to lazuli: the client, who gets the whole, gets an error with a status."""
    for case, (script, deployment) in BROKEN_STREAM.items():
        if "without end" in case:
            continue
        faulty.engine.reset(after_two_events(script))
        answer = faulty.ask(deployment, **GATHERED)
        assert faulty.engine.calls[0].json["stream"], case
        assert answer.status_code == (408 if case == "silence" else 500), case
        assert answer.json() in (TIMEOUT, UNEXPECTED) or is_server_error(answer.json()["error"]), case
    faulty.engine.reset()
    with faulty.fault(after_two_events(send_an_event_without_end)), bounded_memory(faulty.service, 64):
        assert faulty.ask(**GATHERED).json() == UNEXPECTED
    with faulty.fault(after_two_events(send_events_without_end)), bounded_memory(faulty.service, 600):
        assert faulty.ask(**GATHERED).json() == UNEXPECTED


async def send_events_without_end(call):
    """Of an answer, which may have 128 MiB."""
    piece = event(chat_event("a" * 100000)) * 10
    await call.pour(b"%x\r\n%s\r\n" % (len(piece), piece))


# -- What is in order, however it comes ----------------------------------------------------------------------------------

EVENTS = 10000  # of 3 kB of a request's memory each, if they were kept


@pytest.mark.parametrize("is_streamed", [True, False])
def test_a_usage_with_each_event(faulty, is_streamed):
    """As vLLM sends one when it is asked to (`continuous_usage_stats`): the last one counts, and those before take no memory."""

    async def count(call):
        assert call.json["stream"]
        await call.start_events()
        for first in range(0, EVENTS, 100):
            usages = ({"prompt_tokens": 7, "completion_tokens": n, "total_tokens": 7 + n} for n in range(first, first + 100))
            events = b"".join(event(chat_event("x", usage=usage)) for usage in usages)
            await call.raw(b"%x\r\n%s\r\n" % (len(events), events))
        await call.event(chat_event(finish="stop"))
        await call.end_events()

    if faulty.kind == "upstream" and not is_streamed:
        pytest.skip("it is asked as the client asks")
    faulty.engine.reset(count)
    with bounded_memory(faulty.service, 16):
        answer = faulty.ask(stream=is_streamed, stream_options={"include_usage": True} if is_streamed else None)
    assert answer.status_code == 200
    last = events_of(answer.text)[-1] if is_streamed else answer.json()
    assert last["usage"]["completion_tokens"] == EVENTS - 1


TEXT = "ü€😀\u2028 ﷽"


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_characters_split_over_chunks(faulty, size):
    async def dribble(call):
        if call.json["stream"]:
            await call.start_events()
            data = event(chat_event(TEXT)) + event(chat_event(finish="stop")) + b"data: [DONE]\n\n"
        else:
            await call.head(200, {"transfer-encoding": "chunked"})
            data = json.dumps(chat_answer(TEXT), ensure_ascii=False).encode()
        for at in range(0, len(data), size):
            await call.chunk(data[at : at + size])
        await call.chunk(b"")

    with faulty.fault(dribble):
        assert faulty.ask().json()["choices"][0]["message"]["content"] == TEXT
        answer = faulty.ask(stream=True)
        answer.encoding = "utf-8"
        assert text_of(events_of(answer.text)) == TEXT and answer.text.endswith("data: [DONE]\n\n")


@pytest.mark.parametrize("end", ["data: [DONE]", "data: [DONE]\n", "data:[DONE]\r"])
def test_a_stream_whose_done_has_no_empty_line(faulty, end):
    async def forget(call):
        await call.start_events()
        await call.event(chat_event("all"))
        await call.event(chat_event(finish="stop"))
        await call.chunk(end.encode())
        await call.chunk(b"")

    with faulty.fault(forget):
        text = faulty.ask(stream=True).text
        assert text_of(events_of(text)) == "all" and text.endswith("data: [DONE]\n\n")


def test_a_stream_that_comes_whole(faulty):
    """A server that does not stream: the SDK would find no event in its JSON."""
    calls = [{"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]

    async def do_not_stream(call):
        answer = chat_answer("All.")
        answer["choices"][0]["message"]["tool_calls"] = calls
        await call.reply(200, answer)

    with faulty.fault(do_not_stream):
        stream = faulty.service.azure().chat.completions.create(
            model="victim",
            messages=[{"role": "user", "content": "Hi"}],
            stream=True,
            stream_options={"include_usage": True},
        )
        chunks = list(stream)
        choices = [choice for chunk in chunks for choice in chunk.choices]
        assert [choice.delta.content for choice in choices] == ["All."]
        assert (choices[0].finish_reason, choices[0].delta.tool_calls[0].function.arguments) == ("stop", '{"a":1}')
        assert choices[0].delta.tool_calls[0].index == 0
        assert [chunk.usage.total_tokens for chunk in chunks if chunk.usage] == [5]
        assert all(chunk.object in ("chat.completion.chunk", "") for chunk in chunks)
        assert faulty.ask(stream=True).text.endswith("data: [DONE]\n\n")


SENSELESS = [-1, 2.5, 1 << 40, 10**30, "5", None, [], {}]


@pytest.mark.parametrize("number", SENSELESS, ids=repr)
def test_usage_without_sense(faulty, number):
    """It is counted here, as far as it can be: what goes out and into the metrics are numbers that make sense."""
    usage = {"prompt_tokens": number, "completion_tokens": number, "total_tokens": number}

    async def tell(call):
        if not call.json["stream"]:
            await call.reply(200, chat_answer("12345678", usage=usage))
            return
        await call.start_events()
        await call.event(chat_event("12345678"))
        await call.event(chat_event(finish="stop"))
        await call.event(chat_event() | {"choices": [], "usage": usage})
        await call.end_events()

    wanted = {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    with faulty.fault(tell):
        told = faulty.ask().json()["usage"]
        assert {name: told[name] for name in wanted} == wanted
        events = events_of(faulty.ask(stream=True, stream_options={"include_usage": True}).text)
        told = events[-1]["usage"]
        assert {name: told[name] for name in wanted} == wanted


def test_members_that_come_twice(faulty):
    """The first one counts, and no other goes out."""
    first = json.dumps(chat_answer("first"))
    body = first.replace('"content": "first"', '"content": "first", "content": ["second"]')
    body = body[:-1] + ', "choices": "third", "usage": {"prompt_tokens": -1}}'

    with faulty.fault(answering(body.encode())):
        text = faulty.ask().text
        assert json.loads(text)["choices"][0]["message"]["content"] == "first"
        assert "second" not in text and "third" not in text and "-1" not in text.replace("2024-11-20", "")
