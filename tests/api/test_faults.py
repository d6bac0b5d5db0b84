"""Faults on demand: the simulator's, asked for by header or set in the catalog, as an application's tests use them."""

import json
import time

import openai
import pytest
import requests

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


@pytest.mark.parametrize("stream", [False, True])
def test_429(simulated, stream):
    answer = fault(simulated, "status=429; retry-after-ms=800", stream)
    assert (answer.status_code, answer.headers["retry-after-ms"], answer.headers["retry-after"]) == (429, "800", "1")
    assert answer.json() == {
        "error": {
            "code": "429",
            "message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2023-05-15 have "
            "exceeded token rate limit of your current OpenAI S0 pricing tier. Please retry after 1 second. Please go here: "
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
    """The client sees a connection that ends, and nothing that mends it."""
    headers = {"x-lazuli-fault": "cut; after=4"}
    seen = []
    with pytest.raises(openai.APIConnectionError):
        for chunk in simulated.azure().chat.completions.create(
            model="gpt-4", messages=MESSAGES, stream=True, extra_headers=headers
        ):
            seen += [c.delta.content for c in chunk.choices if c.delta.content]
    assert len(seen) == 4


@pytest.mark.parametrize("stream", [False, True])
def test_cut_before_the_first_byte(simulated, stream):
    with pytest.raises(openai.APIConnectionError):
        simulated.azure(max_retries=0).chat.completions.create(
            model="gpt-4", messages=MESSAGES, stream=stream, extra_headers={"x-lazuli-fault": "cut"}
        )


def test_malformed(simulated):
    answer = fault(simulated, "malformed; after=2", stream=True)
    events = answer.text.removesuffix("\n\n").split("\n\n")
    assert answer.status_code == 200 and "<<garbage>>" in events[-1] and "[DONE]" not in answer.text
    with pytest.raises(ValueError):
        json.loads(events[-1].removeprefix("data: "))
    words = [json.loads(e.removeprefix("data: "))["choices"][0]["delta"].get("content") for e in events[:-1]]
    assert len([word for word in words if word]) == 2


@pytest.mark.parametrize("operation, body", [("chat/completions", BODY), ("embeddings", {"input": "Hi"})])
def test_malformed_whole(simulated, operation, body):
    deployment = "vectors" if operation == "embeddings" else "gpt-4"
    answer = simulated.post(deployment, body, operation=operation, headers={"x-lazuli-fault": "malformed"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/json")
    with pytest.raises(ValueError):
        answer.json()


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
            with pytest.raises(requests.exceptions.ChunkedEncodingError):
                service.post("cut-one", BODY | {"stream": True}, version="2023-05-15")
            answers = [service.post("flaky-one", BODY) for _ in range(24)]
            assert {a.headers.get("retry-after-ms") for a in answers if a.status_code == 429} == {"1500"}
            return [a.status_code for a in answers]

    first = statuses()
    assert statuses() == first and 4 < first.count(429) < 20
