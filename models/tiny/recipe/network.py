"""The network: a Llama decoder in plain JAX.

It follows what llama.cpp computes for `general.architecture = llama`, so that the weights go into a
GGUF without any change: interleaved RoPE pairs, RMSNorm, grouped-query attention, SwiGLU, and an output
layer tied to the embedding.
"""

from dataclasses import dataclass

import jax
import jax.numpy as jnp
import numpy as np


@dataclass(frozen=True)
class Shape:
    """Every size of the network; the GGUF's metadata is written from the same object."""

    vocab: int = 2048
    width: int = 192
    layers: int = 5
    heads: int = 3
    kv_heads: int = 3
    hidden: int = 512
    context: int = 4096
    rope_base: float = 10000.0
    norm_eps: float = 1e-5

    @property
    def head_width(self) -> int:
        """Width of one attention head."""
        return self.width // self.heads


def init(shape: Shape, seed: int) -> dict:
    """Fresh parameters: fan-in scaled normals, residual outputs scaled down by depth."""
    rng = np.random.default_rng(seed)
    residual = (2 * shape.layers) ** -0.5

    def matrix(rows: int, cols: int, scale: float = 1.0) -> jax.Array:
        return jnp.asarray(rng.normal(0, scale * rows**-0.5, (rows, cols)), jnp.float32)

    kv = shape.kv_heads * shape.head_width
    layers = [
        {
            "attn_norm": jnp.ones(shape.width),
            "attn_q": matrix(shape.width, shape.width),
            "attn_k": matrix(shape.width, kv),
            "attn_v": matrix(shape.width, kv),
            "attn_output": matrix(shape.width, shape.width, residual),
            "ffn_norm": jnp.ones(shape.width),
            "ffn_gate": matrix(shape.width, shape.hidden),
            "ffn_up": matrix(shape.width, shape.hidden),
            "ffn_down": matrix(shape.hidden, shape.width, residual),
        }
        for _ in range(shape.layers)
    ]
    embedding = jnp.asarray(rng.normal(0, 0.05, (shape.vocab, shape.width)), jnp.float32)
    return {"token_embd": embedding, "layers": layers, "output_norm": jnp.ones(shape.width)}


def count(params: dict) -> int:
    """Number of parameters."""
    return sum(leaf.size for leaf in jax.tree.leaves(params))


def rms_norm(x: jax.Array, weight: jax.Array, eps: float) -> jax.Array:
    """Scale to unit mean square, then by the learnt weight."""
    return x * jax.lax.rsqrt(jnp.mean(x * x, axis=-1, keepdims=True) + eps) * weight


def rope_table(shape: Shape, positions: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Cosines and sines for `positions` (batch, time), one per pair of a head's channels."""
    steps = jnp.arange(0, shape.head_width, 2, dtype=jnp.float32) / shape.head_width
    angles = positions[..., None].astype(jnp.float32) * shape.rope_base**-steps
    return jnp.cos(angles)[:, :, None, :], jnp.sin(angles)[:, :, None, :]


def rotate(x: jax.Array, table: tuple[jax.Array, jax.Array]) -> jax.Array:
    """RoPE on neighbouring channels (2i, 2i+1): what llama.cpp calls the normal form."""
    cos, sin = table
    even, odd = x[..., 0::2], x[..., 1::2]
    turned = jnp.stack([even * cos - odd * sin, even * sin + odd * cos], axis=-1)
    return turned.reshape(x.shape)


def attend(shape: Shape, q: jax.Array, k: jax.Array, v: jax.Array, mask: jax.Array) -> jax.Array:
    """Grouped-query attention; `mask` (batch, query, key) is true where a key may be seen."""
    batch, time = q.shape[:2]
    group = shape.heads // shape.kv_heads
    q = q.transpose(0, 2, 1, 3)
    k, v = (jnp.repeat(each, group, axis=2).transpose(0, 2, 1, 3) for each in (k, v))
    scores = q @ k.swapaxes(-1, -2) * shape.head_width**-0.5
    scores = jnp.where(mask[:, None], scores, -1e9)
    mixed = jax.nn.softmax(scores, axis=-1) @ v
    return mixed.transpose(0, 2, 1, 3).reshape(batch, time, shape.width)


def project(shape: Shape, layer: dict, x: jax.Array, table: tuple) -> tuple[jax.Array, ...]:
    """Queries, keys and values of one layer, rotated to their positions."""
    batch, time = x.shape[:2]
    h = rms_norm(x, layer["attn_norm"], shape.norm_eps)
    q = (h @ layer["attn_q"]).reshape(batch, time, shape.heads, shape.head_width)
    k = (h @ layer["attn_k"]).reshape(batch, time, shape.kv_heads, shape.head_width)
    v = (h @ layer["attn_v"]).reshape(batch, time, shape.kv_heads, shape.head_width)
    return rotate(q, table), rotate(k, table), v


def feed_forward(shape: Shape, layer: dict, x: jax.Array) -> jax.Array:
    """SwiGLU, added to the residual stream."""
    h = rms_norm(x, layer["ffn_norm"], shape.norm_eps)
    return x + (jax.nn.silu(h @ layer["ffn_gate"]) * (h @ layer["ffn_up"])) @ layer["ffn_down"]


def hidden_states(
    shape: Shape, params: dict, tokens: jax.Array, positions: jax.Array, segments: jax.Array
) -> jax.Array:
    """Last hidden states of packed rows: a token sees earlier tokens of its own segment only."""
    x = params["token_embd"][tokens]
    table = rope_table(shape, positions)
    causal = jnp.tril(jnp.ones((tokens.shape[1], tokens.shape[1]), bool))
    mask = causal[None] & (segments[:, :, None] == segments[:, None, :])
    for layer in params["layers"]:
        q, k, v = project(shape, layer, x, table)
        x = x + attend(shape, q, k, v, mask) @ layer["attn_output"]
        x = feed_forward(shape, layer, x)
    return rms_norm(x, params["output_norm"], shape.norm_eps)


def logits(params: dict, states: jax.Array) -> jax.Array:
    """Scores over the vocabulary, by the tied embedding."""
    return states @ params["token_embd"].T
