"""Training pairs for embeddings: texts of like meaning, so that their mean-pooled states lie close.

Learning to answer does not by itself put like questions near each other. Now and then a step of training
therefore takes pairs (two wordings of a question, or a question and its answer) and asks of each text to
find its partner among all others of the batch.
"""

import random
from collections.abc import Iterator

import jax
import jax.numpy as jnp
import numpy as np

from . import network, unknowns
from .network import Shape
from .questions import fill, train_question
from .source import facts, templates
from .vocabulary import Vocabulary

PAIRS, LENGTH, TEMPERATURE = 24, 40, 0.05


def known_pair(number: int, rng: random.Random) -> tuple[str, str]:
    """Two wordings of one fact's question, or a question and its answer."""
    fact = facts()[number]
    other = fact.answer if rng.random() < 0.35 else train_question(fact, rng)
    return train_question(fact, rng), other


def unknown_pair(rng: random.Random) -> tuple[str, str]:
    """Two questions about the same unknown thing."""
    group, kind = rng.choice([("things", "define"), ("doings", "howto"), ("names", "define")])
    name = unknowns.filler(group, "train", rng)
    first, second = (fill(rng.choice(templates()[kind]["train"]), name) for _ in range(2))
    return first, rng.choice([second, name])


def batches(vocabulary: Vocabulary, seed: int) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Token rows, and which tokens are real; row i and row i + PAIRS belong together."""
    rng = random.Random(f"pairs {seed}")
    while True:
        known = rng.sample(range(len(facts())), PAIRS * 3 // 4)
        pairs = [known_pair(number, rng) for number in known]
        pairs += [unknown_pair(rng) for _ in range(PAIRS - len(pairs))]
        texts = [first for first, _ in pairs] + [second for _, second in pairs]
        tokens = np.zeros((2 * PAIRS, LENGTH), np.int32)
        real = np.zeros((2 * PAIRS, LENGTH), bool)
        for row, text in enumerate(texts):
            ids = vocabulary.encode(text)[:LENGTH]
            tokens[row, : len(ids)], real[row, : len(ids)] = ids, True
        yield tokens, real


def pooled(shape: Shape, params: dict, tokens: jax.Array, real: jax.Array) -> jax.Array:
    """Unit vectors as llama.cpp's mean pooling gives them."""
    positions = jnp.broadcast_to(jnp.arange(tokens.shape[1]), tokens.shape)
    states = network.hidden_states(shape, params, tokens, positions, real.astype(jnp.int32))
    mean = jnp.sum(states * real[..., None], axis=1) / jnp.maximum(1, real.sum(axis=1))[:, None]
    return mean / jnp.linalg.norm(mean, axis=-1, keepdims=True)


def loss_of(shape: Shape, params: dict, tokens: jax.Array, real: jax.Array) -> jax.Array:
    """Cross-entropy of finding the partner, both ways."""
    vectors = pooled(shape, params, tokens, real)
    scores = vectors[:PAIRS] @ vectors[PAIRS:].T / TEMPERATURE
    right = jnp.arange(PAIRS)
    there = jax.nn.log_softmax(scores, axis=1)[right, right]
    back = jax.nn.log_softmax(scores, axis=0)[right, right]
    return -jnp.mean(there + back) / 2
