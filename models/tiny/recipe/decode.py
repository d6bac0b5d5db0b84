"""Greedy answers from the JAX parameters, many conversations at a time.

Prompts are padded on the left so that all of them end at the same place; the keys and values of earlier
tokens are kept, and each step runs one token of every conversation.
"""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np

from . import network
from .network import Shape
from .vocabulary import Vocabulary

LONGEST_ANSWER = 160
PROMPT_STEP = 64


def _one_token(
    model: tuple[Shape, dict], cache: list, token: jax.Array, at: jax.Array, first: jax.Array
) -> tuple[jax.Array, list]:
    """Feed one token of each conversation at column `at`; give the next scores and the new cache."""
    shape, params = model
    x = params["token_embd"][token][:, None]
    table = network.rope_table(shape, (at - first)[:, None])
    length = cache[0][0].shape[1]
    columns = jnp.arange(length)
    mask = ((columns[None] <= at) & (columns[None] >= first[:, None]))[:, None]
    new_cache = []
    for layer, (old_keys, old_values) in zip(params["layers"], cache, strict=True):
        q, k, v = network.project(shape, layer, x, table)
        keys = jax.lax.dynamic_update_slice_in_dim(old_keys, k, at, axis=1)
        values = jax.lax.dynamic_update_slice_in_dim(old_values, v, at, axis=1)
        x = x + network.attend(shape, q, keys, values, mask) @ layer["attn_output"]
        x = network.feed_forward(shape, layer, x)
        new_cache.append((keys, values))
    states = network.rms_norm(x[:, 0], params["output_norm"], shape.norm_eps)
    return network.logits(params, states), new_cache


@partial(jax.jit, static_argnums=(0, 4))
def _generate(shape: Shape, params: dict, prompts: jax.Array, first: jax.Array, end: int) -> jax.Array:
    """Answer tokens (batch, LONGEST_ANSWER), filled up with `end` after the end."""
    rows, width = prompts.shape
    empty = jnp.zeros((rows, width + LONGEST_ANSWER, shape.kv_heads, shape.head_width))
    cache = [(empty, empty) for _ in params["layers"]]

    def read(at: int, carry: tuple) -> tuple:
        return _one_token((shape, params), carry[1], prompts[:, at], at, first)

    start = jnp.zeros((rows, shape.vocab))
    scores, cache = jax.lax.fori_loop(0, width, read, (start, cache))

    def speak(carry: tuple, at: jax.Array) -> tuple:
        scores, cache, done = carry
        token = jnp.where(done, end, jnp.argmax(scores, axis=-1))
        done = done | (token == end)
        scores, cache = _one_token((shape, params), cache, token, at, first)
        return (scores, cache, done), token

    columns = jnp.arange(width, width + LONGEST_ANSWER)
    _, tokens = jax.lax.scan(speak, (scores, cache, jnp.zeros(rows, bool)), columns)
    return tokens.T


def answers(
    shape: Shape, params: dict, vocabulary: Vocabulary, prompts: list[list[int]], rows: int = 64
) -> list[str]:
    """The answer to each prompt; prompts of like length share a batch."""
    order = sorted(range(len(prompts)), key=lambda i: len(prompts[i]))
    out = [""] * len(prompts)
    for start in range(0, len(order), rows):
        chosen = order[start : start + rows]
        width = -(-max(len(prompts[i]) for i in chosen) // PROMPT_STEP) * PROMPT_STEP
        grid = np.full((rows, width), vocabulary.pad, np.int32)
        first = np.full(rows, width - 1, np.int32)
        for row, i in enumerate(chosen):
            grid[row, width - len(prompts[i]) :] = prompts[i]
            first[row] = width - len(prompts[i])
        tokens = np.asarray(_generate(shape, params, jnp.asarray(grid), jnp.asarray(first), vocabulary.end))
        for row, i in enumerate(chosen):
            said = tokens[row].tolist()
            said = said[: said.index(vocabulary.end)] if vocabulary.end in said else said
            out[i] = vocabulary.decode(said)
    return out
