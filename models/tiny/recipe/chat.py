"""What a conversation is, and its ChatML form.

The Jinja template goes into the GGUF, the function below into training; `check_gguf` compares what the two
make of the same messages.
"""

from dataclasses import dataclass

START, END, PAD = "<|im_start|>", "<|im_end|>", "<|endoftext|>"

TEMPLATE = (
    "{%- for message in messages -%}"
    "{%- set role = 'system' if message['role'] == 'developer' else message['role'] -%}"
    "{{- '<|im_start|>' + role + '\\n' -}}"
    "{%- if message['content'] is string -%}{{- message['content'] -}}{%- endif -%}"
    "{{- '<|im_end|>\\n' -}}"
    "{%- endfor -%}"
    "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}"
)


@dataclass(frozen=True)
class Turn:
    """One message. Of a `cut` one only the beginning is trained on: it decides what the rest will be."""

    role: str
    text: str
    cut: bool = False


Conversation = list[Turn]


def render_turn(turn: Turn) -> str:
    """One message in ChatML."""
    return f"{START}{turn.role}\n{turn.text}{END}\n"


def render_prompt(talk: Conversation) -> str:
    """Messages so far, and the assistant's turn opened."""
    return "".join(map(render_turn, talk)) + f"{START}assistant\n"
