"""Faults on demand: the simulator's, asked for by header or set in the catalog, as an application's tests use them."""

import json
import time

import openai
import pytest

from service import Lazuli

MESSAGES = [{"role": "user", "content": "Hi"}]
BODY = {"messages": MESSAGES}

FLAKY = """
extends: default
default_engines: { chat: sim, completion: sim, embeddings: sim }
deployments:
  - { deployment: flaky-*, sim: { seed: 7, fault: { kind: status, status: 429, retry_after_ms: 1500, rate: 0.5 } } }
  - { deployment: cut-*, sim: { fault: { kind: cut, after_tokens: 3 } } }
"""


def fault(service, text, stream=False, deployment="gpt-4"):
    return service.post(deployment, BODY | {"stream": stream}, version="2023-05-15", headers={"x-lazuli-fault": text})


def texts(answer):
    events = [json.loads(e[6:]) for e in answer.text.split("\n\n") if e.startswith("data: {")]
    contents = [e["choices"][0]["delta"].get("content") for e in events if "choices" in e]
    return [text for text in contents if text], [e["error"] for e in events if "error" in e]


@pytest.mark.parametrize("stream", [False, True])
def test_429(simulated, stream):
    answer = fault(simulated, "status=429; retry-after-ms=800", stream)
    assert (answer.status_code, answer.headers["retry-after-ms"], answer.headers["retry-after"]) == (429, "800", "1")
    assert answer.json() == {
        "error": {
            "code": "429",
            "message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2023-05-15 have "
            "exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 1 seconds. Please go here: "
            "https://aka.ms/oai/quotaincrease if you would like to further increase the default rate limit.",
        }
    }


def test_503_is_azures(simulated):
    answer = fault(simulated, "status=503")
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "ServiceUnavailable")


@pytest.mark.parametrize(
    "status, kind",
    [
        (400, openai.BadRequestError),
        (404, openai.NotFoundError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
    ],
)
def test_statuses(simulated, status, kind):
    with pytest.raises(kind) as caught:
        simulated.azure().chat.completions.create(
            model="gpt-4", messages=MESSAGES, extra_headers={"x-lazuli-fault": f"status={status}"}
        )
    assert caught.value.status_code == status


def test_sdk_waits_as_it_is_told(simulated):
    """The second try comes no earlier than retry-after-ms says."""
    client = simulated.azure(max_retries=1)
    started = time.monotonic()
    with pytest.raises(openai.RateLimitError):
        client.chat.completions.create(
            model="gpt-4", messages=MESSAGES, extra_headers={"x-lazuli-fault": "status=429; retry-after-ms=300"}
        )
    assert time.monotonic() - started >= 0.3


def test_cut(simulated):
    answer = fault(simulated, "cut; after=4", stream=True)
    words, errors = texts(answer)
    assert len(words) == 4 and "[DONE]" not in answer.text
    assert [error["type"] for error in errors] == ["server_error"]
    assert fault(simulated, "cut").status_code == 500


def test_malformed(simulated):
    words, errors = texts(fault(simulated, "malformed; after=2", stream=True))
    assert len(words) == 2 and [error["code"] for error in errors] == ["InternalServerError"]
    assert fault(simulated, "malformed").status_code == 500


def test_stall(simulated):
    """Silence after some tokens, until the client gives up."""
    with pytest.raises(openai.APITimeoutError):
        simulated.azure(timeout=0.5).chat.completions.create(
            model="gpt-4", messages=MESSAGES, extra_headers={"x-lazuli-fault": "stall"}
        )
    stream = simulated.azure(timeout=0.5).chat.completions.create(
        model="gpt-4", messages=MESSAGES, stream=True, extra_headers={"x-lazuli-fault": "stall; after=2"}
    )
    seen = []
    with pytest.raises(Exception) as caught:  # the SDK leaves it to its HTTP client
        for chunk in stream:
            seen += [c.delta.content for c in chunk.choices if c.delta.content]
    assert "Timeout" in type(caught.value).__name__
    assert len(seen) == 2


@pytest.mark.parametrize("text", ["explode", "status=200", "status=600", "status", "cut; after=x", "rate=2", ";", ""])
def test_faults_that_there_are_not(simulated, text):
    answer = fault(simulated, text)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "BadRequest"


def test_faults_of_a_real_model(lazuli):
    answer = fault(lazuli, "status=429")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == (
        "The header x-lazuli-fault needs a deployment that runs on a simulator; 'gpt-4' runs on the engine 'tiny'."
    )


def test_without_the_header_nothing_fails(simulated):
    assert all(simulated.post("gpt-4", BODY).status_code == 200 for _ in range(5))


def test_faults_in_the_catalog():
    """The same faults again each time, and only for the deployments that they are meant for."""

    def statuses():
        with Lazuli(catalog=FLAKY) as service:
            service.deploy("flaky-one", "gpt-4o", "2024-11-20")
            service.deploy("cut-one", "gpt-4o", "2024-11-20")
            assert service.post("gpt-4", BODY).status_code == 200
            words, errors = texts(service.post("cut-one", BODY | {"stream": True}, version="2023-05-15"))
            assert (len(words), len(errors)) == (3, 1)
            answers = [service.post("flaky-one", BODY) for _ in range(24)]
            assert {a.headers.get("retry-after-ms") for a in answers if a.status_code == 429} == {"1500"}
            return [a.status_code for a in answers]

    first = statuses()
    assert statuses() == first and 4 < first.count(429) < 20
