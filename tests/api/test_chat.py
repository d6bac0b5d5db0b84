"""Chat completions through the OpenAI SDK for Python, as applications call them."""

import asyncio
import json

import openai
import pydantic
import pytest

MESSAGES = [
    {"role": "system", "content": "You are a helpful assistant."},
    {"role": "user", "content": "What is a deployment?"},
]
WEATHER = {
    "type": "function",
    "function": {
        "name": "get_weather",
        "description": "The weather of a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}, "days": {"type": "integer"}},
            "required": ["city", "days"],
            "additionalProperties": False,
        },
    },
}
CLOCK = {
    "type": "function",
    "function": {
        "name": "get_time",
        "parameters": {"type": "object", "properties": {"zone": {"type": "string"}}, "required": ["zone"]},
    },
}
PERSON = {
    "type": "object",
    "properties": {
        "name": {"type": "string"},
        "age": {"type": "integer"},
        "likes": {
            "type": "array",
            "items": {"type": "string", "enum": ["tea", "coffee"]},
            "minItems": 1,
            "maxItems": 3,
        },
    },
    "required": ["name", "age", "likes"],
    "additionalProperties": False,
}

both = pytest.mark.parametrize("service", ["simulated", "lazuli"], indirect=True)


@pytest.fixture
def service(request):
    return request.getfixturevalue(request.param)


def joined(stream):
    return "".join(c.delta.content or "" for chunk in stream for c in chunk.choices)


@both
def test_answer(service):
    answer = service.azure().chat.completions.create(model="gpt-4", messages=MESSAGES, max_tokens=30)
    choice = answer.choices[0]
    assert choice.message.role == "assistant" and choice.message.content.strip()
    assert choice.finish_reason in ("stop", "length")
    assert answer.id.startswith("chatcmpl-") and answer.object == "chat.completion"
    assert answer.model == "gpt-4"
    usage = answer.usage
    assert 0 < usage.completion_tokens <= 30 and usage.prompt_tokens > 8
    assert usage.total_tokens == usage.prompt_tokens + usage.completion_tokens


def test_the_small_model_knows_what_it_is_asked(lazuli):
    """A real model answers: this text can come from no template."""
    answer = lazuli.azure().chat.completions.create(model="gpt-4", messages=MESSAGES, temperature=0)
    assert "deployment" in answer.choices[0].message.content.lower()


@both
def test_stream_says_what_the_whole_answer_says(service):
    options = {"model": "gpt-4", "messages": MESSAGES, "seed": 7, "temperature": 0, "max_tokens": 40}
    whole = service.azure().chat.completions.create(**options).choices[0]
    chunks = list(service.azure().chat.completions.create(stream=True, **options))
    finishes = [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason]
    assert finishes == [whole.finish_reason]
    assert joined(chunks) == whole.message.content
    roles = [c.delta.role for chunk in chunks for c in chunk.choices if c.delta.role]
    assert roles == ["assistant"]


@both
def test_usage_at_the_end_of_a_stream(service):
    stream = service.azure().chat.completions.create(
        model="gpt-4", messages=MESSAGES, stream=True, stream_options={"include_usage": True}, max_tokens=10
    )
    *others, last = list(stream)
    assert last.choices == [] and 0 < last.usage.completion_tokens <= 10
    assert last.usage.total_tokens == last.usage.prompt_tokens + last.usage.completion_tokens
    assert all(chunk.usage is None for chunk in others)


@both
def test_async(service):
    async def ask():
        async with service.azure(kind=openai.AsyncAzureOpenAI) as client:
            create = client.chat.completions.create
            whole = [create(model="gpt-4", messages=MESSAGES, max_tokens=8, seed=i) for i in range(8)]
            answers = await asyncio.gather(*whole)
            stream = await create(model="gpt-4", messages=MESSAGES, max_tokens=8, stream=True)
            text = ""
            async for chunk in stream:
                text += "".join(c.delta.content or "" for c in chunk.choices)
            return answers, text

    answers, text = asyncio.run(ask())
    assert len({a.id for a in answers}) == 8 and all(a.choices[0].message.content for a in answers)
    assert text


def test_more_choices_than_slots_are_refused(lazuli):
    with pytest.raises(openai.BadRequestError) as caught:
        lazuli.azure().chat.completions.create(model="gpt-4", messages=MESSAGES, n=9)
    assert (caught.value.param, caught.value.code) == ("n", "integer_above_max_value")


@both
def test_null_means_not_given(service):
    answer = service.azure().chat.completions.create(
        model="gpt-4", messages=MESSAGES, max_tokens=4,
        extra_body={"temperature": None, "stop": None, "tools": None, "response_format": None, "logit_bias": None, "n": None},
    )
    assert len(answer.choices) == 1


@both
def test_harmless_defaults_are_accepted(service):
    answer = service.azure().chat.completions.create(
        model="gpt-4", messages=MESSAGES, max_tokens=4, extra_body={"modalities": ["text"]},
    )
    assert answer.choices[0].message.role == "assistant"


@both
def test_seed(service):
    def ask(seed):
        # the small model is sure of what it knows: only a question that it does not leaves it a choice
        messages = [{"role": "user", "content": "Tell me a story about a blue stone and the sea."}]
        options = {"model": "gpt-4", "messages": messages, "seed": seed, "temperature": 2, "max_tokens": 48}
        answer = service.azure().chat.completions.create(**options)
        return answer.choices[0].message.content, answer.system_fingerprint

    first = ask(1)
    assert ask(1) == first
    assert first[1].startswith("fp_")
    assert any(ask(seed)[0] != first[0] for seed in range(2, 20))


@both
def test_stop(service):
    options = {"model": "gpt-4", "messages": MESSAGES, "seed": 3, "temperature": 0, "max_tokens": 60}
    whole = service.azure().chat.completions.create(**options).choices[0].message.content
    stop = whole[len(whole) // 2 : len(whole) // 2 + 3]
    cut = service.azure().chat.completions.create(stop=["\x01", stop], **options).choices[0]
    assert cut.message.content == whole[: whole.index(stop)]
    assert cut.finish_reason == "stop"


@both
def test_max_tokens(service):
    client = service.azure()
    for name in ("max_tokens", "max_completion_tokens"):
        answer = client.chat.completions.create(model="gpt-4", messages=MESSAGES, **{name: 2})
        assert (answer.choices[0].finish_reason, answer.usage.completion_tokens) == ("length", 2)


@both
def test_n(service):
    options = {"model": "gpt-4", "messages": MESSAGES, "n": 2, "max_tokens": 6, "temperature": 1.5}
    answer = service.azure().chat.completions.create(**options)
    assert [c.index for c in answer.choices] == [0, 1]
    assert all(c.message.content for c in answer.choices)
    assert answer.usage.completion_tokens == 12
    texts = {0: "", 1: ""}
    usage = None
    for chunk in service.azure().chat.completions.create(
        stream=True, stream_options={"include_usage": True}, **options
    ):
        usage = chunk.usage or usage
        for choice in chunk.choices:
            texts[choice.index] += choice.delta.content or ""
    assert all(texts.values())
    assert usage.completion_tokens == 12


def test_usage_of_several_choices(lazuli):
    """All of them count, and tokens that make up half a character, too."""
    schema = {"name": "face", "schema": {"type": "string", "enum": ["\U0001f600 and \u00fc"]}}
    options = {
        "model": "gpt-4",
        "messages": MESSAGES,
        "temperature": 0,
        "response_format": {"type": "json_schema", "json_schema": schema},
    }
    one = lazuli.azure().chat.completions.create(**options)
    three = lazuli.azure().chat.completions.create(n=3, **options)
    *_, last = lazuli.azure().chat.completions.create(
        n=3, stream=True, stream_options={"include_usage": True}, **options
    )
    assert {c.message.content for c in three.choices} == {one.choices[0].message.content}
    for usage in (three.usage, last.usage):
        assert usage.prompt_tokens == one.usage.prompt_tokens
        assert usage.completion_tokens == 3 * one.usage.completion_tokens


@both
def test_logprobs(service):
    options = {"model": "gpt-4", "messages": MESSAGES, "logprobs": True, "max_tokens": 5, "seed": 1, "temperature": 0}
    for top in (0, 3):
        answer = service.azure().chat.completions.create(top_logprobs=top, **options).choices[0]
        tokens = answer.logprobs.content
        assert len(tokens) == 5
        assert "".join(t.token for t in tokens) == answer.message.content
        assert bytes(b for t in tokens for b in t.bytes).decode() == answer.message.content
        assert all(t.logprob <= 0 and len(t.top_logprobs) == top for t in tokens)
        assert all(t.top_logprobs[0].logprob >= t.top_logprobs[-1].logprob for t in tokens if top)
    chunks = service.azure().chat.completions.create(stream=True, top_logprobs=2, **options)
    streamed = [t for chunk in chunks for c in chunk.choices if c.logprobs for t in c.logprobs.content or []]
    assert len(streamed) == 5 and {len(t.top_logprobs) for t in streamed} == {2}


def test_logit_bias(lazuli):
    """What is forbidden does not come again; the simulator, whose tokens are no model's, refuses."""
    options = {"model": "gpt-4", "messages": MESSAGES, "temperature": 0, "max_tokens": 1}
    create = lazuli.azure().chat.completions.create
    first = create(**options).choices[0].message.content
    texts = []
    for parity in (0, 1):  # the first token is banned in one of the two
        bias = {str(token): -100 for token in range(parity, 4096, 2)}
        texts.append(create(logit_bias=bias, **options).choices[0].message.content)
    assert first in texts and texts[0] != texts[1]


def test_logit_bias_of_the_simulator(simulated):
    with pytest.raises(openai.BadRequestError) as caught:
        simulated.azure().chat.completions.create(model="gpt-4", messages=MESSAGES, logit_bias={"5": 10})
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "logit_bias")


@both
def test_json_object(service):
    messages = [{"role": "user", "content": "Answer in JSON: what is a deployment?"}]
    answer = (
        service.azure()
        .chat.completions.create(
            model="gpt-4", messages=messages, response_format={"type": "json_object"}, seed=2, max_tokens=400
        )
        .choices[0]
    )
    if answer.finish_reason == "stop":
        assert isinstance(json.loads(answer.message.content), dict)
    else:
        assert answer.message.content.lstrip().startswith("{")


@both
def test_json_schema(service):
    answer = (
        service.azure()
        .chat.completions.create(
            model="gpt-4",
            messages=MESSAGES,
            seed=1,
            temperature=0,
            max_tokens=400,
            response_format={
                "type": "json_schema",
                "json_schema": {"name": "person", "strict": True, "schema": PERSON},
            },
        )
        .choices[0]
    )
    if answer.finish_reason == "stop":
        person = json.loads(answer.message.content)
        assert set(person) == {"name", "age", "likes"} and isinstance(person["age"], int)
        assert set(person["likes"]) <= {"tea", "coffee"}
    else:
        assert answer.message.content.lstrip().startswith("{")


def check_call(call, name):
    assert (call.type, call.function.name) == ("function", name)
    assert call.id.startswith("call_") and len(call.id) == len("call_") + 24
    return json.loads(call.function.arguments)


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "get_time"}}])
def test_tools(simulated, choice):
    options = {"model": "gpt-4", "messages": MESSAGES, "tools": [WEATHER, CLOCK], "tool_choice": choice, "seed": 1}
    answer = simulated.azure().chat.completions.create(**options).choices[0]
    assert (answer.finish_reason, answer.message.content) == ("tool_calls", None)
    (call,) = answer.message.tool_calls
    if choice == "required":
        arguments = check_call(call, call.function.name)
        wanted = {"get_weather": {"city": str, "days": int}, "get_time": {"zone": str}}[call.function.name]
    else:
        arguments = check_call(call, "get_time")
        wanted = {"zone": str}
    assert {key: type(value) for key, value in arguments.items()} == wanted


def test_tools_in_a_stream(simulated):
    options = {"model": "gpt-4", "messages": MESSAGES, "tools": [WEATHER], "tool_choice": "required", "seed": 1}
    whole = simulated.azure().chat.completions.create(**options).choices[0].message.tool_calls[0]
    parts = []
    finish = None
    for chunk in simulated.azure().chat.completions.create(stream=True, **options):
        for choice in chunk.choices:
            finish = choice.finish_reason or finish
            parts += choice.delta.tool_calls or []
    assert finish == "tool_calls"
    assert [part.index for part in parts] == [0] * len(parts) and len(parts) > 2
    first, *rest = parts
    assert (first.type, first.function.name) == ("function", "get_weather") and first.id.startswith("call_")
    assert all(part.id is None and part.function.name is None for part in rest)
    assert "".join(part.function.arguments or "" for part in parts) == whole.function.arguments


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_tools_that_are_left_alone(simulated, choice):
    answer = (
        simulated.azure()
        .chat.completions.create(model="gpt-4", messages=MESSAGES, tools=[WEATHER], tool_choice=choice)
        .choices[0]
    )
    assert (answer.finish_reason, answer.message.tool_calls) == ("stop", None) and answer.message.content


def test_the_small_model_has_no_tools(lazuli):
    with pytest.raises(openai.BadRequestError) as caught:
        lazuli.azure().chat.completions.create(model="gpt-4", messages=MESSAGES, tools=[WEATHER])
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "tools")


def test_result_of_a_tool(simulated):
    call = {"id": "call_abc", "type": "function", "function": {"name": "get_weather", "arguments": '{"city":"Rome"}'}}
    messages = [
        *MESSAGES,
        {"role": "assistant", "content": None, "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "call_abc", "content": "sunny"},
    ]
    answer = simulated.azure().chat.completions.create(model="gpt-4", messages=messages, tools=[WEATHER], max_tokens=10)
    assert answer.choices[0].message.content


class Nothing(pydantic.BaseModel):
    pass


@pytest.mark.filterwarnings("ignore:Pydantic serializer warnings")
def test_answers_that_the_sdk_sends_back(simulated):
    """As helpers of the SDK parsed them, with the members that they add."""
    client = simulated.azure()
    tool = openai.pydantic_function_tool(Nothing, name="nothing")
    options = {"model": "gpt-4", "messages": MESSAGES}
    called = client.chat.completions.parse(tools=[tool], tool_choice="required", **options).choices[0].message
    (call,) = called.tool_calls
    assert call.function.parsed_arguments == Nothing()
    parsed = client.chat.completions.parse(response_format=Nothing, **options).choices[0].message
    with client.chat.completions.stream(tools=[tool], tool_choice="required", **options) as stream:
        streamed = stream.get_final_completion().choices[0].message
    for message in (called, parsed, streamed):
        results = [{"role": "tool", "tool_call_id": c.id, "content": "done"} for c in message.tool_calls or []]
        for form in (message, message.to_dict(), message.model_dump()):
            again = client.chat.completions.create(model="gpt-4", messages=[*MESSAGES, form, *results])
            assert again.choices[0].message.content


@both
@pytest.mark.parametrize("refusal", [
    {"content": None, "refusal": "I cannot say."},
    {"content": [{"type": "refusal", "refusal": "I cannot say."}]},
])  # fmt: skip
def test_a_refusal_among_the_messages(service, refusal):
    messages = [*MESSAGES, {"role": "assistant"} | refusal, {"role": "user", "content": "Why?"}]
    answer = service.azure().chat.completions.create(model="gpt-4", messages=messages, max_tokens=5)
    assert answer.choices[0].message.content


@both
def test_content_in_parts(service):
    parts = [{"type": "text", "text": "What is "}, {"type": "text", "text": "a deployment?"}]
    answer = service.azure().chat.completions.create(
        model="gpt-4", messages=[{"role": "user", "content": parts}], max_tokens=5
    )
    assert answer.choices[0].message.content


@both
def test_text_of_any_script(service):
    messages = [{"role": "user", "content": '日本語 😀 Ünïcode \u0000 \\ " end'}]
    answer = service.azure().chat.completions.create(model="gpt-4", messages=messages, max_tokens=8)
    assert answer.choices[0].message.content is not None


@both
def test_model_of_the_body_is_ignored(service):
    """The deployment of the path answers, whatever the body calls it."""
    body = {"model": "something-else", "messages": MESSAGES, "max_tokens": 2}
    answer = service.post("gpt-4", body)
    assert (answer.status_code, answer.json()["model"]) == (200, "gpt-4")


def test_names_of_deployments_are_equal_in_any_case(simulated):
    answer = simulated.post("GPT-4", {"messages": MESSAGES})
    assert (answer.status_code, answer.headers["x-ms-deployment-name"]) == (200, "gpt-4")


def test_both_keys(simulated):
    keys = simulated.arm("POST", "/listKeys").json()
    for key in (keys["key1"], keys["key2"]):
        for client in (simulated.azure(api_key=key), simulated.plain(api_key=key)):
            assert client.chat.completions.create(model="gpt-4", messages=MESSAGES).choices
    assert simulated.post(
        "gpt-4", {"messages": MESSAGES}, headers={"api-key": None, "Ocp-Apim-Subscription-Key": keys["key2"]}
    ).ok


def test_a_regenerated_key_is_over_at_once(simulated):
    old = simulated.arm("POST", "/listKeys").json()["key2"]
    assert simulated.azure(api_key=old).chat.completions.create(model="gpt-4", messages=MESSAGES)
    new = simulated.arm("POST", "/regenerateKey", {"keyName": "Key2"}).json()["key2"]
    assert new != old
    with pytest.raises(openai.AuthenticationError) as caught:
        simulated.azure(api_key=old).chat.completions.create(model="gpt-4", messages=MESSAGES)
    assert caught.value.code == "401"
    assert simulated.azure(api_key=new).chat.completions.create(model="gpt-4", messages=MESSAGES).choices
    assert simulated.azure().chat.completions.create(model="gpt-4", messages=MESSAGES).choices  # key 1 as before


def test_headers(simulated):
    """Section by section as Azure sends them; the client's own request id comes back."""
    answer = simulated.post("gpt-4", {"messages": MESSAGES}, headers={"x-ms-client-request-id": "mine"})
    wanted = {
        "cache-control": "no-cache, must-revalidate",
        "content-type": "application/json",
        "access-control-allow-origin": "*",
        "strict-transport-security": "max-age=31536000; includeSubDomains; preload",
        "x-content-type-options": "nosniff",
        "x-ms-region": "East US",
        "x-accel-buffering": "no",
        "x-ms-client-request-id": "mine",
        "x-ms-deployment-name": "gpt-4",
        "x-ratelimit-limit-requests": "240",
        "x-ratelimit-limit-tokens": "40000",
    }
    assert {name: answer.headers.get(name) for name in wanted} == wanted
    assert answer.headers["apim-request-id"] != answer.headers["x-request-id"]
    before = int(answer.headers["x-ratelimit-remaining-requests"])
    again = simulated.post("gpt-4", {"messages": MESSAGES})
    assert again.headers["x-ms-client-request-id"] == again.headers["apim-request-id"]
    after = int(again.headers["x-ratelimit-remaining-requests"])
    assert after == before - 1 or after == 39  # ten seconds later
    assert 0 <= int(again.headers["x-ratelimit-reset-tokens"]) <= 60
