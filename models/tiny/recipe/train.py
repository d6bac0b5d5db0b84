"""Training in rounds: Muon for the matrices inside the layers, AdamW for the rest."""

import queue
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax import contrib

from . import contrast, mixture, network
from .network import Shape
from .packing import IGNORE, Bucket, batches
from .vocabulary import Vocabulary

PAIRS_FROM, PAIRS_EVERY, PAIRS_WEIGHT = 0.75, 4, 0.3
CHECKPOINT_EVERY = 250
LENGTHS = (128, 256, 512, 1024, 2048)


@dataclass(frozen=True)
class Plan:
    """How long and how fast to train: at one rate, or at one that falls to nothing."""

    steps: int
    batch_tokens: int = 2048
    falling: bool = False
    warmup: int = 100
    muon_rate: float = 0.015
    adam_rate: float = 0.0025
    weight_decay: float = 0.05
    seed: int = 1
    mix: mixture.Mix = mixture.DEFAULT


def schedule(peak: float, plan: Plan) -> optax.Schedule:
    """Linear warm-up, then a constant rate, or one that falls in a straight line to nothing.

    The constant rate does not depend on the number of steps, so such a round can be ended at any checkpoint.
    """
    warmup = min(plan.warmup, plan.steps // 5)
    up = optax.linear_schedule(0.0, peak, warmup)
    then = optax.linear_schedule(peak, 0.0 if plan.falling else peak, plan.steps - warmup)
    return optax.join_schedules([up, then], [warmup])


def optimizer(plan: Plan) -> optax.GradientTransformation:
    """Muon wants hidden matrices only; embedding and norms go to its AdamW part."""

    def dimension_numbers(params: dict) -> dict:
        hidden = contrib.MuonDimensionNumbers()
        inside = jax.tree.map(lambda leaf: hidden if leaf.ndim == 2 else None, params["layers"])
        return {"token_embd": None, "output_norm": None, "layers": inside}

    return optax.chain(
        optax.clip_by_global_norm(1.0),
        contrib.muon(
            schedule(plan.muon_rate, plan),
            adam_learning_rate=schedule(plan.adam_rate, plan),
            weight_decay=plan.weight_decay,
            adam_b2=0.98,
            muon_weight_dimension_numbers=dimension_numbers,
        ),
    )


def loss_of(shape: Shape, params: dict, batch: dict) -> jax.Array:
    """Cross-entropy over what the assistant says, weighted by how unsure the model still is.

    Most tokens of an answer follow from those before. The few that choose the answer would drown among
    them; a token's weight is therefore about the probability of missing it.
    """
    states = network.hidden_states(shape, params, batch["tokens"], batch["positions"], batch["segments"])
    scores = network.logits(params, states)
    targets = batch["targets"]
    losses = optax.softmax_cross_entropy_with_integer_labels(scores, jnp.maximum(targets, 0))
    unsure = jax.lax.stop_gradient(1.05 - jnp.exp(-losses))
    weights = unsure * (targets != IGNORE)
    return jnp.sum(losses * weights) / jnp.maximum(1, jnp.sum(weights))


def ahead(source: Iterator[dict], depth: int = 8) -> Iterator[dict]:
    """Make batches in a thread of its own, so that the network need not wait for them."""
    ready: queue.Queue = queue.Queue(depth)

    def fill() -> None:
        for batch in source:
            ready.put(batch)

    threading.Thread(target=fill, daemon=True).start()
    while True:
        yield ready.get()


def train(shape: Shape, plan: Plan, vocabulary: Vocabulary, work: Path, params: dict) -> dict:
    """Train by one plan and return the parameters; progress goes to standard output."""
    chain = optimizer(plan)
    state = chain.init(params)

    def descend(loss: Callable[[dict], jax.Array], params: dict, state: optax.OptState) -> tuple:
        value, slopes = jax.value_and_grad(loss)(params)
        updates, state = chain.update(slopes, state, params)
        return optax.apply_updates(params, updates), state, value

    @jax.jit
    def step(params: dict, state: optax.OptState, batch: dict) -> tuple:
        return descend(lambda p: loss_of(shape, p, batch), params, state)

    @jax.jit
    def step_with_pairs(params: dict, state: optax.OptState, batch: dict, pairs: tuple) -> tuple:
        def both(p: dict) -> jax.Array:
            return loss_of(shape, p, batch) + PAIRS_WEIGHT * contrast.loss_of(shape, p, *pairs)

        return descend(both, params, state)

    buckets = [Bucket(length, plan.batch_tokens // length) for length in LENGTHS]
    source = batches(
        mixture.stream(plan.seed, plan.mix), vocabulary, buckets, shape.context, plan.seed
    )
    pairs = contrast.batches(vocabulary, plan.seed)
    began, seen, losses = time.time(), 0, []
    print(f"{network.count(params):,} parameters, {plan.steps} steps", flush=True)
    for number, batch in zip(range(1, plan.steps + 1), ahead(source), strict=False):
        if plan.falling and number > PAIRS_FROM * plan.steps and number % PAIRS_EVERY == 0:
            params, state, _ = step_with_pairs(params, state, batch, next(pairs))
        else:
            params, state, loss = step(params, state, batch)
            losses.append(float(loss))
        seen += int((batch["segments"] > 0).sum())
        if number % 25 == 0 or number == plan.steps:
            minutes = (time.time() - began) / 60
            print(
                f"step {number:5d}  loss {np.mean(losses[-25:]):.4f}"
                f"  {minutes:6.1f} min  {seen / minutes / 60:,.0f} tokens/s",
                flush=True,
            )
        if number % CHECKPOINT_EVERY == 0:
            save(params, work / f"checkpoint-{plan.seed}-{number}.npz")
    return params


def save(params: dict, path: Path) -> None:
    """Write the parameters as one NumPy archive, named by their place in the tree."""
    leaves = jax.tree_util.tree_leaves_with_path(params)
    np.savez(path, **{jax.tree_util.keystr(where): np.asarray(leaf) for where, leaf in leaves})


def load(shape: Shape, path: Path) -> dict:
    """Read what `save` wrote."""
    archive = np.load(path)
    return jax.tree_util.tree_map_with_path(
        lambda where, _: jnp.asarray(archive[jax.tree_util.keystr(where)]), network.init(shape, 0)
    )
