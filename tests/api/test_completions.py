"""Completions through the OpenAI SDK for Python."""

import asyncio
import json

import openai
import pytest

PROMPT = "Once upon a time"


@pytest.fixture(params=["simulated", "lazuli"])
def service(request):
    service = request.getfixturevalue(request.param)
    if request.param == "lazuli":
        service.deploy("instruct", "gpt-35-turbo-instruct", "0914")
    return service


def test_answer(service):
    answer = service.azure().completions.create(model="instruct", prompt=PROMPT)
    (choice,) = answer.choices
    assert choice.text and choice.finish_reason in ("stop", "length")
    assert answer.id.startswith("cmpl-") and answer.object == "text_completion"
    assert answer.model == "gpt-35-turbo-instruct"
    assert 0 < answer.usage.completion_tokens <= 16  # what applies when nothing is asked for


def test_without_a_prompt(service):
    """A new document begins, as the specification has it."""
    for body in ({}, {"prompt": None}, {"prompt": ""}):
        answer = service.post("instruct", body | {"max_tokens": 4}, operation="completions")
        assert answer.status_code == 200 and answer.json()["usage"]["completion_tokens"] > 0, answer.text


@pytest.mark.parametrize("stream", [False, True])
def test_no_tokens_are_no_text(service, stream):
    options = {"stream": True, "stream_options": {"include_usage": True}} if stream else {}
    body = {"prompt": PROMPT, "max_tokens": 0} | options
    answer = service.post("instruct", body, operation="completions")
    assert answer.status_code == 200, answer.text
    if stream:
        events = [json.loads(line[6:]) for line in answer.text.split("\n\n") if line.startswith("data: {")]
    else:
        events = [answer.json()]
    choices = [choice for event in events for choice in event["choices"]]
    assert "".join(choice["text"] for choice in choices) == "" and choices[-1]["finish_reason"] == "length"
    usage = events[-1]["usage"]
    assert usage["completion_tokens"] == 0 and usage["total_tokens"] == usage["prompt_tokens"] > 0


def test_stream(service):
    options = {"model": "instruct", "prompt": PROMPT, "max_tokens": 6, "temperature": 0, "seed": 1}
    whole = service.azure().completions.create(**options)
    *chunks, last = service.azure().completions.create(stream=True, stream_options={"include_usage": True}, **options)
    assert "".join(c.text for chunk in chunks for c in chunk.choices) == whole.choices[0].text
    assert [c.finish_reason for chunk in chunks for c in chunk.choices if c.finish_reason] == [
        whole.choices[0].finish_reason
    ]
    assert last.choices == [] and last.usage == whole.usage
    assert all(chunk.usage is None for chunk in chunks)


def test_several_prompts_and_answers(service):
    options = {"model": "instruct", "prompt": ["One", "Two", "Three"], "n": 2, "max_tokens": 4, "temperature": 1.5}
    answer = service.azure().completions.create(**options)
    assert [c.index for c in answer.choices] == [0, 1, 2, 3, 4, 5]
    made = answer.usage.completion_tokens
    assert 6 <= made <= 24 and answer.usage.total_tokens == answer.usage.prompt_tokens + made
    finished = {
        c.index
        for chunk in service.azure().completions.create(stream=True, **options)
        for c in chunk.choices
        if c.finish_reason
    }
    assert finished == {0, 1, 2, 3, 4, 5}


@pytest.mark.parametrize("n", [1, 2])
def test_usage_of_several_prompts_and_answers(service, n):
    """Each prompt counts once, and each answer: as much as when asked one by one, streamed or not."""
    prompts = ["One", "Two words and more of them", "Drei \U0001f600 \u00fc"]
    options = {"model": "instruct", "max_tokens": 6, "temperature": 0, "seed": 1}
    single = [service.azure().completions.create(prompt=prompt, **options) for prompt in prompts]
    answer = service.azure().completions.create(prompt=prompts, n=n, **options)
    *_, last = service.azure().completions.create(
        prompt=prompts, n=n, stream=True, stream_options={"include_usage": True}, **options
    )
    assert len(answer.choices) == 3 * n
    assert answer.usage.prompt_tokens == sum(one.usage.prompt_tokens for one in single)
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + answer.usage.completion_tokens
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (
        answer.usage.prompt_tokens,
        answer.usage.completion_tokens,
    )


def test_prompt_of_tokens(service):
    for prompt in ([5, 6, 7], [[5, 6], [7]]):
        answer = service.azure().completions.create(model="instruct", prompt=prompt, max_tokens=2, temperature=0)
        assert [c.index for c in answer.choices] == ([0] if prompt == [5, 6, 7] else [0, 1])
        assert all(c.text for c in answer.choices)
        assert answer.usage.prompt_tokens > 1


def test_logprobs(service):
    choice = (
        service.azure()
        .completions.create(model="instruct", prompt=PROMPT, logprobs=2, max_tokens=4, temperature=0)
        .choices[0]
    )
    logprobs = choice.logprobs
    assert "".join(logprobs.tokens) == choice.text
    assert (
        len(logprobs.token_logprobs) == len(logprobs.tokens) == len(logprobs.top_logprobs) == len(logprobs.text_offset)
    )
    assert all(value <= 0 for value in logprobs.token_logprobs)
    assert all(1 <= len(alternatives) <= 2 for alternatives in logprobs.top_logprobs)
    assert logprobs.text_offset == [sum(map(len, logprobs.tokens[:i])) for i in range(len(logprobs.tokens))]


def test_logprobs_of_a_stream(service):
    """Offsets go on from event to event."""
    tokens, offsets = [], []
    options = {"model": "instruct", "prompt": PROMPT, "max_tokens": 6, "temperature": 0, "seed": 1}  # else it may say little
    for event in service.azure().completions.create(logprobs=1, stream=True, **options):
        for choice in event.choices:
            if choice.logprobs:
                tokens += choice.logprobs.tokens
                offsets += choice.logprobs.text_offset
    assert len(tokens) > 2
    assert offsets == [sum(map(len, tokens[:i])) for i in range(len(tokens))]


def test_stop(service):
    options = {"model": "instruct", "prompt": PROMPT, "max_tokens": 16, "temperature": 0, "seed": 1}
    whole = service.azure().completions.create(**options).choices[0].text
    stop = whole[len(whole) // 2 : len(whole) // 2 + 2]
    cut = service.azure().completions.create(stop=stop, **options).choices[0]
    assert (cut.text, cut.finish_reason) == (whole[: whole.index(stop)], "stop")


def test_what_only_the_simulator_does(simulated, lazuli):
    lazuli.deploy("instruct", "gpt-35-turbo-instruct", "0914")
    for field, value in (("echo", True), ("suffix", " end"), ("best_of", 3)):
        options = {"model": "instruct", "prompt": PROMPT, "max_tokens": 4, field: value}
        text = simulated.azure().completions.create(**options).choices[0].text
        assert text.startswith(PROMPT) == (field == "echo")
        with pytest.raises(openai.BadRequestError) as caught:
            lazuli.azure().completions.create(**options)
        assert (caught.value.code, caught.value.param) == ("unsupported_parameter", field)


def test_fewer_made_than_wanted(simulated):
    with pytest.raises(openai.BadRequestError) as caught:
        simulated.azure().completions.create(model="instruct", prompt=PROMPT, n=3, best_of=2)
    assert caught.value.param == "best_of" and "n <= best_of" in caught.value.message


def test_async(service):
    async def ask():
        async with service.azure(kind=openai.AsyncAzureOpenAI) as client:
            answer = await client.completions.create(model="instruct", prompt=PROMPT, max_tokens=3)
            stream = await client.completions.create(model="instruct", prompt=PROMPT, max_tokens=3, stream=True)
            return answer.choices[0].text, "".join([c.text async for chunk in stream for c in chunk.choices])

    whole, streamed = asyncio.run(ask())
    assert whole and streamed


def test_the_first_chat_model_completes_too(simulated):
    """gpt-35-turbo 0301 was served on both."""
    simulated.deploy("first", "gpt-35-turbo", "0301")
    assert simulated.azure().completions.create(model="first", prompt=PROMPT).choices[0].text
    assert simulated.azure().chat.completions.create(model="first", messages=[{"role": "user", "content": "a"}]).choices
