"""The vocabulary: byte-level BPE with the pre-tokenizer that llama.cpp knows as `smollm`.

That one is GPT-2's with every digit apart, which lets a small model copy amounts and numbers digit by
digit. All 256 bytes are in the alphabet, so no text is unknown.
"""

import json
from collections.abc import Iterator
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

from .chat import END, PAD, START, Conversation, render_prompt, render_turn

PRE_TOKENIZER = "smollm"
CUT = 16
SPECIAL = [PAD, START, END]


class Vocabulary:
    """A trained tokenizer, with what the rest of the recipe asks of it."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        """Wrap a tokenizer whose special tokens are those of `chat`."""
        self.tokenizer = tokenizer
        self.start, self.end, self.pad = (tokenizer.token_to_id(t) for t in (START, END, PAD))

    @classmethod
    def train(cls, texts: Iterator[str], size: int) -> "Vocabulary":
        """Learn the merges from `texts`."""
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
            [
                pre_tokenizers.Digits(individual_digits=True),
                pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=True),
            ]
        )
        tokenizer.decoder = decoders.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=size,
            special_tokens=SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(texts, trainer)
        return cls(tokenizer)

    @classmethod
    def load(cls, path: Path) -> "Vocabulary":
        """Read what `save` wrote."""
        return cls(Tokenizer.from_file(str(path)))

    def save(self, path: Path) -> None:
        """Write the tokenizer as JSON."""
        self.tokenizer.save(str(path))

    def __len__(self) -> int:
        """Number of tokens, special ones included."""
        return self.tokenizer.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        """Token ids; special tokens in the text are recognised."""
        return self.tokenizer.encode(text, add_special_tokens=False).ids

    def encode_prompt(self, talk: Conversation) -> list[int]:
        """Token ids of a conversation with the assistant's next turn opened."""
        return self.encode(render_prompt(talk))

    def encode_chat(self, talk: Conversation) -> tuple[list[int], list[bool], list[int]]:
        """Ids, which of them the assistant is to say (its end mark too), and the length of each turn."""
        tokens: list[int] = []
        spoken: list[bool] = []
        lengths: list[int] = []
        head = len(self.encode(f"{START}assistant\n"))
        for turn in talk:
            ids = self.encode(render_turn(turn))
            ids = ids[: head + CUT] if turn.cut else ids
            said = turn.role == "assistant"
            marks = [said and head <= i < len(ids) - 1 for i in range(len(ids))]
            tokens, spoken, lengths = tokens + ids, spoken + marks, [*lengths, len(ids)]
        return tokens, spoken, lengths

    def decode(self, ids: list[int]) -> str:
        """Text of ids, without special tokens."""
        return self.tokenizer.decode(ids, skip_special_tokens=True)

    def tokens(self) -> list[str]:
        """All tokens in id order, as BPE writes them."""
        return [self.tokenizer.id_to_token(i) for i in range(len(self))]

    def merges(self) -> list[str]:
        """The merges in order of rank, as GGUF wants them: two tokens with a blank between."""
        merges = json.loads(self.tokenizer.to_str())["model"]["merges"]
        return [merge if isinstance(merge, str) else " ".join(merge) for merge in merges]
