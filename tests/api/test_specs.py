"""Answers against the published specifications, and what each api-version shows."""

import json

import pytest

from specs import answer_errors, schema_errors

VERSIONS = ["2023-05-15", "2024-02-01", "2024-06-01", "2024-08-01-preview"]
MESSAGES = {"messages": [{"role": "user", "content": "Say something."}]}
TOOLS = {
    "tools": [
        {
            "type": "function",
            "function": {
                "name": "weather",
                "parameters": {"type": "object", "properties": {"city": {"type": "string"}}},
            },
        }
    ],
    "tool_choice": "required",
}


def body_of(answer, status=200):
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/json"
    return answer.json()


def events_of(answer):
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "text/event-stream; charset=utf-8"
    *events, done, rest = answer.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    assert all(e.startswith("data: {") and "\n" not in e for e in events)
    return [json.loads(e[6:]) for e in events]


def unsorted(text):
    """Objects of a JSON text whose keys are not in alphabetical order."""
    found = []

    def look(pairs):
        keys = [key for key, _ in pairs]
        if keys != sorted(keys):
            found.append(keys)
        return dict(pairs)

    json.loads(text, object_pairs_hook=look)
    return found


def test_the_validators_see_what_is_wrong():
    answer = {"choices": [{"message": {"role": "robot"}}], "created": "now", "id": "x", "model": "m"}
    found = " ".join(answer_errors("2024-06-01", "chat/completions", 200, answer))
    assert "robot" in found and "'now' is not of type 'integer'" in found and "'object' is a required" in found


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("more", [{}, {"n": 2}, {"logprobs": True, "top_logprobs": 3}], ids=["plain", "n", "logprobs"])
@pytest.mark.parametrize("service", ["simulated", "lazuli"])
def test_chat(request, service, version, more):
    service = request.getfixturevalue(service)
    body = body_of(service.post("gpt-4", MESSAGES | {"max_tokens": 20} | more, version=version))
    assert answer_errors(version, "chat/completions", 200, body) == []
    assert len(body["choices"]) == more.get("n", 1)
    if "logprobs" in more:
        assert body["choices"][0]["logprobs"]["content"]
        assert {len(token["top_logprobs"]) for token in body["choices"][0]["logprobs"]["content"]} == {3}


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_tools(simulated, version):
    body = body_of(simulated.post("gpt-4", MESSAGES | TOOLS, version=version))
    assert body["choices"][0]["finish_reason"] == "tool_calls"
    assert answer_errors(version, "chat/completions", 200, body) == []


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize(
    "more", [{}, {"logprobs": 2}, {"prompt": ["One", "Two"], "n": 2}], ids=["plain", "logprobs", "prompts"]
)
def test_completions(simulated, version, more):
    answer = simulated.post("instruct", {"prompt": "Once"} | more, operation="completions", version=version)
    body = body_of(answer)
    if version == "2023-05-15":  # whose own example has a null that its schema does not allow
        for choice in body["choices"]:
            if choice["logprobs"] is None:
                del choice["logprobs"]
    assert answer_errors(version, "completions", 200, body) == []
    assert [c["index"] for c in body["choices"]] == list(range(4 if "n" in more else 1))


@pytest.mark.parametrize("version", VERSIONS)
def test_embeddings(simulated, version):
    body = body_of(simulated.post("vectors", {"input": ["One", "Two"]}, operation="embeddings", version=version))
    assert answer_errors(version, "embeddings", 200, body) == []
    assert [len(item["embedding"]) for item in body["data"]] == [1536, 1536]


@pytest.mark.parametrize("version", VERSIONS[1:])
def test_errors(simulated, version):
    for answer, status in (
        (simulated.post("gpt-4", {}, version=version), 400),
        (simulated.post("nowhere", MESSAGES, version=version), 404),
        (simulated.post("gpt-4", MESSAGES, version=version, headers={"api-key": "wrong"}), 401),
    ):
        assert answer_errors(version, "chat/completions", "default", body_of(answer, status)) == []


@pytest.mark.parametrize("more", [{}, {"logprobs": True}, TOOLS, {"stream_options": {"include_usage": True}}])
def test_stream(simulated, more):
    version = "2024-08-01-preview"
    first, *events = events_of(simulated.post("gpt-4", MESSAGES | {"stream": True} | more, version=version))
    assert [first[key] for key in ("choices", "created", "id", "model", "object")] == [[], 0, "", "", ""]
    assert [list(item) for item in first["prompt_filter_results"]] == [["content_filter_results", "prompt_index"]]
    if "stream_options" in more:
        usage = events.pop()
        assert usage["choices"] == [] and usage["usage"]["completion_tokens"] == 32
        assert all(event["usage"] is None for event in events)
    else:
        assert all("usage" not in event for event in events)
    assert [schema_errors(version, "createChatCompletionStreamResponse", event) for event in events] == [[]] * len(
        events
    )
    assert len({event["id"] for event in events}) == 1


FILTERS = {"error": {"code": "content_filter_error", "message": "The contents are not filtered"}}


def test_2023_05_15_is_the_quickstart_sample(simulated):
    """Keys and values as that document's output has them: nothing of later versions."""
    body = body_of(simulated.post("gpt-4", MESSAGES, version="2023-05-15"))
    assert set(body) == {"id", "object", "created", "model", "usage", "choices"}
    assert set(body["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}
    assert [set(choice) for choice in body["choices"]] == [{"message", "finish_reason", "index"}]
    assert set(body["choices"][0]["message"]) == {"role", "content"}
    events = events_of(simulated.post("gpt-4", MESSAGES | {"stream": True}, version="2023-05-15"))
    assert {key for event in events for key in event} == {"id", "object", "created", "model", "choices"}
    assert {key for event in events for c in event["choices"] for key in c} == {"delta", "finish_reason", "index"}
    assert {key for event in events for c in event["choices"] for key in c["delta"]} == {"role", "content"}


def test_2024_02_01_shows_filters_logprobs_and_fingerprint(simulated):
    body = body_of(simulated.post("gpt-4", MESSAGES, version="2024-02-01"))
    assert set(body) == {
        "id",
        "object",
        "created",
        "model",
        "usage",
        "choices",
        "prompt_filter_results",
        "system_fingerprint",
    }
    assert body["prompt_filter_results"] == [{"prompt_index": 0, "content_filter_results": FILTERS}]
    choice = body["choices"][0]
    assert choice["content_filter_results"] == FILTERS
    assert (choice["logprobs"], set(choice["message"])) == (None, {"role", "content"})
    assert set(body["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}


def test_2024_08_01_preview_shows_refusal(simulated):
    body = body_of(simulated.post("gpt-4", MESSAGES, version="2024-08-01-preview"))
    assert body["choices"][0]["message"]["refusal"] is None
    assert set(body["usage"]) == {"prompt_tokens", "completion_tokens", "total_tokens"}


def test_2024_10_21_shows_details_of_usage(simulated):
    usage = body_of(simulated.post("gpt-4", MESSAGES, version="2024-10-21"))["usage"]
    assert set(usage["completion_tokens_details"]) == {
        "accepted_prediction_tokens",
        "audio_tokens",
        "reasoning_tokens",
        "rejected_prediction_tokens",
    }
    assert set(usage["prompt_tokens_details"]) == {"audio_tokens", "cached_tokens"}


def test_filters_of_several_prompts(simulated):
    body = body_of(simulated.post("instruct", {"prompt": ["a", "b", "c"]}, operation="completions"))
    assert [item["prompt_index"] for item in body["prompt_filter_results"]] == [0, 1, 2]


@pytest.mark.parametrize("service", ["simulated", "lazuli"])
def test_keys_are_in_alphabetical_order_at_each_level(request, service):
    service = request.getfixturevalue(service)
    more = MESSAGES | {"logprobs": True, "top_logprobs": 1, "max_tokens": 5, "temperature": 0, "seed": 1}
    assert unsorted(service.post("gpt-4", more, version="2024-10-21").text) == []
    stream = service.post(
        "gpt-4", more | {"stream": True, "stream_options": {"include_usage": True}}, version="2024-10-21"
    )
    events = [e for e in stream.text.split("\n\n") if e.startswith("data: {")]
    assert len(events) >= 6 and [unsorted(e[6:]) for e in events] == [[]] * len(events)
    vectors = service.post("text-embedding-ada-002", {"input": "x"}, operation="embeddings")
    assert vectors.status_code == 200 and unsorted(vectors.text) == []


@pytest.mark.parametrize("version", [
    "2022-12-01", "2023-05-15", "2024-02-01", "2024-06-01", "2024-10-21",
    "2023-03-15-preview", "2023-06-01-preview", "2023-07-01-preview", "2023-08-01-preview", "2023-09-01-preview",
    "2023-10-01-preview", "2023-12-01-preview", "2024-02-15-preview", "2024-03-01-preview", "2024-04-01-preview",
    "2024-05-01-preview", "2024-07-01-preview", "2024-08-01-preview", "2024-09-01-preview", "2024-10-01-preview",
    "2024-12-01-preview", "2025-01-01-preview", "2025-02-01-preview", "2025-03-01-preview", "2025-04-01-preview",
])  # fmt: skip
def test_every_version_is_served(simulated, version):
    operation, body = ("chat/completions", MESSAGES) if version > "2023" else ("completions", {"prompt": "a"})
    deployment = "gpt-4" if version > "2023" else "instruct"
    assert simulated.post(deployment, body, operation=operation, version=version).status_code == 200
