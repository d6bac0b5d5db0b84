"""The faults of test_answer_faults.py by the other ways to an engine: the surface v1, completions, embeddings. What is shaped has
a form of its own there, and so what is wrong with it."""

import base64
import contextlib
import functools
import struct

import pytest
import requests

from errors import TIMEOUT, UNEXPECTED, is_server_error
from fake_upstream import chat_answer, chat_event
from faulty import BODY, Faulty, events_of, wait_until_settled
from test_answer_faults import BROKEN_STREAM, NO_ANSWER, answering, event, saying
from waiting import wait_until

HASTY = "first_byte_timeout_ms: 1500, idle_timeout_ms: 500"
MODELS = {"chat": ("gpt-4o", "2024-11-20"), "text": ("gpt-35-turbo-instruct", "0914"), "vectors": ("text-embedding-ada-002", "2")}


def text_answer(text="Scripted."):
    return chat_answer(object="text_completion", choices=[{"index": 0, "text": text, "finish_reason": "stop"}])


def text_event(text="", finish=None):
    choice = {"index": 0, "text": text, "finish_reason": finish}
    return chat_event() | {"object": "text_completion", "choices": [choice]}


def vectors_answer(*vectors, **more):
    data = [{"object": "embedding", "index": i, "embedding": vector} for i, vector in enumerate(vectors)]
    return {"object": "list", "model": "x", "data": data, "usage": {"prompt_tokens": 1, "total_tokens": 1}} | more


class Way:
    """How it is asked for, an answer that is in order, whole or as events, and answers that are not."""

    def __init__(self, model, path, body, good, wrong, events=()):
        self.model, self.path, self.body, self.good, self.wrong, self.events = model, path, body, good, wrong, events

    def ask(self, service, engine="victim", **more):
        deployment = f"{engine}-{self.model}"
        body = self.body | more | ({"model": deployment} if "/v1/" in self.path else {})
        url = service.endpoint + self.path.format(deployment)
        return requests.post(url, json=body, headers={"api-key": service.key}, timeout=60)

    def script(self):
        """An engine in order."""

        async def answer(call):
            if not call.json.get("stream"):
                await call.reply(200, self.good)
                return
            await call.start_events()
            for value in self.events:
                await call.event(value)
            await call.end_events()

        return answer

    def after_two_events(self, script):
        async def begin(call):
            await call.start_events()
            for value in self.events[:2]:
                await call.event(value)
            await script(call)

        return begin


DATED = "/openai/deployments/{}/%s?api-version=2024-10-21"
V1 = "/openai/v1/%s"
CHAT = {
    "good": chat_answer("one two"),
    "events": [chat_event("one"), chat_event(" two"), chat_event(finish="stop")],
    "wrong": [chat_answer(["no", "text"]), chat_answer(choices=[7])],
}
TEXT = {
    "good": text_answer("one two"),
    "events": [text_event("one"), text_event(" two"), text_event(finish="stop")],
    "wrong": [text_answer(7), chat_answer(choices=[7])],
}
VECTORS = {
    "good": vectors_answer([0.5, 0.25]),
    "wrong": [
        vectors_answer(data=None),
        vectors_answer(),
        vectors_answer([0.5], [0.5]),
        vectors_answer(7),
        vectors_answer([0.5, "0.5"]),
        chat_answer(),
    ],
}
WAYS = {
    "v1 chat": Way("chat", V1 % "chat/completions", BODY, **CHAT),
    "completions": Way("text", DATED % "completions", {"prompt": "Hi"}, **TEXT),
    "v1 completions": Way("text", V1 % "completions", {"prompt": "Hi"}, **TEXT),
    "embeddings": Way("vectors", DATED % "embeddings", {"input": "Hi"}, **VECTORS),
}
# Rows of NO_ANSWER and BROKEN_STREAM whose scripts are of no form.
SOME_ANSWERS = ["closed", "half a head, closed", "half a body, closed", "wrong chunks", "two lengths", "nothing", "deep"]
SOME_STREAMS = ["cut", "closed in an event", "no [DONE]", "wrong chunks", "no JSON", "a list", "no choices", "an error"]


@pytest.fixture(scope="module")
def faulty_of():
    """By its kind."""
    with contextlib.ExitStack() as stack:

        @functools.cache
        def make(kind):
            models = {name: model for name, model in MODELS.items() if kind == "upstream" or name == "text"}
            engines = {"victim": "", "hasty": HASTY}
            deployments = {f"{engine}-{name}": (engine, *model) for engine in engines for name, model in models.items()}
            one = Faulty(kind, engines, deployments=deployments)
            stack.callback(one.stop)
            # a llama-server may take longer to start than that waits for it
            wait_until(lambda: one.ask("hasty").status_code == 200, "it does not start")
            return one

        yield make


@pytest.fixture
def faulty(request, faulty_of):
    return faulty_of(request.param)


@pytest.fixture
def way(request, faulty):
    """Whatever was wrong before, the next one is served."""
    one = WAYS[request.param]
    yield one
    faulty.engine.reset(one.script())
    answer = one.ask(faulty.service)
    assert answer.status_code == 200, answer.text
    wait_until_settled(faulty.service)


def ways(*pairs):
    return pytest.mark.parametrize("faulty, way", pairs, indirect=True, ids=[", ".join(pair) for pair in pairs])


STREAMED = [("upstream", name) for name, way in WAYS.items() if way.events] + [("llama", "v1 completions")]


@ways(("upstream", "embeddings"), *STREAMED)
def test_an_answer_that_is_none(faulty, way):
    cases = {case: NO_ANSWER[case][0] for case in SOME_ANSWERS} | {str(wrong): answering(wrong) for wrong in way.wrong}
    for case, script in cases.items():
        faulty.engine.reset(script)
        for stream in (False, True) if way.events else (False,):
            answer = way.ask(faulty.service, **({"stream": True} if stream else {}))
            assert (answer.status_code, answer.json()) == (500, UNEXPECTED), case
    faulty.engine.reset(NO_ANSWER["half a body, silence"][0])
    answer = way.ask(faulty.service, "hasty")
    assert (answer.status_code, answer.json()) == (408, TIMEOUT)


def words_of(events):
    """Of chat or completions."""
    choices = [choice for one in events for choice in one["choices"]]
    return "".join(choice.get("text") or choice.get("delta", {}).get("content") or "" for choice in choices)


@ways(*STREAMED)
def test_a_stream_that_breaks(faulty, way):
    cases = {case: BROKEN_STREAM[case][0] for case in SOME_STREAMS}
    cases["a content that is none"] = saying(event(chat_event({"text": 7}) if way.model == "chat" else text_event(7)))
    cases["silence"] = BROKEN_STREAM["silence"][0]
    for case, script in cases.items():
        faulty.engine.reset(way.after_two_events(script))
        answer = way.ask(faulty.service, "hasty" if case == "silence" else "victim", stream=True)
        assert answer.status_code == 200 and "[DONE]" not in answer.text, (case, answer.text)
        *chunks, last = events_of(answer.text)
        assert words_of(chunks) == "one two", (case, answer.text)
        assert last == UNEXPECTED or is_server_error(last["error"]), (case, last)
        assert "0x7f" not in answer.text and len(faulty.engine.calls) == 1, case
    faulty.engine.reset(way.script())
    answer = way.ask(faulty.service, stream=True)
    assert words_of(events_of(answer.text)) == "one two" and answer.text.endswith("data: [DONE]\n\n")


# -- Large answers, which a thread of the pool shapes ------------------------------------------------------------------------

COUNT, NUMBER = 32, 0.0123456789
VECTOR = [NUMBER] * 1536
FLOATS = base64.b64encode(struct.pack("<1536f", *VECTOR)).decode()
WRONG_NUMBERS = {
    "a text": ([*VECTOR[:-1], str(NUMBER)], "float"),
    "a list": ([*VECTOR[:-1], [NUMBER]], "float"),
    "no number": ([*VECTOR[:-1], None], "base64"),
    "half a number": (FLOATS + "AAA=", "float"),
    "no base64": ("@" + FLOATS[1:], "float"),
    "no vector": (None, "base64"),
}


@ways(("upstream", "embeddings"))
def test_a_large_answer_with_wrong_numbers(faulty, way):
    """In its last vector, so that all of it is looked at."""
    asked = {"input": ["Hi"] * COUNT}
    for case, (last, form) in WRONG_NUMBERS.items():
        faulty.engine.reset(answering(vectors_answer(*[VECTOR] * (COUNT - 1), last)))
        answer = way.ask(faulty.service, **asked, encoding_format=form)
        assert (answer.status_code, answer.json()) == (500, UNEXPECTED), case
    faulty.engine.reset(answering(vectors_answer(*[VECTOR] * COUNT)))
    for form, wanted in (("float", VECTOR), ("base64", FLOATS)):
        answer = way.ask(faulty.service, **asked, encoding_format=form).json()
        assert [item["embedding"] for item in answer["data"]] == [wanted] * COUNT
