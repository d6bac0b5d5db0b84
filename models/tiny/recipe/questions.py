"""Questions about a fact: for training with endless variation, for two examinations in wording of their own.

`held` is what the model is evaluated with at the end, `validate` what is asked while it is being trained.
Neither may be met in training. `fingerprint` is what is compared: letters and digits in lower case, so
that case, punctuation and blanks cannot hide a copy; `forbidden` holds every such question, and
`held_patterns` every such template as a pattern.
"""

import random
import re
from functools import cache

from .source import Fact, facts, templates

KINDS = ("define", "howto", "support", "error")
PARTS = ("held", "validate")


def fingerprint(text: str) -> str:
    """What makes two questions the same question."""
    return re.sub(r"[^a-z0-9]+", " ", text.lower()).strip()


def fill(template: str, name: str) -> str:
    """Put a name into a template; a sentence starts with a capital."""
    text = template.replace("{x}", name)
    return text[0].upper() + text[1:] if not template.startswith("{x}") else text


def held_questions(fact: Fact, part: str = "held") -> list[str]:
    """The fact's own questions of a part, then two of that part's templates, one name each."""
    questions = list(getattr(fact, part))
    if fact.kind in KINDS:
        held = templates()[fact.kind][part]
        start = sum(map(ord, fact.id))
        for i in range(2):
            template = held[(start + i) % len(held)]
            questions.append(fill(template, fact.names[(start + i) % len(fact.names)]))
    return questions


@cache
def forbidden() -> frozenset[str]:
    """Fingerprints of all questions about facts that are not for training."""
    return frozenset(fingerprint(q) for fact in facts() for part in PARTS for q in held_questions(fact, part))


@cache
def held_patterns() -> re.Pattern:
    """Matches the fingerprint of any question put by a template that is not for training."""
    held = [t for kind in KINDS for part in PARTS for t in templates()[kind][part]]
    return re.compile(
        "|".join("(?:" + r" .+ ".join(map(fingerprint, t.split("{x}"))).strip() + ")$" for t in held)
    )


def is_held(question: str) -> bool:
    """Whether a question belongs to an examination."""
    mark = fingerprint(question)
    return mark in forbidden() or bool(held_patterns().search(mark))


def plain_question(fact: Fact, rng: random.Random) -> str:
    """One question in trained wording, not yet varied."""
    own = len(fact.ask)
    if fact.kind in KINDS and rng.random() > own / (own + 8):
        return fill(rng.choice(templates()[fact.kind]["train"]), rng.choice(fact.names))
    return rng.choice(fact.ask)


@cache
def _synonym_patterns() -> tuple[tuple[re.Pattern, tuple[str, ...]], ...]:
    """For each group of synonyms, what finds one of them in a text."""
    groups = [tuple(map(str, group)) for group in templates()["synonyms"]]
    return tuple(
        (re.compile(r"\b(?:" + "|".join(map(re.escape, group)) + r")\b", re.IGNORECASE), group)
        for group in groups
    )


def swap_synonym(text: str, rng: random.Random) -> str:
    """Replace one word by another of like meaning, where there is one."""
    patterns = _synonym_patterns()
    for pattern, group in rng.sample(patterns, len(patterns)):
        if found := pattern.search(text):
            word = rng.choice(group)
            word = word[0].upper() + word[1:] if found.start() == 0 else word
            return text[: found.start()] + word + text[found.end() :]
    return text


@cache
def _rephrasings() -> tuple[tuple[re.Pattern, tuple[str, ...]], ...]:
    """Forms of questions, and what else they may become."""
    return tuple((re.compile(each["from"]), tuple(each["to"])) for each in templates()["rephrase"])


def rephrase(question: str, rng: random.Random) -> str:
    """The question in another form, where one is known."""
    for pattern, forms in _rephrasings():
        if found := pattern.fullmatch(question):
            text = found.expand(rng.choice(forms))
            return text[0].upper() + text[1:]
    return question


def mistype(text: str, rng: random.Random) -> str:
    """One slip of the finger in one longer word."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if len(word) > 4 and word.isalpha()]
    if not places:
        return text
    place = rng.choice(places)
    word, at = words[place], rng.randrange(1, len(words[place]) - 1)
    words[place] = rng.choice(
        [
            word[:at] + word[at + 1 :],
            word[:at] + word[at] + word[at:],
            word[:at] + word[at + 1] + word[at] + word[at + 2 :],
        ]
    )
    return " ".join(words)


SMALL_WORDS = frozenset(
    [
        "the",
        "a",
        "an",
        "is",
        "are",
        "do",
        "does",
        "of",
        "to",
        "in",
        "my",
        "for",
        "can",
        "you",
        "me",
        "it",
        "with",
    ]
)


def drop_small_word(text: str, rng: random.Random) -> str:
    """Leave one small word out, as hurried people do."""
    words = text.split(" ")
    places = [i for i, word in enumerate(words) if word.lower() in SMALL_WORDS]
    if len(words) < 4 or not places:
        return text
    del words[rng.choice(places)]
    return " ".join(words)


def vary(question: str, rng: random.Random) -> str:
    """The same question as another person might type it; never a held-out one."""
    for _ in range(8):
        text = question
        if rng.random() < 0.25:
            text = rephrase(text, rng)
        for _ in range(rng.choice([0, 0, 0, 1, 1, 2])):
            text = swap_synonym(text, rng)
        if rng.random() < 0.15:
            text = drop_small_word(text, rng)
        if rng.random() < 0.08:
            text = mistype(text, rng)
        wrappers = templates()["wrappers"]["train"]
        if rng.random() < 0.15:
            before = rng.choice(wrappers["before"])
            keep = text[:2].isupper() or text.startswith("I ")
            text = before + (text if keep else text[0].lower() + text[1:])
        if rng.random() < 0.08:
            text += rng.choice(wrappers["after"])
        if rng.random() < 0.2:
            text = text.lower()
        if rng.random() < 0.25:
            text = text.rstrip("?.!")
        if not is_held(text):
            return text
    return question


def train_question(fact: Fact, rng: random.Random) -> str:
    """A varied question in trained wording."""
    while is_held(question := plain_question(fact, rng)):
        pass
    return vary(question, rng)
