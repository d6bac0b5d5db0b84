"""What has to hold of the data before training: held-out stays held out, and the patterns fit the answers."""

import itertools
import re

from . import mixture, unknowns
from .judge import seed_cases
from .questions import PARTS, fingerprint, held_questions, is_held
from .source import by_id, facts, read

CONVERSATIONS = 20_000


def unfit_facts() -> list[str]:
    """Facts whose own answer does not pass their patterns, or whose follow-up leads nowhere."""
    faults = [
        f"{fact.id}: the answer does not match {pattern!r}"
        for fact in facts()
        for pattern in fact.must
        if not re.search(pattern, fact.answer, re.IGNORECASE)
    ]
    faults += [f"{fact.id}: no follow-up {to}" for fact in facts() for to in fact.follow if to not in by_id()]
    faults += [f"{fact.id}: asks a held-out question" for fact in facts() if any(map(is_held, fact.ask))]
    faults += [f"{fact.id}: no held-out question" for fact in facts() if not held_questions(fact)]
    for name in ("rephrased", "validate"):
        faults += [f"{name}.yaml: no fact {each}" for each in read(name) if each not in by_id()]
    return faults


def leaks(conversations: int) -> list[str]:
    """Held-out questions that the stream of training conversations holds all the same."""
    held = {fingerprint(question) for part in PARTS for question in unknowns.held_questions(part)}
    held |= {fingerprint(case.talk[-1].text) for case in seed_cases() if case.name == "task"}
    found = []
    for talk in itertools.islice(mixture.stream(1), conversations):
        asked = [turn.text for turn in talk if turn.role == "user"]
        found += [text for text in asked if is_held(text) or fingerprint(text) in held]
    return found


def check() -> None:
    """Stop the recipe when the data is not as it should be."""
    if faults := unfit_facts() + [f"held-out question in training: {text}" for text in leaks(CONVERSATIONS)]:
        raise SystemExit("\n".join(faults))
    held = sum(len(held_questions(fact)) for fact in facts())
    print(
        f"{len(facts())} facts, {held} held-out questions about them and "
        f"{len(unknowns.held_questions())} about unknown things; none among {CONVERSATIONS:,} conversations"
    )
