"""Limits of the Standard family: what is counted, what is refused, and how a client learns when to come again."""

import concurrent.futures
import time

import openai
import pytest

from limits import MESSAGES, catalog
from service import Lazuli
from waiting import wait_for_room


@pytest.fixture(scope="module")
def service():
    with Lazuli(catalog(), rate_limits=True) as running:
        yield running


def ask(service, deployment, max_tokens=1, **more):
    return service.post(deployment, {"messages": MESSAGES, "max_tokens": max_tokens, **more})


def test_requests_are_judged_by_ten_seconds(service):
    service.deploy("few", "gpt-35-turbo", "0613", capacity=2)  # 12 requests a minute: 2 in 10 s
    wait_for_room(10, 4)
    answers = [ask(service, "few") for _ in range(3)]
    assert [a.status_code for a in answers] == [200, 200, 429]
    assert [a.headers["x-ratelimit-remaining-requests"] for a in answers] == ["1", "0", "-1"]
    assert {a.headers["x-ratelimit-limit-requests"] for a in answers} == {"12"}
    refused = answers[2]
    seconds = refused.headers["retry-after"]
    word = "second" if seconds == "1" else "seconds"
    assert refused.json() == {
        "error": {
            "code": "429",
            "message": "Requests to the ChatCompletions_Create Operation under Azure OpenAI API version 2024-02-01 have "
            f"exceeded call rate limit of your current OpenAI S0 pricing tier. Please retry after {seconds} {word}. "
            "Please go here: https://aka.ms/oai/quotaincrease if you would like to further increase the default rate "
            "limit.",
        }
    }
    wait_ms = int(refused.headers["retry-after-ms"])
    assert 0 < wait_ms <= 10_010 and int(seconds) == -(-wait_ms // 1000)
    assert refused.headers["x-ratelimit-remaining-tokens"] == str(2000 - 4)  # it counts as no tokens
    time.sleep(wait_ms / 1000)
    assert ask(service, "few").status_code == 200  # the very moment that was told


def test_tokens_are_judged_by_the_minute(service):
    service.deploy("thousand", "gpt-35-turbo", "0613", capacity=10)
    wait_for_room(60, 8)
    assert ask(service, "thousand", 4000).status_code == 200
    second = ask(service, "thousand", 4000)
    assert second.status_code == 200
    assert second.headers["x-ratelimit-remaining-tokens"] == str(10000 - 2 * 4001)
    refused = ask(service, "thousand", 3000)
    assert refused.status_code == 429
    assert "have exceeded token rate limit of your current OpenAI S0 pricing tier" in refused.json()["error"]["message"]
    assert refused.headers["x-ratelimit-remaining-tokens"] == str(10000 - 2 * 4001 - 3001)  # counts, though refused
    assert 0 < int(refused.headers["retry-after"]) <= 61
    assert ask(service, "thousand").status_code == 429  # until the minute is over


def test_what_never_fits_is_put_off_for_a_day(service):
    service.deploy("small", "gpt-35-turbo", "0613", capacity=1)
    wait_for_room(10, 3)
    answer = service.post("small", {"messages": MESSAGES, "max_tokens": 1000})
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "86400" and answer.headers["retry-after-ms"] == "86400000"
    assert "Please retry after 86400 seconds." in answer.json()["error"]["message"]
    assert answer.headers["x-ratelimit-remaining-tokens"] == "1000"


def test_bad_requests_count_as_requests(service):
    service.deploy("strict", "gpt-35-turbo", "0613", capacity=2)
    wait_for_room(10, 3)
    answers = [service.post("strict", {"messages": []}) for _ in range(2)]
    assert [a.status_code for a in answers] == [400, 400]
    assert answers[1].headers["x-ratelimit-remaining-requests"] == "0"
    assert ask(service, "strict").status_code == 429


def test_what_the_model_cannot_be_asked_counts_as_well(service):
    service.deploy("other", "gpt-35-turbo", "0613", capacity=2)
    wait_for_room(10, 3)
    answers = [service.post("other", {"input": "hi"}, operation="embeddings") for _ in range(2)]
    assert [a.json()["error"]["code"] for a in answers] == ["OperationNotSupported"] * 2
    assert [a.headers["x-ratelimit-remaining-requests"] for a in answers] == ["1", "0"]
    assert ask(service, "other").status_code == 429


def test_n_and_best_of_multiply(service):
    service.deploy("many", "gpt-35-turbo", "0613", capacity=60)
    service.deploy("texts", "gpt-35-turbo-instruct", "0914", capacity=60)
    wait_for_room(60, 4)
    assert ask(service, "many", 100, n=3).headers["x-ratelimit-remaining-tokens"] == str(60000 - 301)
    body = {"prompt": ["four", "more"], "max_tokens": 10, "best_of": 5, "n": 1}
    answer = service.post("texts", body, operation="completions")
    assert answer.status_code == 200, answer.text
    assert answer.headers["x-ratelimit-remaining-tokens"] == str(60000 - 2 - 2 * 5 * 10)


def test_embeddings_count_their_input(service):
    service.deploy("vectors", "text-embedding-ada-002", "2", capacity=10)
    wait_for_room(60, 2)
    answer = service.post("vectors", {"input": "x" * 400}, operation="embeddings")
    assert answer.headers["x-ratelimit-remaining-tokens"] == str(10000 - 100)


def test_words_for_ai_services(service):
    account = service.account_id.rsplit("/", 1)[0] + "/services"
    body = {"location": "eastus", "kind": "AIServices", "sku": {"name": "S0"}, "properties": {}}
    assert service.arm("PUT", account, body).status_code in (200, 201)
    deployment = {"sku": {"name": "Standard", "capacity": 1}}
    deployment["properties"] = {"model": {"format": "OpenAI", "name": "gpt-35-turbo", "version": "0613"}}
    assert service.arm("PUT", f"{account}/deployments/words", deployment).status_code in (200, 201)
    key = service.arm("POST", f"{account}/listKeys").json()["key1"]
    wait_for_room(10, 3)
    body = {"messages": MESSAGES, "max_tokens": 1}
    answers = [service.post("words", body, headers={"api-key": key}) for _ in range(2)]
    text = answers[1].json()["error"]["message"]
    assert "of your current AIServices S0 pricing tier" in text
    assert text.endswith("Please contact Azure support service if you would like to further increase the default rate limit.")


def test_exact_among_many_clients(service):
    """As many pass as fit, whole answers, streams and broken streams alike, from 64 clients at a time on all loops."""
    for name in ("exact", "broken"):
        service.deploy(name, "gpt-35-turbo", "0613", capacity=500)  # 500,000 tokens a minute, 500 requests in 10 s

    def call(number):
        deployment = ("exact", "broken")[number % 2]
        body = {"messages": MESSAGES, "max_tokens": 4000, "stream": number % 4 >= 2}
        try:
            answer = service.post(deployment, body)
            return deployment, answer.status_code
        except OSError:
            return deployment, 200  # admitted, and then broken off

    wait_for_room(60, 25)
    with concurrent.futures.ThreadPoolExecutor(64) as pool:
        results = list(pool.map(call, range(400)))
    for deployment in ("exact", "broken"):
        passed = [status for name, status in results if name == deployment and status != 429]
        assert len(passed) == 500_000 // 4001, (deployment, len(passed))


def test_limits_follow_the_capacity_at_once(service):
    service.deploy("grows", "gpt-35-turbo", "0613", capacity=1)
    wait_for_room(10, 4)
    assert [ask(service, "grows").status_code for _ in range(2)] == [200, 429]
    service.deploy("grows", "gpt-35-turbo", "0613", capacity=10)
    assert ask(service, "grows").status_code == 200  # what was counted stays counted: the third of ten
    service.deploy("grows", "gpt-35-turbo", "0613", capacity=2)
    assert ask(service, "grows").status_code == 429


def test_sdk_retries_until_it_passes(service):
    service.deploy("patient", "gpt-35-turbo", "0613", capacity=1)  # one in 10 s
    client = service.azure(max_retries=4)
    wait_for_room(10, 3)
    ask(service, "patient")
    before = time.monotonic()
    raw = client.chat.completions.with_raw_response.create(model="patient", messages=MESSAGES, max_tokens=5)
    assert raw.retries_taken >= 1
    assert raw.parse().choices[0].message.content
    assert time.monotonic() - before < 25


def test_sdk_without_retries_raises_with_the_headers(service):
    service.deploy("impatient", "gpt-35-turbo", "0613", capacity=1)
    client = service.azure(max_retries=0)
    wait_for_room(10, 3)
    client.chat.completions.create(model="impatient", messages=MESSAGES, max_tokens=5)
    with pytest.raises(openai.RateLimitError) as caught:
        client.chat.completions.create(model="impatient", messages=MESSAGES, max_tokens=5)
    headers = caught.value.response.headers
    assert caught.value.code == "429"
    assert 0 < int(headers["retry-after-ms"]) <= 10_010 and 0 < int(headers["retry-after"]) <= 11
    assert headers["x-ratelimit-limit-tokens"] == "1000"


def test_a_stream_is_refused_as_a_whole_reply(service):
    service.deploy("streamed", "gpt-35-turbo", "0613", capacity=1)
    wait_for_room(10, 3)
    body = {"messages": MESSAGES, "max_tokens": 5, "stream": True}
    first, second = (service.post("streamed", body) for _ in range(2))
    assert first.headers["content-type"].startswith("text/event-stream") and "x-ratelimit-remaining-requests" in first.headers
    assert second.status_code == 429 and second.headers["content-type"].startswith("application/json")


def test_the_estimate_stays_unless_usage_is_charged():
    for charge, left in (("false", 10000 - 2 * 1001), ("true", None)):
        with Lazuli(catalog(), [f"--charge-usage={charge}"], rate_limits=True) as service:
            service.deploy("charged", "gpt-35-turbo", "0613", capacity=10)
            wait_for_room(60, 4)
            used = ask(service, "charged", 1000).json()["usage"]["total_tokens"]
            remaining = int(ask(service, "charged", 1000).headers["x-ratelimit-remaining-tokens"])
            assert remaining == (left if left else 10000 - used - 1001)


def test_nothing_is_refused_where_limits_only_count():
    with Lazuli(catalog()) as service:
        service.deploy("open", "gpt-35-turbo", "0613", capacity=1)
        wait_for_room(10, 3)
        answers = [ask(service, "open", 600) for _ in range(3)]
        assert [a.status_code for a in answers] == [200, 200, 200]
        assert int(answers[2].headers["x-ratelimit-remaining-requests"]) < 0
        assert int(answers[2].headers["x-ratelimit-remaining-tokens"]) < 0
