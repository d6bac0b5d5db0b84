"""From conversations to fixed-size training rows.

Rows of a few fixed lengths keep JAX from compiling anew. Several conversations share a row; the segment
numbers keep them from seeing each other. Positions do not count from zero: each conversation starts at a
random offset and may jump between turns, so that RoPE distances of a long context are met in training
although most conversations are short.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np

from .chat import Conversation
from .vocabulary import Vocabulary

IGNORE = -1
OPEN_ROWS = 2


@dataclass(frozen=True)
class Bucket:
    """One row length, and how many rows make a batch."""

    length: int
    rows: int


@dataclass
class Row:
    """A row being filled."""

    tokens: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    positions: list[int] = field(default_factory=list)
    segments: list[int] = field(default_factory=list)


def positions_of(rng: random.Random, turn_lengths: list[int], context: int) -> list[int]:
    """Positions with a random start and, for some, random jumps before a turn."""
    total = sum(turn_lengths)
    spare = context - total
    at = rng.randint(0, spare // 2) if rng.random() < 0.5 else 0
    spare -= at
    jumps = rng.random() < 0.25
    out: list[int] = []
    for length in turn_lengths:
        if jumps and rng.random() < 0.5:
            jump = rng.randint(0, max(0, spare) // 2)
            at, spare = at + jump, spare - jump
        out.extend(range(at, at + length))
        at += length
    return out


def add(row: Row, encoded: tuple[list[int], list[bool], list[int]], rng: random.Random, context: int) -> None:
    """Append a conversation from `Vocabulary.encode_chat`; only what the assistant says is a target."""
    tokens, spoken, turn_lengths = encoded
    segment = row.segments[-1] + 1 if row.segments else 1
    row.tokens += tokens
    row.targets += [token if said else IGNORE for token, said in zip(tokens[1:], spoken[1:], strict=True)] + [
        IGNORE
    ]
    row.positions += positions_of(rng, turn_lengths, context)
    row.segments += [segment] * len(tokens)


def to_arrays(rows: list[Row], length: int) -> dict[str, np.ndarray]:
    """Pad rows to one length; padding is segment 0 and no target."""

    def column(name: str, filler: int) -> np.ndarray:
        lists = [getattr(row, name) for row in rows]
        return np.array([each + [filler] * (length - len(each)) for each in lists], np.int32)

    return {
        "tokens": column("tokens", 0),
        "targets": column("targets", IGNORE),
        "positions": column("positions", 0),
        "segments": column("segments", 0),
    }


def place(open_rows: dict[Bucket, list[Row]], length: int) -> tuple[Bucket, Row] | None:
    """The open row where `length` tokens leave the smallest gap, or a new one; None if they fit nowhere."""
    gaps = [
        (bucket.length - len(row.tokens) - length, bucket.length, i)
        for bucket, rows in open_rows.items()
        for i, row in enumerate(rows)
        if len(row.tokens) + length <= bucket.length
    ]
    by_length = {bucket.length: bucket for bucket in open_rows}
    if gaps:
        _, found, i = min(gaps)
        return by_length[found], open_rows[by_length[found]][i]
    bucket = next((each for each in open_rows if length <= each.length), None)
    if bucket is None:
        return None
    open_rows[bucket].append(Row())
    return bucket, open_rows[bucket][-1]


def batches(
    talks: Iterator[Conversation],
    vocabulary: Vocabulary,
    buckets: list[Bucket],
    context: int,
    seed: int,
) -> Iterator[dict[str, np.ndarray]]:
    """Fill rows of all buckets, shortest bucket first, and give out the fullest when many are open."""
    rng = random.Random(f"positions {seed}")
    open_rows: dict[Bucket, list[Row]] = {bucket: [] for bucket in buckets}
    for talk in talks:
        encoded = vocabulary.encode_chat(talk)
        placed = place(open_rows, len(encoded[0]))
        if placed is None:
            continue
        bucket, row = placed
        add(row, encoded, rng, context)
        rows = open_rows[bucket]
        if len(rows) > OPEN_ROWS * bucket.rows:
            rows.sort(key=lambda each: -len(each.tokens))
            yield to_arrays(rows[: bucket.rows], bucket.length)
            del rows[: bucket.rows]
