"""The v1 surface with the OpenAI SDK's own client: `model` names the deployment, the key is a bearer."""

import asyncio

import openai
import pytest
import requests

MESSAGES = [{"role": "user", "content": "What is a deployment?"}]
INVALID = {"error": {"code": "BadRequest", "message": "API version not supported"}}


@pytest.fixture(params=["simulated", "lazuli"])
def service(request):
    return request.getfixturevalue(request.param)


def post(service, body, path="chat/completions", headers=None, **params):
    headers = headers or {"api-key": service.key}
    return requests.post(f"{service.endpoint}/openai/v1/{path}", json=body, params=params, headers=headers, timeout=30)


def test_chat(service):
    answer = service.plain().chat.completions.create(model="gpt-4", messages=MESSAGES, max_tokens=10)
    assert answer.choices[0].message.content and answer.model == "gpt-4"
    assert answer.usage.prompt_tokens_details.cached_tokens >= 0


def test_stream(service):
    stream = service.plain().chat.completions.create(model="gpt-4", messages=MESSAGES, stream=True, max_tokens=10)
    assert "".join(c.delta.content or "" for chunk in stream for c in chunk.choices)


def test_async(service):
    async def ask():
        async with service.plain(kind=openai.AsyncOpenAI) as client:
            stream = await client.chat.completions.create(model="gpt-4", messages=MESSAGES, stream=True, max_tokens=10)
            return [chunk async for chunk in stream]

    assert len(asyncio.run(ask())) > 3


def test_completions_and_embeddings(simulated):
    client = simulated.plain()
    assert client.completions.create(model="instruct", prompt="Once").choices[0].text
    assert len(client.embeddings.create(model="text-embedding-ada-002", input="a").data[0].embedding) == 1536


def test_members_that_nobody_knows(simulated):
    """Named as today's model layer does; the dated surface has the words of its time."""
    messages = [{"role": "user", "content": [{"type": "text", "text": "Hi", "mood": "good"}]}]
    answer = post(simulated, {"model": "gpt-4", "messages": messages})
    name = "messages[0].content[0].mood"
    error = {"message": f"Unknown parameter: '{name}'.", "type": "invalid_request_error"}
    assert (answer.status_code, answer.json()["error"]) == (400, error | {"param": name, "code": "unknown_parameter"})


@pytest.mark.parametrize("version", [{}, {"api-version": "v1"}, {"api-version": "preview"}])
def test_versions(simulated, version):
    assert post(simulated, {"model": "gpt-4", "messages": MESSAGES}, **version).status_code == 200


def test_dated_version_is_refused(simulated):
    answer = post(simulated, {"model": "gpt-4", "messages": MESSAGES}, **{"api-version": "2024-10-21"})
    assert (answer.status_code, answer.json()) == (400, INVALID)


def test_key_as_bearer_or_as_api_key(simulated):
    body = {"model": "gpt-4", "messages": MESSAGES}
    for headers in ({"Authorization": f"Bearer {simulated.key}"}, {"api-key": simulated.key}):
        assert post(simulated, body, headers=headers).status_code == 200
    for headers in ({"Authorization": "Bearer wrong"}, {"api-key": "wrong"}, {"Authorization": simulated.key}):
        assert post(simulated, body, headers=headers).status_code == 401


def test_unknown_deployment(simulated):
    with pytest.raises(openai.NotFoundError) as caught:
        simulated.plain().chat.completions.create(model="gpt-9", messages=MESSAGES)
    assert caught.value.code == "DeploymentNotFound"


@pytest.mark.parametrize(
    "body, code",
    [
        ({}, "missing_required_parameter"),
        ({"model": 5}, "invalid_type"),
        ({"model": None}, "missing_required_parameter"),
    ],
)
def test_model_is_needed(simulated, body, code):
    answer = post(simulated, {"messages": MESSAGES} | body)
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, "model")


def test_unknown_path(simulated):
    answer = post(simulated, {}, path="no/such/thing")
    assert (answer.status_code, answer.text) == (404, '{"error":{"code":"404","message": "Resource not found"}}')


def test_account_in_the_path(simulated):
    """The form for accounts whose key alone does not name them; endpoints may end in a slash."""
    account = simulated.variables["LAZULI_ACCOUNT"]
    for base in (f"{simulated.endpoint}/accounts/{account}", f"{simulated.endpoint}/accounts/{account}/"):
        client = openai.OpenAI(base_url=f"{base}/openai/v1/", api_key=simulated.key, max_retries=0)
        assert client.chat.completions.create(model="gpt-4", messages=MESSAGES).choices
        azure = openai.AzureOpenAI(azure_endpoint=base, api_key=simulated.key, api_version="2024-06-01", max_retries=0)
        assert azure.chat.completions.create(model="gpt-4", messages=MESSAGES).choices
    other = requests.post(
        f"{simulated.endpoint}/accounts/nobody/openai/v1/chat/completions",
        json={},
        headers={"api-key": simulated.key},
        timeout=30,
    )
    assert other.status_code == 404
