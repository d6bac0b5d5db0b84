"""Errors: status, reason phrase, body and headers, byte by byte as Azure's are known."""

import json

import pytest
import requests

from wire import Wire

CHAT = "/openai/deployments/gpt-4/chat/completions?api-version=2024-02-01"
MESSAGES = [{"role": "user", "content": "Hi"}]
BODY = {"messages": MESSAGES}

ACCESS_DENIED = (
    "Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active "
    "subscription and use a correct regional API endpoint for your resource."
)
NOT_FOUND = '{"error":{"code":"404","message": "Resource not found"}}'
NO_DEPLOYMENT = (
    '{"error":{"code":"DeploymentNotFound","message": "The API deployment for this resource does not exist. If you created '
    'the deployment within the last 5 minutes, please wait a moment and try again."}}'
)
TOKEN = (
    '{ "statusCode": 401, "message": "Unauthorized. Access token is missing, invalid, audience is incorrect '
    '(https://cognitiveservices.azure.com), or have expired." }'
)


def ask(service, path=CHAT, body=BODY, headers=None):
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    with Wire(service) as wire:
        return wire.post(path, data, headers).reply()


def check_headers(headers):
    """What every error carries."""
    assert len(headers["apim-request-id"]) == 36 and headers["content-type"] == "application/json"
    assert headers["date"].endswith(" GMT") and "api-supported-versions" not in headers
    assert headers["strict-transport-security"] and headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("key", ["wrong", "", None, "0" * 32, "x" * 5000])
def test_wrong_or_missing_key(simulated, key):
    status, phrase, headers, body = ask(simulated, headers={"api-key": key})
    assert (status, phrase) == (401, "PermissionDenied")
    assert body == f'{{"error":{{"code":"401","message":"{ACCESS_DENIED}"}}}}' and len(body) == 224
    check_headers(headers)


def test_token_on_the_dated_surface(simulated):
    status, _, headers, body = ask(
        simulated, headers={"api-key": None, "Authorization": "Bearer eyJ0eXAiOiJKV1QifQ.e30.c2ln"}
    )
    assert (status, body) == (401, TOKEN)
    check_headers(headers)


def test_key_of_an_ai_services_account(simulated):
    group = simulated.account_id.rsplit("/", 1)[0]
    body = {"kind": "AIServices", "sku": {"name": "S0"}, "location": "eastus", "properties": {}}
    made = simulated.arm("PUT", f"{group}/several-services", body)
    assert made.status_code in (200, 201), made.text
    status, _, headers, body = ask(simulated, path="/accounts/several-services" + CHAT, headers={"api-key": "wrong"})
    assert (status, body) == (401, f'{{"error":{{"code":"Unauthorized","message":"{ACCESS_DENIED}"}}}}')
    check_headers(headers)
    right = simulated.arm("POST", f"{group}/several-services/listKeys").json()["key1"]
    assert ask(simulated, headers={"api-key": right})[0] == 404  # it has no deployment


def test_key_while_keys_are_disabled(simulated):
    group = simulated.account_id.rsplit("/", 1)[0]
    body = {
        "kind": "OpenAI",
        "sku": {"name": "S0"},
        "location": "eastus",
        "properties": {"customSubDomainName": "keyless-account"},
    }
    assert simulated.arm("PUT", f"{group}/keyless", body).status_code in (200, 201)
    key = simulated.arm("POST", f"{group}/keyless/listKeys").json()["key1"]
    body["properties"]["disableLocalAuth"] = True
    assert simulated.arm("PUT", f"{group}/keyless", body).status_code in (200, 201)
    status, _, headers, text = ask(simulated, headers={"api-key": key})
    assert (status, text) == (
        403,
        '{"error":{"code":"AuthenticationTypeDisabled","message": "Key based authentication is disabled for this resource."}}',
    )
    check_headers(headers)


@pytest.mark.parametrize("path", [
    "/openai/nothing?api-version=2024-02-01",
    "/openai/deployments/gpt-4/nothing?api-version=2024-02-01",
    "/openai/deployments//chat/completions?api-version=2024-02-01",
    "/openai/deployments/gpt-4/chat/completions",
    "/openai/deployments/gpt-4/chat/completions?api-version=",
    "/openai/deployments/gpt-4/chat/completions?api-version=2024-02-30",
    "/openai/deployments/gpt-4/chat/completions?api-version=2023-06-01",
    "/openai/deployments/gpt-4/chat/completions?api-version=2022-12-01",
    "/openai/deployments/gpt-4/chat/completions?api-version=nonsense",
    "/openai/deployments/gpt-4/chat/completions?API-VERSION",
    "/openai/deployments/gpt%zz/chat/completions?api-version=2024-02-01",
])  # fmt: skip
def test_unknown_path_or_version(simulated, path):
    status, _, headers, body = ask(simulated, path)
    assert (status, body) == (404, NOT_FOUND)
    check_headers(headers)


def test_unknown_deployment(simulated):
    status, _, headers, body = ask(simulated, CHAT.replace("gpt-4", "gpt-9"), b"not even JSON")
    assert (status, body) == (404, NO_DEPLOYMENT)
    assert headers["x-ms-region"] == "East US"
    check_headers(headers)


@pytest.mark.parametrize("deployment, operation, word, model", [
    ("gpt-4", "completions", "completion", "gpt-4"),
    ("gpt-4", "embeddings", "embeddings", "gpt-4"),
    ("text-embedding-ada-002", "chat/completions", "chatCompletion", "text-embedding-ada-002"),
    ("instruct", "chat/completions", "chatCompletion", "gpt-35-turbo-instruct"),
])  # fmt: skip
def test_operation_that_the_model_has_not(simulated, deployment, operation, word, model):
    status, _, headers, body = ask(simulated, f"/openai/deployments/{deployment}/{operation}?api-version=2024-02-01")
    assert (status, body) == (400, (
        f'{{"error":{{"code":"OperationNotSupported","message":"The {word} operation does not work with the specified model, '
        f'{model}. Please choose different model and try again. You can learn more about which models can be used with each '
        'operation here: https://go.microsoft.com/fwlink/?linkid=2197993."}}'
    ))  # fmt: skip
    check_headers(headers)


@pytest.mark.parametrize("version", ["2023-05-15", "2024-02-01", "2024-10-21"])
def test_api_version_from_before_the_model(simulated, version):
    path = CHAT.replace("gpt-4", "reasoning").replace("2024-02-01", version)
    status, _, headers, body = ask(simulated, path)
    message = "Model {modelName} is enabled only for api versions 2024-12-01-preview and later"
    assert (status, body) == (400, f'{{"error":{{"code":"BadRequest","message":"{message}"}}}}')
    check_headers(headers)
    assert simulated.plain().chat.completions.create(model="reasoning", messages=MESSAGES).choices


TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
REFUSALS = [
    ({}, "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"),
    ({"messages": None}, "Missing required parameter: 'messages'.", "messages", "missing_required_parameter"),
    ({"messages": []}, "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead.", "messages", "empty_array"),
    ({"messages": "Hi"}, "Invalid type for 'messages': expected an array of objects, but got a string instead.", "messages", "invalid_type"),
    ({"messages": ["Hi"]}, "Invalid type for 'messages[0]': expected an object, but got a string instead.", "messages[0]", "invalid_type"),
    ({"messages": [{"content": "Hi"}]}, "Missing required parameter: 'messages[0].role'.", "messages[0].role", "missing_required_parameter"),
    ({"messages": [*MESSAGES, {"role": "user"}]}, "Missing required parameter: 'messages[1].content'.", "messages[1].content", "missing_required_parameter"),
    ({"messages": [{"role": "user", "content": None}]}, "Invalid value for 'content': expected a string, got null.", "messages.[0].content", None),
    ({"messages": [{"role": 5, "content": "Hi"}]}, "Invalid type for 'messages[0].role': expected one of 'system', 'assistant', 'user', 'function', 'tool', or 'developer', but got an integer instead.", "messages[0].role", "invalid_type"),
    ({"messages": [{"role": "user", "content": "Hi", "mood": "good"}]}, "Additional properties are not allowed ('mood' was unexpected) - 'messages.0'", None, None),
    ({"messages": [{"role": "user", "content": [{"type": "text", "text": "Hi", "a": 1, "b": 2}]}]}, "Additional properties are not allowed ('a', 'b' were unexpected) - 'messages.0.content.0'", None, None),
    ({"messages": [{"role": "robot", "content": "Hi"}]}, "Invalid value: 'robot'. Supported values are: 'system', 'assistant', 'user', 'function', 'tool', and 'developer'.", "messages[0].role", "invalid_value"),
    ({"messages": [{"role": "user", "content": [{"type": "video"}]}]}, "Invalid value: 'video'. Supported values are: 'text', 'image_url', 'input_audio', and 'file'.", "messages[0].content[0].type", "invalid_value"),
    ({"messages": [*MESSAGES, {"role": "tool", "content": "x", "tool_call_id": "call_1"}]}, "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'.", "messages.[1].role", None),
    (BODY | {"max_tokens": 20000}, "max_tokens is too large: 20000. This model supports at most 8192 completion tokens, whereas you provided 20000.", "max_tokens", "invalid_value"),
    (BODY | {"max_tokens": 0}, "Invalid 'max_tokens': integer below minimum value. Expected a value >= 1, but got 0 instead.", "max_tokens", "integer_below_min_value"),
    (BODY | {"max_tokens": "5"}, "Invalid type for 'max_tokens': expected an integer, but got a string instead.", "max_tokens", "invalid_type"),
    (BODY | {"max_tokens": 1.5}, "Invalid type for 'max_tokens': expected an integer, but got a decimal number instead.", "max_tokens", "invalid_type"),
    (BODY | {"n": 0}, "Invalid 'n': integer below minimum value. Expected a value >= 1, but got 0 instead.", "n", "integer_below_min_value"),
    (BODY | {"n": 129}, "Invalid 'n': integer above maximum value. Expected a value <= 128, but got 129 instead.", "n", "integer_above_max_value"),
    (BODY | {"temperature": 2.5}, "Invalid 'temperature': decimal above maximum value. Expected a value <= 2, but got 2.5 instead.", "temperature", "decimal_above_max_value"),
    (BODY | {"temperature": -1}, "Invalid 'temperature': decimal below minimum value. Expected a value >= 0, but got -1 instead.", "temperature", "decimal_below_min_value"),
    (BODY | {"top_p": 1.1}, None, "top_p", "decimal_above_max_value"),
    (BODY | {"presence_penalty": -3}, None, "presence_penalty", "decimal_below_min_value"),
    (BODY | {"stop": ["a", "b", "c", "d", "e"]}, None, "stop", "array_above_max_length"),
    (BODY | {"stop": ["a", 5]}, "Invalid type for 'stop[1]': expected a string, but got an integer instead.", "stop[1]", "invalid_type"),
    (BODY | {"stop": ""}, "Invalid 'stop': empty string. Expected a string with minimum length 1, but got an empty string instead.", "stop", "empty_string"),
    (BODY | {"stop": ["a", ""]}, None, "stop[1]", "empty_string"),
    (BODY | {"top_logprobs": 3}, "The 'top_logprobs' parameter is only allowed when 'logprobs' is enabled.", "top_logprobs", None),
    (BODY | {"logprobs": True, "top_logprobs": 21}, None, "top_logprobs", "integer_above_max_value"),
    (BODY | {"stream_options": {"include_usage": True}}, "The 'stream_options' parameter is only allowed when 'stream' is enabled.", "stream_options", None),
    (BODY | {"surprise": 1}, "Unrecognized request argument supplied: surprise", None, None),
    (BODY | {"surprise": 1, "more": 2}, "Unrecognized request arguments supplied: surprise, more", None, None),
    (BODY | {"response_format": {"type": "json_object"}}, "'messages' must contain the word 'json' in some form, to use 'response_format' of type 'json_object'.", "messages", None),
    (BODY | {"response_format": {"type": "xml"}}, None, "response_format.type", "invalid_value"),
    (BODY | {"response_format": {"type": "json_schema"}}, None, "response_format.json_schema", "missing_required_parameter"),
    (BODY | {"response_format": {"type": "json_schema", "json_schema": {"schema": {}}}}, "Missing required parameter: 'response_format.json_schema.name'.", "response_format.json_schema.name", "missing_required_parameter"),
    (BODY | {"response_format": {"type": "json_schema", "json_schema": {"name": "a b"}}}, "Invalid 'response_format.json_schema.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "response_format.json_schema.name", "invalid_value"),
    (BODY | {"response_format": {"type": "json_schema", "json_schema": {"name": "a" * 65}}}, "Invalid 'response_format.json_schema.name': string too long. Expected a string with maximum length 64, but got a string with length 65 instead.", "response_format.json_schema.name", "string_above_max_length"),
    (BODY | {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "schema": 5}}}, "Invalid type for 'response_format.json_schema.schema': expected an object, but got an integer instead.", "response_format.json_schema.schema", "invalid_type"),
    (BODY | {"response_format": {"type": "json_schema", "json_schema": {"name": "a", "strict": "yes"}}}, None, "response_format.json_schema.strict", "invalid_type"),
    (BODY | {"response_format": {"type": "text", "x": 1}}, "Additional properties are not allowed ('x' was unexpected) - 'response_format'", None, None),
    (BODY | {"tool_choice": "auto"}, None, "tool_choice", None),
    (BODY | {"tools": [TOOL], "tool_choice": "whatever"}, "Invalid value: 'whatever'. Supported values are: 'none', 'auto', and 'required'.", "tool_choice", "invalid_value"),
    (BODY | {"tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "g"}}}, "Tool choice 'g' not found in 'tools' parameter.", "tool_choice", None),
    (BODY | {"tools": [{"type": "function"}]}, None, "tools[0].function", "missing_required_parameter"),
    (BODY | {"tools": [{"type": "retrieval"}]}, "Invalid value: 'retrieval'. Supported values are: 'function'.", "tools[0].type", "invalid_value"),
    (BODY | {"tools": [{"type": "function", "function": {"name": "a.b"}}]}, "Invalid 'tools[0].function.name': string does not match pattern. Expected a string that matches the pattern '^[a-zA-Z0-9_-]+$'.", "tools[0].function.name", "invalid_value"),
    (BODY | {"tools": [TOOL | {"x": 1}]}, "Additional properties are not allowed ('x' was unexpected) - 'tools.0'", None, None),
    (BODY | {"stream": True, "stream_options": {"x": 1}}, "Additional properties are not allowed ('x' was unexpected) - 'stream_options'", None, None),
    ({"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {"data": "", "format": "wav"}}]}]}, "Invalid content type. input_audio is only supported by certain models.", "messages.[0].content.[0].type", None),
    (BODY | {"parallel_tool_calls": True}, "Invalid value for 'parallel_tool_calls': 'parallel_tool_calls' is only allowed when 'tools' are specified.", "parallel_tool_calls", None),
    (BODY | {"metadata": {"a": "b"}}, "Unsupported parameter: 'metadata' is not supported with this model.", "metadata", "unsupported_parameter"),
    (BODY | {"modalities": ["text", "audio"]}, None, "modalities", "unsupported_parameter"),
    (BODY | {"data_sources": [{}]}, None, "data_sources", "unsupported_parameter"),
]  # fmt: skip


@pytest.mark.parametrize("body, message, param, code", REFUSALS, ids=[f"{i}-{r[2]}" for i, r in enumerate(REFUSALS)])
def test_refused_by_the_model_layer(simulated, body, message, param, code):
    status, phrase, headers, text = ask(simulated, body=body)
    assert (status, phrase) == (400, "model_error")
    assert headers["ms-azureml-model-error-reason"] == "model_error"
    assert headers["x-ms-rai-invoked"] == "false"
    assert {"x-ratelimit-remaining-requests", "x-ratelimit-remaining-tokens"} <= set(headers)
    assert headers["ms-azureml-model-error-statuscode"] == "400"
    check_headers(headers)
    error = json.loads(text)["error"]
    assert list(error) == ["message", "type", "param", "code"]
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", param, code), error
    assert message in (None, error["message"])


@pytest.mark.parametrize("bias, message, param, code", [
    ({"5": 101}, "Invalid 'logit_bias.5': decimal above maximum value. Expected a value <= 100, but got 101 instead.", "logit_bias.5", "decimal_above_max_value"),
    ({"5": "x"}, "Invalid type for 'logit_bias.5': expected a decimal, but got a string instead.", "logit_bias.5", "invalid_type"),
    ({"AI": 5}, "Invalid key in 'logit_bias': AI. You should only be submitting non-negative integers.", "logit_bias", None),
    ({"-5": 5}, "Invalid key in 'logit_bias': -5. You should only be submitting non-negative integers.", "logit_bias", None),
])  # fmt: skip
def test_bias_of_no_token(lazuli, bias, message, param, code):
    status, _, _, text = ask(lazuli, body=BODY | {"logit_bias": bias})
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    assert (status, json.loads(text)["error"]) == (400, error)


def test_max_tokens_of_a_reasoning_model(simulated):
    path = CHAT.replace("gpt-4", "reasoning").replace("2024-02-01", "2024-12-01-preview")
    assert json.loads(ask(simulated, path, BODY | {"max_tokens": 5})[3]) == {"error": {
        "message": "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead.",
        "type": "invalid_request_error", "param": "max_tokens", "code": "unsupported_parameter",
    }}  # fmt: skip
    assert ask(simulated, path, BODY | {"max_completion_tokens": 5})[0] == 200


@pytest.mark.parametrize(
    "body",
    [b"", b"not JSON", b'{"messages":', b"[]", b'"text"', b'{"a":1}{"b":2}', b"\xff\xfe", b'{"a":"\xff"}', b"[" * 5000],
)
def test_body_that_is_no_json(simulated, body):
    status, phrase, headers, text = ask(simulated, body=body)
    error = json.loads(text)["error"]
    assert (status, phrase) == (400, "model_error")
    assert error["message"].startswith("We could not parse the JSON body of your request. (HINT: ")
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", None, None)
    check_headers(headers)


def test_media_type(simulated):
    status, _, headers, text = ask(simulated, headers={"Content-Type": "text/plain"})
    assert (status, text) == (415, '{"error":{"code":"415","message":"Unsupported data type"}}')
    check_headers(headers)
    for good in (None, "application/json; charset=utf-8", "Application/JSON"):
        assert ask(simulated, headers={"Content-Type": good})[0] == 200


def test_content_encoding(simulated):
    message = "The Content-Encoding 'gzip' is not supported: send the body without one."
    status, _, headers, text = ask(simulated, headers={"Content-Encoding": "gzip"})
    assert (status, json.loads(text)["error"]) == (415, {"code": "415", "message": message})
    assert headers["content-type"] == "application/json" and len(headers["apim-request-id"]) == 36
    assert ask(simulated, headers={"Content-Encoding": "identity"})[0] == 200
    refused = requests.put(
        simulated.endpoint + simulated.account_id + "?api-version=2023-05-01", b"x", headers={"Content-Encoding": "gzip"}
    )
    error = {"code": "UnsupportedMediaType", "message": message, "target": "Content-Encoding"}
    assert (refused.status_code, refused.json()) == (415, {"error": error})


def count(service, deployment, body, operation="chat/completions"):
    """Tokens of the request's prompt, as an answer to it says."""
    usage = service.post(deployment, body | {"max_tokens": 1}, operation=operation).json()["usage"]
    return usage["prompt_tokens"]


@pytest.mark.parametrize("more", [{}, {"stream": True}, {"n": 2}])
def test_no_room_for_the_answer(lazuli, more):
    """The numbers are exact: one token less, and it fits."""
    body = {"messages": [{"role": "user", "content": "What is a deployment?"}], "stop": ["."]}
    prompt = count(lazuli, "gpt-4", body)
    status, phrase, _, text = ask(lazuli, body=body | more | {"max_tokens": 4097 - prompt})
    assert (status, phrase) == (400, "model_error")
    assert json.loads(text) == {"error": {
        "message": f"This model's maximum context length is 4096 tokens. However, you requested 4097 tokens ({prompt} in the "
                   f"messages, {4097 - prompt} in the completion). Please reduce the length of the messages or completion.",
        "type": "invalid_request_error", "param": "messages", "code": "context_length_exceeded",
    }}  # fmt: skip
    assert lazuli.post("gpt-4", body | more | {"max_tokens": 4096 - prompt}).status_code == 200


def test_no_room_for_the_completion(lazuli):
    lazuli.deploy("instruct", "gpt-35-turbo-instruct", "0914")
    long = "a blue stone and the sea " * 40
    size = count(lazuli, "instruct", {"prompt": long}, "completions")
    body = {"prompt": ["short", long], "max_tokens": 4097 - size, "stop": [" "]}
    answer = lazuli.post("instruct", body, operation="completions")
    assert (answer.status_code, answer.json()) == (400, {"error": {
        "message": f"This model's maximum context length is 4096 tokens, however you requested 4097 tokens ({size} in your "
                   f"prompt; {4097 - size} for the completion). Please reduce your prompt; or completion length.",
        "type": "invalid_request_error", "param": "prompt", "code": "context_length_exceeded",
    }})  # fmt: skip
    assert lazuli.post("instruct", body | {"max_tokens": 4096 - size}, operation="completions").status_code == 200


def test_schema_that_is_none(lazuli):
    schema = {"type": "object", "properties": {"a": {"type": "foo"}}}
    format = {"type": "json_schema", "json_schema": {"name": "person", "schema": schema}}
    status, phrase, _, text = ask(lazuli, body=BODY | {"response_format": format})
    error = json.loads(text)["error"]
    assert (status, phrase) == (400, "model_error")
    assert (error["type"], error["param"], error["code"]) == ("invalid_request_error", "response_format", None)
    assert error["message"].startswith("Invalid schema for response_format 'person': ") and "foo" in error["message"]


def test_tokens_that_the_model_has_not(lazuli):
    lazuli.deploy("instruct", "gpt-35-turbo-instruct", "0914")
    answer = lazuli.post("instruct", {"prompt": [1, 1_000_000]}, operation="completions")
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, "prompt"), answer.text


def test_context_too_long(lazuli):
    """The embedded model has a context of its own, whatever the deployment's model says."""
    words = "deployment " * 6000
    status, phrase, _, text = ask(lazuli, body={"messages": [{"role": "user", "content": words}]})
    error = json.loads(text)["error"]
    assert (status, phrase) == (400, "model_error")
    assert (error["type"], error["param"], error["code"]) == (
        "invalid_request_error",
        "messages",
        "context_length_exceeded",
    )
    assert error["message"].startswith("This model's maximum context length is ")
    assert error["message"].endswith(" tokens. Please reduce the length of the messages.")
    again = ask(lazuli, body={"messages": [{"role": "user", "content": words}], "stream": True})
    assert json.loads(again[3])["error"]["code"] == "context_length_exceeded"


def test_input_too_long(lazuli):
    """Of an embedding: the request is at fault, not the service."""
    path = "/openai/deployments/text-embedding-ada-002/embeddings?api-version=2024-02-01"
    status, phrase, _, text = ask(lazuli, path, {"input": "deployment " * 6000})
    error = json.loads(text)["error"]
    assert (status, phrase, error["param"], error["code"]) == (400, "model_error", "input", "context_length_exceeded")
    assert error["message"].startswith("This model's maximum context length is ")


def test_body_too_large(gateway):
    path = CHAT.replace("gpt-4", "scripted")
    status, _, headers, text = ask(gateway, path, b" " * 200001)
    assert (status, text) == (413, '{"error":{"code":"413","message":"Request Entity Too Large"}}')
    assert headers["content-type"] == "application/json" and len(headers["apim-request-id"]) == 36
    with Wire(gateway) as wire:  # told from its chunks as well
        wire.post(path, b"", {"Content-Length": None, "Transfer-Encoding": "chunked"})
        wire.send(b"19000\r\n" + b" " * 0x19000 + b"\r\n")
        wire.send(b"19000\r\n" + b" " * 0x19000 + b"\r\n")
        assert wire.reply()[0] == 413


def test_body_that_does_not_come(gateway):
    with Wire(gateway) as wire:
        wire.post(CHAT, b'{"messages"', {"Content-Length": "1000"})
        status, _, headers, text = wire.reply()
        assert (status, text) == (408, '{"error":{"code":"Timeout","message":"The operation was timeout."}}')
        assert headers["connection"] == "close" and len(headers["apim-request-id"]) == 36


def test_head_too_large(gateway):
    with Wire(gateway) as wire:
        status, _, _, text = wire.post(CHAT, b"", {"x-padding": "x" * 9000}).reply()
    assert (status, text) == (431, '{"error":{"code":"431","message":"Request Header Fields Too Large"}}')
    with Wire(gateway) as wire:
        status, _, _, text = wire.post("/openai/" + "x" * 2000, b"").reply()
    assert (status, text) == (414, '{"error":{"code":"414","message":"URI Too Long"}}')


def test_too_many_headers(gateway):
    with Wire(gateway) as wire:
        assert wire.post(CHAT, b"", {f"x-{i}": "1" for i in range(101)}).reply()[0] == 431


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH"])
def test_method(simulated, method):
    answer = requests.request(method, simulated.endpoint + CHAT, headers={"api-key": simulated.key}, timeout=30)
    assert (answer.status_code, answer.text) == (405, '{"error":{"code":"405","message":"Method not allowed"}}')
    assert answer.headers["allow"] == "POST"


def test_connection_serves_on_after_an_error(simulated):
    with Wire(simulated) as wire:
        for _ in range(3):
            assert wire.post(CHAT, b"{}").reply()[0] == 400
            assert wire.post(CHAT, json.dumps(BODY).encode()).reply()[0] == 200


def test_requests_one_behind_the_other(simulated):
    """Pipelined: answered in order."""
    with Wire(simulated) as wire:
        for n in (1, 2, 3):
            wire.post(CHAT, json.dumps(BODY | {"max_tokens": n}).encode())
        made = [json.loads(wire.reply()[3])["usage"]["completion_tokens"] for _ in range(3)]
    assert made == [1, 2, 3]
