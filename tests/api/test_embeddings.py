"""Embeddings through the OpenAI SDK for Python, whose default is base64."""

import asyncio
import base64
import math
import struct

import openai
import pytest

ADA = "text-embedding-ada-002"
TEXTS = ["What is a deployment?", "Two keys.", "日本語"]


@pytest.fixture(params=["simulated", "lazuli"])
def service(request):
    return request.getfixturevalue(request.param)


def norm(vector):
    return math.sqrt(sum(x * x for x in vector))


def test_one_text(service):
    answer = service.azure().embeddings.create(model=ADA, input=TEXTS[0])
    (item,) = answer.data
    assert (item.index, item.object, answer.object) == (0, "embedding", "list")
    assert answer.model.startswith(ADA)
    assert len(item.embedding) >= 16 and abs(norm(item.embedding) - 1) < 1e-3
    assert answer.usage.prompt_tokens == answer.usage.total_tokens > 0


def test_floats_and_base64_are_the_same_numbers(service):
    floats = service.post(ADA, {"input": TEXTS[0], "encoding_format": "float"}, operation="embeddings").json()
    packed = service.post(ADA, {"input": TEXTS[0], "encoding_format": "base64"}, operation="embeddings").json()
    numbers = floats["data"][0]["embedding"]
    data = base64.b64decode(packed["data"][0]["embedding"], validate=True)
    assert struct.unpack(f"<{len(numbers)}f", data) == pytest.approx(numbers, abs=1e-6)
    assert floats["usage"] == packed["usage"]
    assert set(packed["data"][0]) == {"embedding", "index", "object"}


def test_several_texts(service):
    answer = service.azure().embeddings.create(model=ADA, input=TEXTS)
    assert [item.index for item in answer.data] == [0, 1, 2]
    alone = service.azure().embeddings.create(model=ADA, input=TEXTS[1]).data[0].embedding
    assert answer.data[1].embedding == pytest.approx(alone, abs=1e-2)
    assert answer.data[0].embedding != pytest.approx(alone, abs=1e-2)


def test_tokens(service):
    assert len(service.azure().embeddings.create(model=ADA, input=[5, 6, 7]).data) == 1
    assert len(service.azure().embeddings.create(model=ADA, input=[[5, 6], [7]]).data) == 2


def test_user_and_model_of_the_body(service):
    assert service.azure().embeddings.create(model=ADA, input="a", user="someone").data
    assert service.post(ADA, {"input": "a", "model": "other"}, operation="embeddings").json()["model"].startswith(ADA)


@pytest.mark.parametrize("deployment", ["vectors", "tiny-vectors"])
@pytest.mark.parametrize("encoding", ["float", "base64"])
def test_dimensions(simulated, deployment, encoding):
    client = simulated.azure()
    whole = client.embeddings.create(model=deployment, input=TEXTS).data
    short = client.embeddings.create(model=deployment, input=TEXTS, dimensions=8, encoding_format=encoding).data
    for long_one, short_one in zip(whole, short, strict=True):
        vector = short_one.embedding
        if isinstance(vector, str):
            vector = struct.unpack("<8f", base64.b64decode(vector))
        head = long_one.embedding[:8]
        assert len(vector) == 8 and abs(norm(vector) - 1) < 1e-3
        assert vector == pytest.approx([x / norm(head) for x in head], abs=1e-3)


def test_dimensions_refused(simulated):
    with pytest.raises(openai.BadRequestError) as caught:
        simulated.azure().embeddings.create(model=ADA, input="a", dimensions=8)
    assert "This model does not support specifying dimensions." in caught.value.message
    with pytest.raises(openai.BadRequestError) as caught:
        simulated.azure().embeddings.create(model="tiny-vectors", input="a", dimensions=60000)
    assert caught.value.param == "dimensions"


def test_model_for_one_input_only(simulated):
    """embeddingsMaxInputs of version 1, whose answer to an array is known."""
    simulated.deploy("first-ada", ADA, "1")
    answer = simulated.post("first-ada", {"input": ["a", "b"]}, operation="embeddings")
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith(
        "Too many inputs. The max number of inputs is 1.  We hope to increase"
    )
    assert simulated.post("first-ada", {"input": ["a"]}, operation="embeddings").status_code == 200


def test_most_inputs(simulated):
    answer = simulated.post(ADA, {"input": ["a"] * 2048, "encoding_format": "base64"}, operation="embeddings")
    assert [item["index"] for item in answer.json()["data"]] == list(range(2048))
    answer = simulated.post(ADA, {"input": ["a"] * 2049}, operation="embeddings")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "array_above_max_length")


@pytest.mark.parametrize("body, code, param", [
    ({}, "missing_required_parameter", "input"),
    ({"input": ""}, None, "input"),
    ({"input": []}, "empty_array", "input"),
    ({"input": [1, "a"]}, "invalid_type", "input"),
    ({"input": [{}]}, "invalid_type", "input"),
    ({"input": ["a", ""]}, "empty_string", "input[1]"),
    ({"input": ["", ""]}, "empty_string", "input[0]"),
    ({"input": [1, -5]}, "integer_below_min_value", "input[1]"),
    ({"input": "a", "truncate": True}, None, None),
    ({"input": 5}, "invalid_type", "input"),
    ({"input": "a", "encoding_format": "hex"}, "invalid_value", "encoding_format"),
    ({"input": "a", "dimensions": 0}, "integer_below_min_value", "dimensions"),
])  # fmt: skip
def test_refused(service, body, code, param):
    answer = service.post(ADA, body, operation="embeddings")
    error = answer.json()["error"]
    assert (answer.status_code, error["code"], error["param"]) == (400, code, param), error
    assert error["type"] == "invalid_request_error"


def test_async(service):
    async def ask():
        async with service.azure(kind=openai.AsyncAzureOpenAI) as client:
            return await asyncio.gather(*(client.embeddings.create(model=ADA, input=text) for text in TEXTS * 4))

    answers = asyncio.run(ask())
    assert len(answers) == 12 and all(len(a.data) == 1 for a in answers)
