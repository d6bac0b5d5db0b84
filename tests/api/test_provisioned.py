"""The Provisioned family: the leaky bucket as clients meet it."""

import re
import time

import openai
import pytest

from limits import MESSAGES, catalog, deploy_provisioned
from service import Lazuli
from waiting import wait_for_room, wait_until


@pytest.fixture(scope="module")
def service():
    with Lazuli(catalog(), rate_limits=True) as running:
        yield running


def ask(service, deployment, max_tokens=10, **more):
    return service.post(deployment, {"messages": MESSAGES, "max_tokens": max_tokens, **more})


def utilization(answer):
    value = answer.headers["azure-openai-deployment-utilization"]
    assert re.fullmatch(r"\d+\.\d%", value), value
    return float(value[:-1])


def test_utilization_is_told_and_corrected(service):
    deploy_provisioned(service, "measured")
    first = ask(service, "measured", 800)  # the estimate: 1 + 4 x 800 of 3,450
    assert first.status_code == 200
    assert not [name for name in first.headers if name.startswith("x-ratelimit")]
    used = first.json()["usage"]
    work = used["prompt_tokens"] + 4 * used["completion_tokens"]
    again = ask(service, "measured", 1)
    assert utilization(again) == pytest.approx(100 * (work + 5) / 3450, abs=2)  # not the estimate


def test_above_100_percent_is_refused_until_it_is_below(service):
    deploy_provisioned(service, "full")
    answers = []
    for _ in range(40):
        answers.append(ask(service, "full", 10, n=20))  # 1 + 4 x 200 of work each, estimate and all
        if answers[-1].status_code == 429:
            break
    refused = answers[-1]
    assert refused.status_code == 429 and len(answers) >= 4
    assert utilization(refused) > 100
    assert refused.json()["error"] == {
        "code": "429",
        "message": "Requests have exceeded the throughput limit on your Provisioned-Managed deployment. If you continue to "
        "exceed your limit, consider increasing the number of provisioned throughput units deployed.",
    }
    wait_ms = int(refused.headers["retry-after-ms"])
    assert wait_ms == pytest.approx((utilization(refused) - 100) * 600, abs=100)  # a percent drains in 0.6 s
    assert int(refused.headers["retry-after"]) == -(-wait_ms // 1000)
    time.sleep(wait_ms / 1000)
    assert ask(service, "full").status_code == 200


def test_sdk_waits_as_it_is_told(service):
    deploy_provisioned(service, "retried")
    while ask(service, "retried", 10, n=20).status_code == 200:
        pass
    with pytest.raises(openai.RateLimitError):
        service.azure().chat.completions.create(model="retried", messages=MESSAGES)
    answer = service.azure(max_retries=5).chat.completions.create(model="retried", messages=MESSAGES, max_tokens=5)
    assert answer.choices[0].message.content


def test_what_fails_costs_nothing(service):
    deploy_provisioned(service, "failing")
    for _ in range(8):
        assert ask(service, "failing", 800).status_code == 500
    assert utilization(ask(service, "failing", 1)) < 1


def test_what_no_model_answers_fills_nothing(service):
    deploy_provisioned(service, "asked")  # its model names no longest answer: it is the context
    answer = ask(service, "asked", 2**31 - 1)
    assert answer.status_code == 400
    assert answer.json()["error"] == {
        "message": "max_tokens is too large: 2147483647. This model supports at most 8192 completion tokens, whereas you "
        "provided 2147483647.",
        "type": "invalid_request_error",
        "param": "max_tokens",
        "code": "invalid_value",
    }
    assert utilization(answer) == 0


def test_a_broken_stream_costs_what_came(service):
    deploy_provisioned(service, "broken")
    for _ in range(4):
        with pytest.raises(OSError):
            service.post("broken", {"messages": MESSAGES, "max_tokens": 800, "stream": True})

    def settled():
        answer = service.post("broken", {"messages": []})  # 400: no work
        return 0 < utilization(answer) < 10

    wait_until(settled, "the broken streams were not settled")


def test_more_units_take_more(service):
    deploy_provisioned(service, "scaled")
    while ask(service, "scaled", 10, n=20).status_code == 200:
        pass
    deploy_provisioned(service, "scaled", capacity=60)
    answer = ask(service, "scaled", 1)
    assert answer.status_code == 200 and utilization(answer) < 40


def test_utilization_of_a_minute_is_a_metric(service):
    deploy_provisioned(service, "metered")
    wait_for_room(60, 5)  # for the request, whose work is that of the minute in which it ends
    answer = ask(service, "metered", 800)
    usage = answer.json()["usage"]
    work = usage["prompt_tokens"] + 4 * usage["completion_tokens"]
    account = service.account_id.rsplit("/", 1)[1]
    name = f'lazuli_provisioned_managed_utilization_percent{{account="{account}",deployment="metered"}}'
    assert name in service.metrics()
    wait_until(lambda: service.metrics()[name], "no utilization in the minute", limit_s=70, step_s=0.5)
    assert service.metrics()[name] == pytest.approx(100 * work / 3450)
