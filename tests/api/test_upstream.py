"""In front of an upstream that does as each test says: what it sees, what comes through, what is made of its failures."""

import asyncio
import json
import threading

import openai
import pytest
import requests

from errors import TIMEOUT, UNAVAILABLE, UNEXPECTED, is_server_error
from fake_upstream import chat_answer, chat_event

MESSAGES = [{"role": "user", "content": "Hi"}]
BODY = {"messages": MESSAGES}
PATH = "/openai/deployments/scripted/chat/completions?api-version=2024-10-21"

# -- What the upstream sees ---------------------------------------------------------------------------------------------

EVERYTHING = {
    "messages": [
        {"role": "system", "content": "Sys", "name": "s"},
        {"role": "user", "content": [
            {"type": "text", "text": "Look: \u00e9\u2028😀"},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA==", "detail": "low"}},
        ]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": "{}"}},
        ]},
        {"role": "tool", "tool_call_id": "call_1", "content": "done"},
    ],
    "temperature": 0.1, "top_p": 0.95, "n": 1, "stop": ["a", "b"], "max_tokens": 77, "presence_penalty": -0.5,
    "frequency_penalty": 2, "logit_bias": {"50256": -100}, "logprobs": True, "top_logprobs": 4, "user": "someone",
    "seed": 9223372036854775807,
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}, "strict": True}},
    "tools": [{"type": "function", "function": {
        "name": "f", "description": "d", "parameters": {"type": "object", "properties": {}}, "strict": False,
    }}],
    "tool_choice": {"type": "function", "function": {"name": "f"}}, "parallel_tool_calls": False, "reasoning_effort": "low",
    "metadata": {"k": "v"}, "store": True, "prediction": {"type": "content", "content": "p"}, "modalities": ["text"],
}  # fmt: skip


def test_members_of_its_own_in_embeddings(gateway, upstream):
    """The specification lets any in, and a server of another make may have some."""
    body = {"input": "Hi", "truncate": {"side": "left"}, "late_chunking": None}

    async def script(call):
        await call.reply(200, {"data": [{"index": 0, "object": "embedding", "embedding": [0.5]}], "object": "list"})

    upstream.reset(script)
    answer = gateway.post("vectors", body, operation="embeddings")
    assert (answer.status_code, answer.json()["data"][0]["embedding"]) == (200, [0.5]), answer.text
    assert upstream.calls[0].json == body | {"model": "backend"}


def test_members_of_its_own_in_chats(gateway, upstream):
    message = {"role": "user", "content": "Hi", "cache_control": {"type": "ephemeral"}}
    body = {"messages": [message], "top_k": 4, "chat_template_kwargs": {"thinking": None}, "service_tier": "flex"}
    assert gateway.post("scripted", body).status_code == 200
    assert upstream.calls[-1].json == body | {"model": "backend"}


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("deployment, name", [("scripted", "backend"), ("nameless", "nameless")])
def test_nothing_of_a_request_is_lost(gateway, upstream, deployment, name, stream):
    body = EVERYTHING | {"model": "what-the-sdk-sends", "stream": stream}
    answer = gateway.post(deployment, body, version="2024-10-21")
    assert answer.status_code == 200, answer.text
    (call,) = upstream.calls
    wanted = body | {"model": name}
    if stream:
        wanted["stream_options"] = {"include_usage": True}
    assert call.json == wanted
    assert (call.method, call.path) == ("POST", "/v1/chat/completions")
    assert call.headers["content-type"] == "application/json"
    assert call.headers["content-length"] == str(len(call.body))


def test_bytes_are_left_as_they_are(gateway, upstream):
    """Blanks, order, numbers and escapes: only the model's name is added, at the end."""
    body = (
        b'{ "messages" : [ {"content":"\\u00e9\\ud83d\\ude00","role":"user"} ],\n "temperature":1.0e0, "seed": 00012 }'
    )
    body = body.replace(b"00012", b"12")
    assert gateway.post("scripted", body).status_code == 200
    assert upstream.calls[0].body == body[:-1] + b',"model":"backend"}'


def test_keys_stay_apart(gateway, upstream):
    """The upstream gets its own key, and nothing of the client's."""
    headers = {
        "Authorization": "Bearer client-token",
        "Cookie": "a=b",
        "x-ms-client-request-id": "mine",
        "x-forwarded-for": "1.2.3.4",
    }
    assert gateway.post("scripted", BODY, headers=headers).status_code == 200
    gateway.post("nameless", BODY)
    with_key, without = (call.headers for call in upstream.calls)
    assert with_key["authorization"] == "Bearer the-key-of-the-upstream"
    assert "authorization" not in without
    for sent in (with_key, without):
        assert gateway.key not in " ".join(sent.values())
        assert not {"api-key", "cookie", "x-forwarded-for"} & set(sent)


def test_azure_upstream(gateway, upstream):
    assert gateway.post("azure", BODY).status_code == 200
    (call,) = upstream.calls
    assert call.path == "/openai/deployments/theirs/chat/completions?api-version=2024-10-21"
    assert call.headers["api-key"] == "the-key-of-the-upstream" and "authorization" not in call.headers


def test_connections_are_used_again(gateway, upstream):
    ports = set()

    async def note_port(call):
        ports.add(call.writer.get_extra_info("peername")[1])
        await call.reply(200, chat_answer())

    upstream.script = note_port
    for _ in range(6):
        assert gateway.post("scripted", BODY).status_code == 200
    assert len(ports) <= 4  # one a loop at most


# -- What comes through -------------------------------------------------------------------------------------------------


def test_answer_in_azures_shape(gateway, upstream):
    answer = gateway.post("scripted", BODY, version="2024-10-21").json()
    assert answer["model"] == "gpt-4o-2024-11-20"
    assert (answer["id"], answer["created"]) == ("chatcmpl-AnhIt2rw8vL8czymkCwEOKKTg7HP1", 1700000000)
    assert answer["choices"][0]["message"] == {"content": "Scripted.", "refusal": None, "role": "assistant"}
    assert answer["usage"]["total_tokens"] == 5 and answer["usage"]["prompt_tokens_details"]["cached_tokens"] == 0


def test_what_the_upstream_knows_beyond_openai_stays(gateway, upstream):
    async def reason(call):
        answer = chat_answer()
        answer["choices"][0]["message"]["reasoning_content"] = "Hm."
        await call.reply(200, answer)

    upstream.script = reason
    assert gateway.post("scripted", BODY).json()["choices"][0]["message"]["reasoning_content"] == "Hm."


@pytest.mark.parametrize("deployment", ["scripted", "no-usage"])
@pytest.mark.parametrize("asked", [False, True])
def test_usage_of_a_stream(gateway, upstream, deployment, asked):
    options = {"stream_options": {"include_usage": True}} if asked else {}
    chunks = list(gateway.azure().chat.completions.create(model=deployment, messages=MESSAGES, stream=True, **options))
    assert "".join(c.delta.content or "" for chunk in chunks for c in chunk.choices) == "Scripted."
    told = [chunk.usage for chunk in chunks if chunk.usage]
    assert [usage.total_tokens for usage in told] == ([5] if asked else [])
    sent = upstream.calls[0].json.get("stream_options")
    assert sent == ({"include_usage": True} if asked or deployment == "scripted" else None)


def test_usage_that_no_engine_tells(gateway, upstream):
    """Four bytes a token, of the prompt and of the answer: who asks for it has a usage all the same."""

    async def silent(call):
        if not call.json.get("stream"):
            await call.reply(200, {name: value for name, value in chat_answer().items() if name != "usage"})
            return
        await call.start_events()
        await call.event(chat_event("Scripted."))
        await call.event(chat_event(finish="stop"))
        await call.end_events()

    upstream.script = silent
    chat = gateway.azure().chat.completions
    prompt = [{"role": "user", "content": "Say something."}]
    usage = chat.create(model="scripted", messages=prompt).usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (4, 3, 7)
    options = {"include_usage": True}
    *_, last = chat.create(model="scripted", messages=prompt, stream=True, stream_options=options)
    assert last.usage.total_tokens == 7


def test_tool_calls_of_a_stream(gateway, upstream):
    """In the pieces that the upstream makes, ids in Azure's form."""
    pieces = [
        {"index": 0, "id": "tool-77", "type": "function", "function": {"name": "f", "arguments": ""}},
        {"index": 0, "function": {"arguments": '{"a"'}},
        {"index": 0, "function": {"arguments": ":1}"}},
        {"index": 1, "id": "call_kept", "type": "function", "function": {"name": "g", "arguments": "{}"}},
    ]

    async def call_tools(call):
        await call.start_events()
        for number, piece in enumerate(pieces):
            event = chat_event()
            event["choices"][0]["delta"] = {"tool_calls": [piece]} | ({"role": "assistant"} if number == 0 else {})
            await call.event(event)
        await call.event(chat_event(finish="tool_calls"))
        await call.end_events()

    upstream.script = call_tools
    found = {}
    for chunk in gateway.azure().chat.completions.create(model="scripted", messages=MESSAGES, stream=True):
        for choice in chunk.choices:
            for piece in choice.delta.tool_calls or []:
                one = found.setdefault(piece.index, ["", "", ""])
                one[0] += piece.id or ""
                one[1] += piece.function.name or ""
                one[2] += piece.function.arguments or ""
    assert (found[0][1:], found[1]) == (["f", '{"a":1}'], ["call_kept", "g", "{}"])
    assert found[0][0].startswith("call_") and len(found[0][0]) == 29


def test_events_in_odd_pieces(gateway, upstream):
    """Comments, CRLF, other fields, a byte at a time: the same events come out."""

    async def dribble(call):
        await call.start_events()
        event = json.dumps(chat_event("é"), ensure_ascii=False).encode()
        data = b": ping\r\n\r\nevent: x\r\nid: 1\r\ndata:" + event + b"\r\n\r\ndata: " + event + b"\n\n"
        data += b"data: " + json.dumps(chat_event(finish="stop")).encode() + b"\n\ndata:[DONE]\n\n"
        for i in range(0, len(data), 7):
            await call.chunk(data[i : i + 7])
        await call.chunk(b"")

    upstream.script = dribble
    text = gateway.post("scripted", BODY | {"stream": True}, version="2023-05-15").content.decode()
    contents = [json.loads(e[6:])["choices"][0]["delta"].get("content") for e in text.split("\n\n")[:-2]]
    assert contents == ["é", "é", None] and text.endswith("data: [DONE]\n\n")


def test_first_token_goes_out_at_once(gateway, upstream):
    """What came is passed on while the upstream still thinks about the rest."""
    seen = threading.Event()

    async def wait_for_the_client(call):
        await call.start_events()
        await call.event(chat_event("first"))
        while not seen.is_set():
            await call.chunk(b": still there\n\n")
            await asyncio.sleep(0.01)
        await call.event(chat_event(finish="stop"))
        await call.end_events()

    upstream.script = wait_for_the_client
    text = ""
    for chunk in gateway.azure().chat.completions.create(model="scripted", messages=MESSAGES, stream=True):
        text += "".join(c.delta.content or "" for c in chunk.choices)
        if text == "first":
            seen.set()
    assert seen.is_set() and text == "first"


# -- Failures -----------------------------------------------------------------------------------------------------------

RATE = {"error": {"message": "Slow down.", "type": "requests", "param": None, "code": "rate_limit_exceeded"}}


def test_429_passes_with_its_retry_after(gateway, upstream):
    async def throttle(call):
        await call.reply(429, RATE, {"retry-after": "7", "retry-after-ms": "6500"})

    upstream.script = throttle
    answer = gateway.post("nameless", BODY)
    assert (answer.status_code, answer.json()) == (429, RATE)
    assert (answer.headers["retry-after"], answer.headers["retry-after-ms"]) == ("7", "6500")
    with pytest.raises(openai.RateLimitError):
        gateway.azure().chat.completions.create(model="nameless", messages=MESSAGES)


def test_sdk_retries_when_it_is_told_to(gateway, upstream):
    async def throttle_once(call):
        if len(upstream.calls) == 1:
            await call.reply(429, RATE, {"retry-after-ms": "10"})
        else:
            await call.reply(200, chat_answer())

    upstream.script = throttle_once
    answer = gateway.azure(max_retries=2).chat.completions.create(model="hasty", messages=MESSAGES)
    assert answer.choices[0].message.content == "Scripted." and len(upstream.calls) == 2


@pytest.mark.parametrize("status", [400, 408, 409, 413, 422, 500, 503])
def test_errors_that_concern_the_caller_pass(gateway, upstream, status):
    error = {"error": {"message": f"It is {status}.", "type": "t", "param": "p", "code": "c"}}

    async def refuse(call):
        await call.reply(status, error)

    upstream.script = refuse
    for stream in (False, True):
        answer = gateway.post("azure", BODY | {"stream": stream})
        assert (answer.status_code, answer.json()) == (status, error)


@pytest.mark.parametrize("status", [500, 503])
def test_what_a_server_says_of_its_failure_does_not(gateway, upstream, status):
    """It may tell of its machines; what Azure says is for its customers (above)."""

    async def fail(call):
        await call.reply(status, {"error": {"message": "CUDA error at gpu-07:/srv/worker.py", "code": str(status)}})

    upstream.script = fail
    for stream in (False, True):
        answer = gateway.post("scripted", BODY | {"stream": stream})
        assert answer.status_code == status and "gpu-07" not in answer.text
        if status == 503:
            assert answer.json() == UNAVAILABLE
        else:
            assert is_server_error(answer.json()["error"])


@pytest.mark.parametrize("status", [401, 403, 404, 302])
def test_errors_of_our_own_credential_do_not(gateway, upstream, status):
    async def refuse(call):
        await call.reply(status, {"error": {"message": "Incorrect API key the-key-of-the-upstream"}})

    upstream.script = refuse
    answer = gateway.post("scripted", BODY)
    assert (answer.status_code, answer.json()) == (500, UNEXPECTED)


CHOICE = chat_answer()["choices"][0]


@pytest.mark.parametrize("body", [
    b"not JSON", b"{}", b'{"choices":5}', b"", b"[]", b"null",
    json.dumps(chat_answer(choices=[])).encode(), json.dumps(chat_answer(choices=[{"index": 0}])).encode(),
    json.dumps(chat_answer(choices=[CHOICE, CHOICE])).encode(),
])  # fmt: skip
def test_answer_that_is_no_answer(gateway, upstream, body):
    async def babble(call):
        await call.reply(200, body)

    upstream.script = babble
    answer = gateway.post("scripted", BODY)
    assert (answer.status_code, answer.json()) == (500, UNEXPECTED)


def test_upstream_that_is_down(gateway):
    """The client learns nothing about engines and addresses, the log all."""
    answer = gateway.post("dead", BODY)
    assert (answer.status_code, answer.json()) == (503, UNAVAILABLE)
    assert gateway.post("dead", BODY | {"stream": True}).status_code == 503
    assert "engine 'dead': 127.0.0.1 port" in gateway.log_text()
    gateway.post("dead", BODY)
    ready = requests.get(f"{gateway.endpoint}/readyz").json()
    assert (ready["engines"]["dead"], ready["status"]) == ("failed", "ready")


def test_the_second_address_takes_over(gateway, upstream):
    """One of two is dead: nobody notices."""
    for stream in (False, True):
        for _ in range(5):
            answer = gateway.post("pair", BODY | {"stream": stream})
            assert answer.status_code == 200 and "Scrip" in answer.text
    assert len(upstream.calls) == 10


def test_upstream_that_closes_before_it_answers(gateway, upstream):
    async def hang_up(call):
        call.cut()

    upstream.script = hang_up
    answer = gateway.post("azure", BODY)
    assert (answer.status_code, answer.json()) == (500, UNEXPECTED)


def test_upstream_that_says_nothing(gateway, upstream):
    async def keep_silent(call):
        await call.until_left()

    upstream.script = keep_silent
    answer = gateway.post("hasty", BODY)
    assert (answer.status_code, answer.json()) == (408, TIMEOUT)
    assert upstream.left.wait(10)


def stream_events(text):
    return [json.loads(e[6:]) for e in text.split("\n\n") if e.startswith("data: {")]


@pytest.mark.parametrize(
    "end", ["cut", "no [DONE], no finish", "garbage", "error event", "stall", "null event choices"]
)
def test_stream_that_breaks(gateway, upstream, end):
    """What came before is passed on; then an error event, and no [DONE] that would call it whole."""

    async def break_off(call):
        await call.start_events()
        await call.event(chat_event("one"))
        await call.event(chat_event(" two"))
        if end == "cut":
            call.cut()
        elif end == "garbage":
            await call.event('{"choices":[{"delta":<<')
            await call.until_left()
        elif end == "error event":
            await call.event({"error": {"message": "broken", "type": "server_error", "code": 500}})
            await call.until_left()
        elif end == "stall":
            await call.until_left()
        elif end == "null event choices":
            await call.event({"choices": None})
            await call.until_left()
        else:
            await call.end_events(done=False)

    assert gateway.post("hasty", BODY).status_code == 200  # in order so far
    upstream.script = break_off
    answer = gateway.post("hasty", BODY | {"stream": True}, version="2023-05-15")
    *chunks, last = stream_events(answer.text)
    assert answer.status_code == 200 and "[DONE]" not in answer.text
    assert "".join(c["choices"][0]["delta"]["content"] for c in chunks) == "one two"
    assert is_server_error(last["error"]) or last == UNEXPECTED
    with pytest.raises(openai.APIError):
        for _ in gateway.azure().chat.completions.create(model="hasty", messages=MESSAGES, stream=True):
            pass


def test_stream_of_an_overloaded_upstream(gateway, upstream):
    async def give_up(call):
        await call.start_events()
        await call.event(chat_event("one"))
        await call.event({"error": {"message": "Rate limit reached.", "type": "tokens", "code": "rate_limit_exceeded"}})
        await call.until_left()

    upstream.script = give_up
    answer = gateway.post("hasty", BODY | {"stream": True}, version="2023-05-15")
    *_, last = stream_events(answer.text)
    assert last["error"]["message"].startswith("That model is currently overloaded with other requests. You can retry")
    assert answer.headers["apim-request-id"] in last["error"]["message"] and "[DONE]" not in answer.text
    with pytest.raises(openai.APIError, match="overloaded"):
        for _ in gateway.azure().chat.completions.create(model="hasty", messages=MESSAGES, stream=True):
            pass


def test_stream_without_done_but_whole(gateway, upstream):
    async def forget_done(call):
        await call.start_events()
        await call.event(chat_event("all"))
        await call.event(chat_event(finish="stop"))
        await call.end_events(done=False)

    upstream.script = forget_done
    assert gateway.post("scripted", BODY | {"stream": True}).text.endswith("data: [DONE]\n\n")
