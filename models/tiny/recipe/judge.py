"""When an answer counts as right.

A fact's answer must match all of its patterns, and an unknown question's answer must say that it is not
known. Wording is free otherwise, and so is what stands beside the key facts.
"""

import random
import re
from dataclasses import dataclass

from . import unknowns
from .chat import Conversation, Turn
from .questions import held_questions
from .source import by_id, facts, read


@dataclass(frozen=True)
class Case:
    """One thing to ask, and what the answer has to match."""

    group: str
    name: str
    talk: Conversation
    must: tuple[str, ...]


HELPFUL = Turn("system", "You are a helpful assistant.")


def is_right(case: Case, answer: str) -> bool:
    """Whether the answer holds all key facts."""
    return all(re.search(pattern, answer, re.IGNORECASE) for pattern in case.must)


def fact_cases(part: str = "held") -> list[Case]:
    """Every question of a part about every fact; small talk is a group of its own."""
    return [
        Case(
            "chat" if fact.topic == "chat" else "known", fact.id, [HELPFUL, Turn("user", question)], fact.must
        )
        for fact in facts()
        for question in held_questions(fact, part)
    ]


def unknown_cases(part: str = "held") -> list[Case]:
    """Questions that should be answered by not knowing."""
    must = tuple(unknowns.data()["must"])
    return [
        Case("unknown", "unknown", [HELPFUL, Turn("user", question)], must)
        for question in unknowns.held_questions(part)
    ]


def follow_cases() -> list[Case]:
    """Second questions that make sense only after the first; the first one is in held-out wording."""
    cases = []
    for fact in facts():
        for target, questions in fact.follow.items():
            talk = [
                HELPFUL,
                Turn("user", held_questions(fact)[0]),
                Turn("assistant", fact.answer),
                Turn("user", questions[0]),
            ]
            cases.append(Case("follow-up", f"{fact.id} > {target}", talk, by_id()[target].must))
    return cases


def seed_cases() -> list[Case]:
    """The documents' own sample prompts, with and without their system message."""
    first = Turn("user", "Does Azure OpenAI support customer managed keys?")
    said = Turn("assistant", "Yes, customer managed keys are supported by Azure OpenAI.")
    others = by_id()["seed-cmk-others"].must
    asked = [
        "Do other Azure AI services support this too?",
        "Which other Azure AI services do that?",
        "Is it the same for other Azure AI services?",
    ]
    systems = [
        [HELPFUL],
        [],
        [Turn("system", "You are a helpful AI assistant for developers.")],
        [Turn("system", "Help the user with Azure.")],
    ]
    cases = [
        Case("seed", "customer managed keys", [*system, first, said, Turn("user", question)], others)
        for question in asked
        for system in systems
    ]
    tasks = [
        (
            "You extract action items.",
            "Follow up with Contoso legal about the redlines.",
            ("- Follow up with Contoso legal about the redlines",),
        ),
        (
            "You extract action items.",
            "Good meeting. Brad will be away. Order new badges for the interns.",
            ("Order new badges for the interns",),
        ),
        (
            "You summarize expense notes.",
            "Taxi 23.50 EUR, hotel 310 EUR.",
            ("taxi 23.50 EUR", "hotel 310 EUR"),
        ),
        ("You summarize expense notes.", "Lunch with Fabrikam 64 USD", ("lunch.* 64 USD",)),
    ]
    cases += [
        Case("seed", "task", [Turn("system", system), Turn("user", text)], must)
        for system, text, must in tasks
    ]
    return cases


def long_cases(characters: int = 10_000) -> list[Case]:
    """Known questions after a system message of that length, by default longer than any in training."""
    sentences = read("systems")["sentences"]
    rng = random.Random("long")
    cases = []
    for case in fact_cases()[::20]:
        text = HELPFUL.text
        while len(text) < characters:
            text += " " + rng.choice(sentences)
        cases.append(Case("long", case.name, [Turn("system", text), case.talk[-1]], case.must))
    return cases


def validation_cases() -> list[Case]:
    """What is asked while training, in wording of its own, to see how far it is."""
    return fact_cases("validate") + unknown_cases("validate")


def all_cases() -> list[Case]:
    """The evaluation, but for the long prompts, which only llama.cpp reads fast enough."""
    return fact_cases() + unknown_cases() + follow_cases() + seed_cases()
