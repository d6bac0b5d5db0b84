"""The lists of models, dated and v1."""

import pytest
import requests


def get(service, path, **params):
    return requests.get(
        f"{service.endpoint}/openai/{path}", params=params, headers={"api-key": service.key}, timeout=30
    )


def test_list(simulated):
    answer = get(simulated, "models", **{"api-version": "2024-06-01"})
    assert answer.status_code == 200 and answer.headers["apim-request-id"]
    body = answer.json()
    assert body["object"] == "list"
    models = {model["id"]: model for model in body["data"]}
    assert len(models) == len(body["data"]) > 20
    assert models["gpt-35-turbo-0613"] == {
        "capabilities": {
            "fine_tune": False,
            "inference": True,
            "completion": False,
            "chat_completion": True,
            "embeddings": False,
        },
        "lifecycle_status": "generally-available",
        "deprecation": {"inference": 2051222400},
        "id": "gpt-35-turbo-0613",
        "status": "succeeded",
        "created_at": 1687132800,
        "object": "model",
    }
    assert models["text-embedding-ada-002-2"]["capabilities"]["embeddings"] is True
    assert models["gpt-4-1106-Preview"]["lifecycle_status"] == "preview"


def test_one(simulated):
    one = get(simulated, "models/gpt-4o-2024-11-20", **{"api-version": "2024-06-01"})
    assert (one.status_code, one.json()["id"]) == (200, "gpt-4o-2024-11-20")
    none = get(simulated, "models/gpt-9", **{"api-version": "2024-06-01"})
    assert (none.status_code, none.text) == (404, '{"error":{"code":"404","message": "Resource not found"}}')


@pytest.mark.parametrize("make", ["azure", "plain"])
def test_sdk(simulated, make):
    client = getattr(simulated, make)()
    names = {model.id for model in client.models.list()}
    assert {"gpt-4o-2024-11-20", "text-embedding-3-small-1"} <= names
    assert client.models.retrieve("gpt-4o-2024-11-20").id == "gpt-4o-2024-11-20"


def test_v1_has_openais_form(simulated):
    body = get(simulated, "v1/models").json()
    assert body["object"] == "list"
    assert {tuple(sorted(model)) for model in body["data"]} == {("created", "id", "object", "owned_by")}


def test_needs_a_key(simulated):
    answer = requests.get(f"{simulated.endpoint}/openai/models?api-version=2024-06-01", timeout=30)
    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "401")


def test_wrong_method(simulated):
    answer = requests.post(
        f"{simulated.endpoint}/openai/models?api-version=2024-06-01",
        json={},
        headers={"api-key": simulated.key},
        timeout=30,
    )
    assert (answer.status_code, answer.json()["error"]["code"]) == (405, "405")


def test_head_is_a_get_without_its_body(lazuli):
    url = f"{lazuli.endpoint}/openai/models?api-version=2024-02-01"
    head, get = (requests.request(method, url, headers={"api-key": lazuli.key}) for method in ("HEAD", "GET"))
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]
