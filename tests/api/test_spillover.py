"""Spillover: what a provisioned deployment cannot take, a standard one does."""

import openai
import pytest

from fake_upstream import chat_answer
from limits import MESSAGES, catalog, deploy_provisioned
from service import Lazuli
from waiting import wait_until

HEADER = "x-ms-spillover-deployment"
FROM = "x-ms-spillover-from-deployment"
ERROR = "x-ms-spillover-error"

@pytest.fixture(scope="module")
def service(upstream_server):
    """With a deployment that is full: of its 3,450 tokens a minute, one answer has taken 12,000."""
    engines = f"""
  - name: long
    sim: {{ seed: 1, answer_tokens: 3000 }}
  - name: scripted
    upstream: {{ url: "http://127.0.0.1:{upstream_server.port}/v1" }}
"""
    deployments = """
  - { deployment: full*, engine: long }
  - { deployment: scripted*, engine: scripted }
"""
    with Lazuli(catalog(engines, deployments), rate_limits=True) as running:
        deploy_provisioned(running, "full")
        assert ask(running, "full", max_tokens=3000).status_code == 200
        running.deploy("standard", "gpt-4", "0613", capacity=100)
        running.deploy("failing", "gpt-4", "0613", capacity=100)
        yield running


def ask(service, deployment, over=None, **more):
    headers = {HEADER: over} if over else {}
    return service.post(deployment, {"messages": MESSAGES, "max_tokens": 10} | more, headers=headers)


def count(service, deployment, status, is_spillover, stream=False):
    account = service.account_id.rsplit("/", 1)[1]
    labels = f'account="{account}",deployment="{deployment}",operation="ChatCompletions_Create",status="{status}"'
    flags = f'stream="{str(stream).lower()}",is_spillover="{str(is_spillover).lower()}"'
    return service.metrics().get(f"lazuli_requests_total{{{labels},{flags}}}", 0)


def test_without_a_word_of_it_nothing_spills_over(service):
    answer = ask(service, "full")
    assert answer.status_code == 429
    assert not {FROM, ERROR} & set(answer.headers)


@pytest.mark.parametrize("stream", [False, True])
def test_what_there_is_no_room_for(service, stream):
    before = count(service, "standard", 200, True, stream), count(service, "full", 429, False, stream)
    answer = ask(service, "full", "Standard", stream=stream)
    assert answer.status_code == 200
    assert answer.headers[FROM] == "full" and answer.headers["x-ms-deployment-name"] == "standard"
    assert ERROR not in answer.headers and "retry-after" not in answer.headers
    assert "x-ratelimit-remaining-tokens" in answer.headers  # the standard one's
    if stream:
        assert answer.text.endswith("data: [DONE]\n\n") and answer.text.count("prompt_filter_results") == 1
    else:
        assert answer.json()["choices"][0]["message"]["content"]
    after = count(service, "standard", 200, True, stream), count(service, "full", 429, False, stream)
    assert after == (before[0] + 1, before[1] + 1)


def test_the_sdk_sees_an_answer(service):
    client = service.azure(default_headers={HEADER: "standard"})
    raw = client.chat.completions.with_raw_response.create(model="full", messages=MESSAGES, max_tokens=5)
    assert raw.headers[FROM] == "full" and raw.parse().choices[0].message.content
    stream = client.chat.completions.create(model="full", messages=MESSAGES, max_tokens=5, stream=True)
    assert "".join(event.choices[0].delta.content or "" for event in stream if event.choices)
    on_v1 = service.plain(default_headers={HEADER: "standard"})
    assert on_v1.chat.completions.create(model="full", messages=MESSAGES, max_tokens=5).choices[0].message.content


def test_the_deployment_says_where_to(service):
    """By spilloverDeploymentName, which counts for more than the header, until it is taken away or what it names has gone."""
    path = "/deployments/failing-all"
    model = {"format": "OpenAI", "name": "gpt-4", "version": "0613"}
    body = {"sku": {"name": "GlobalProvisionedManaged", "capacity": 15}, "properties": {"model": model}}
    service.deploy("other", "gpt-4", "0613", capacity=100)
    body["properties"]["spilloverDeploymentName"] = "other"
    assert service.arm("PUT", path, body, version="2025-06-01").status_code == 201
    for over in (None, "standard", "nobody"):
        answer = ask(service, "failing-all", over)
        assert (answer.status_code, answer.headers["x-ms-deployment-name"]) == (200, "other")
        assert answer.headers[FROM] == "failing-all"
    assert service.arm("DELETE", "/deployments/other").status_code == 200
    answer = ask(service, "failing-all", "standard")
    assert (answer.status_code, answer.headers[ERROR]) == (500, "404")
    del body["properties"]["spilloverDeploymentName"]
    assert service.arm("PUT", path, body, version="2025-06-01").status_code == 200
    assert ask(service, "failing-all").status_code == 500
    assert ask(service, "failing-all", "standard").headers["x-ms-deployment-name"] == "standard"


def test_what_the_engine_fails_at(service, upstream):
    deploy_provisioned(service, "scripted-ptu")
    too_long = {"message": "m", "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded"}
    errors = [(429, {"code": "429", "message": "m"}), (500, {"message": "m"}), (503, {"message": "m"}), (400, too_long)]
    for status, error in errors:

        async def script(call, status=status, error=error):
            await call.reply(status, {"error": error}, {"retry-after": "7"})

        upstream.reset(script)
        answer = ask(service, "scripted-ptu", "standard")
        assert (answer.status_code, answer.headers[FROM]) == (200, "scripted-ptu"), status
        assert "retry-after" not in answer.headers
    upstream.refuse()
    upstream.hang_up()
    try:
        assert ask(service, "scripted-ptu", "standard").headers[FROM] == "scripted-ptu"
    finally:
        upstream.refuse(False)


def test_what_is_wrong_with_the_request_stays(service, upstream):
    async def script(call):
        await call.reply(400, {"error": {"message": "m", "type": "invalid_request_error", "param": None, "code": None}})

    deploy_provisioned(service, "scripted-ptu")
    upstream.reset(script)
    for answer in (ask(service, "scripted-ptu", "standard"), ask(service, "full", "standard", temperature=9)):
        assert answer.status_code == 400
        assert not {FROM, ERROR} & set(answer.headers)


def test_when_both_fail_the_first_answer_counts(service, upstream):
    service.deploy("scripted", "gpt-4", "0613", capacity=100)
    for status in (500, 429):

        async def script(call, status=status):
            await call.reply(status, {"error": {"message": "not this one"}})

        upstream.reset(script)
        answer = ask(service, "full", "scripted")
        assert (answer.status_code, answer.headers[ERROR]) == (429, str(status))
        assert "Provisioned-Managed" in answer.json()["error"]["message"]
        assert int(answer.headers["retry-after-ms"]) > 1000
        assert float(answer.headers["azure-openai-deployment-utilization"].rstrip("%")) > 100
        assert FROM not in answer.headers and "x-ms-deployment-name" not in answer.headers
        assert count(service, "scripted", status, True) == 1
    deploy_provisioned(service, "failing-ptu")
    answer = ask(service, "failing-ptu", "scripted")
    assert (answer.status_code, answer.headers[ERROR]) == (500, "429")
    with pytest.raises(openai.RateLimitError) as caught:
        service.azure(default_headers={HEADER: "failing"}).chat.completions.create(model="full", messages=MESSAGES)
    assert caught.value.response.headers[ERROR] == "500"


def test_who_cannot_take_it(service):
    deploy_provisioned(service, "other-ptu")
    service.deploy("vectors", "text-embedding-ada-002", "2")
    for name, status in {"nobody": "404", "other-ptu": "400", "full": "400", "vectors": "400"}.items():
        answer = ask(service, "full", name)
        assert (answer.status_code, answer.headers[ERROR]) == (429, status), name
    answer = ask(service, "failing", "standard")  # not a provisioned one
    assert answer.status_code == 500 and not {FROM, ERROR} & set(answer.headers)


def test_an_answer_that_has_begun_stays(service):
    deploy_provisioned(service, "broken-ptu")
    before = count(service, "standard", 200, True, True)
    with pytest.raises(OSError):
        service.post("broken-ptu", {"messages": MESSAGES, "stream": True}, headers={HEADER: "standard"})
    assert count(service, "standard", 200, True, True) == before


def test_who_leaves_meanwhile(service, upstream):
    async def script(call):
        await call.until_left()

    service.deploy("scripted", "gpt-4", "0613", capacity=100)
    upstream.reset(script)
    headers = {HEADER: "scripted"}
    with pytest.raises(OSError):
        service.post("full", {"messages": MESSAGES}, headers=headers, timeout=(10, 0.5))
    upstream.wait_for_calls(1)
    assert upstream.left.wait(10)
    wait_until(lambda: count(service, "scripted", 499, True) == 1, "it was not counted")


def test_the_answer_is_the_upstreams(service, upstream):
    """Under its own name of the model, and with the body as the client wrote it."""

    async def script(call):
        await call.reply(200, chat_answer("From afar."))

    service.deploy("scripted", "gpt-4", "0613", capacity=100)
    upstream.reset(script)
    answer = ask(service, "full", "scripted", seed=5)
    assert answer.json()["choices"][0]["message"]["content"] == "From afar."
    (call,) = upstream.calls
    assert call.json == {"messages": MESSAGES, "max_tokens": 10, "seed": 5, "model": "scripted"}
