"""Tools on a llama-server: a model whose chat template has no place for them refuses them."""

import shutil

import openai
import pytest

from service import TOP, Lazuli

MODEL = TOP / "models" / "tiny" / "lazuli-tiny.gguf"
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object", "properties": {}}}}
QUESTION = {"model": "plain", "messages": [{"role": "user", "content": "What is lazuli?"}], "max_tokens": 8}

# Shows tools to the model, which has never seen one: it answers in words.
TEMPLATE = """
{%- for tool in tools or [] -%}{{- tool | tojson -}}{%- endfor -%}
{%- for message in messages -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['content'] is string -%}{{- message['content'] -}}{%- endif -%}
{%- for call in message['tool_calls'] or [] -%}
{{- '<tool_call>\\n' + (call['function'] | tojson) + '\\n</tool_call>' -}}
{%- endfor -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}
"""

CATALOG = """
extends: default
engines:
  - name: plain
    llama: {{ model: {folder}/some.gguf, context_tokens: 1024 }}
  - name: tools
    llama: {{ model: {folder}/some.gguf, context_tokens: 1024, arguments: [--chat-template-file, {folder}/template] }}
deployments:
  - {{ deployment: plain, engine: plain }}
  - {{ deployment: tools, engine: tools }}
"""


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models")
    shutil.copy(MODEL, folder / "some.gguf")
    (folder / "template").write_text(TEMPLATE)
    with Lazuli(catalog=CATALOG.format(folder=folder)) as service:
        service.deploy("plain", "gpt-4o", "2024-11-20")
        service.deploy("tools", "gpt-4o", "2024-11-20")
        yield service


# The first call waits for the load, the second finds the model loaded.
@pytest.mark.parametrize("stream", [False, True])
def test_a_template_without_tools(service, stream):
    with pytest.raises(openai.BadRequestError) as caught:
        service.azure().chat.completions.create(tools=[TOOL], stream=stream, **QUESTION)
    assert (caught.value.code, caught.value.param) == ("unsupported_parameter", "tools")
    assert caught.value.body["message"] == "Unsupported parameter: 'tools' is not supported with this model."


def test_a_template_without_tools_serves_the_rest(service):
    answer = service.azure().chat.completions.create(**QUESTION)
    assert answer.choices[0].message.content


def test_a_template_with_tools(service):
    answer = service.azure().chat.completions.create(**QUESTION | {"model": "tools"}, tools=[TOOL])
    assert answer.choices[0].message.content
    assert answer.usage.prompt_tokens > service.azure().chat.completions.create(**QUESTION).usage.prompt_tokens + 20


@pytest.mark.parametrize("choice", ["required", {"type": "function", "function": {"name": "f"}}])
def test_a_call_that_does_not_come(service, choice):
    options = QUESTION | {"model": "tools", "tools": [TOOL], "tool_choice": choice}
    with pytest.raises(openai.InternalServerError) as caught:
        service.azure().chat.completions.create(**options)
    assert caught.value.type == "server_error"
    text = ""
    with pytest.raises(openai.APIError) as caught:
        for chunk in service.azure().chat.completions.create(stream=True, **options):
            text += "".join(part.delta.content or "" for part in chunk.choices)
    assert text and caught.value.type == "server_error"
    assert "tool_choice_unmet" in service.log_text()


@pytest.mark.parametrize("choice", ["auto", "none"])
def test_log_probabilities_beside_tools(service, choice):
    """llama-server has none of them in a stream, by which lazuli gets other answers."""
    options = {"model": "tools", "tools": [TOOL], "tool_choice": choice, "logprobs": True}
    answer = service.azure().chat.completions.create(**QUESTION | options).choices[0]
    assert "".join(t.token for t in answer.logprobs.content) == answer.message.content


@pytest.mark.parametrize("stop", [[], ["OpenAI S zz"]])
def test_log_probabilities_beside_a_stop(service, stop):
    """One for each token, be some held back while they may begin it."""
    options = {"temperature": 0, "logprobs": True, "stop": stop or None}
    answer = service.azure().chat.completions.create(**QUESTION | options)
    choice, count = answer.choices[0], answer.usage.completion_tokens
    assert "Azure OpenAI" in choice.message.content
    assert len(choice.logprobs.content) == count == QUESTION["max_tokens"]
    assert "".join(token.token for token in choice.logprobs.content) == choice.message.content
