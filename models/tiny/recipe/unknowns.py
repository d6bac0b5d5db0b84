"""Questions that the model cannot answer, and the honest answer to them.

The same wording as for known things is used on purpose: only the thing asked about tells a known question
from an unknown one. Made-up words keep the model from guessing at what it has never seen.
"""

import random
from functools import cache

from .questions import KINDS, PARTS, fill, fingerprint, vary
from .source import read, templates

SLOTS = {"thing": "things", "doing": "doings", "name": "names", "person": "people", "place": "places"}
SLOT_OF_KIND = {"define": "things", "howto": "doings", "support": "things", "error": "names"}
VOWELS, CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"


@cache
def data() -> dict:
    """The file of unknowns."""
    return read("unknown")


def made_up_word(rng: random.Random) -> str:
    """A word that means nothing."""
    word = "".join(rng.choice(CONSONANTS) + rng.choice(VOWELS) for _ in range(rng.randint(2, 3)))
    word += rng.choice(["", rng.choice(CONSONANTS)])
    return rng.choice([word, word.capitalize(), word.capitalize(), word + rng.choice(["er", "ing", " mode"])])


def filler(slot: str, part: str, rng: random.Random) -> str:
    """Something for a slot: from the list, or made up."""
    if part == "train" and slot in ("names", "things") and rng.random() < 0.3:
        return made_up_word(rng)
    return str(rng.choice(data()[slot][part]))


def complete(template: str, part: str, rng: random.Random) -> str:
    """Fill every slot of an unknown template."""
    for slot, group in SLOTS.items():
        while "{" + slot + "}" in template:
            template = template.replace("{" + slot + "}", filler(group, part, rng), 1)
    return template


def plain_question(rng: random.Random) -> str:
    """One unknown question in trained wording."""
    roll = rng.random()
    if roll < 0.45:
        kind = rng.choice(KINDS)
        slot = SLOT_OF_KIND[kind] if rng.random() < 0.7 else "names"
        if kind == "howto":
            slot = "doings"
        return fill(rng.choice(templates()[kind]["train"]), filler(slot, "train", rng))
    if roll < 0.75:
        return complete(rng.choice(data()["templates"]["train"]), "train", rng)
    return rng.choice(data()["free"]["train"])


@cache
def held_questions(part: str = "held") -> tuple[str, ...]:
    """Unknown questions of a part: its fillers in its wording, and its free ones."""
    rng = random.Random("unknown")
    questions = list(data()["free"][part])
    for kind in KINDS:
        slot = SLOT_OF_KIND[kind]
        for i, name in enumerate(data()[slot][part]):
            held = templates()[kind][part]
            questions.append(fill(held[i % len(held)], name))
    for template in data()["templates"][part]:
        questions += [complete(template, part, rng) for _ in range(3)]
    return tuple(dict.fromkeys(questions))


@cache
def _forbidden() -> frozenset[str]:
    return frozenset(fingerprint(question) for part in PARTS for question in held_questions(part))


def exchange(rng: random.Random) -> tuple[str, str]:
    """A question and the answer that the model does not know."""
    while fingerprint(question := vary(plain_question(rng), rng)) in _forbidden():
        pass
    return question, data()["answer"]
