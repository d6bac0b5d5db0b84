"""The share of held-out questions answered rightly, by the JAX model and by the GGUF in llama-server."""

from collections import defaultdict

from .chat import Conversation
from .judge import Case, all_cases, is_right, long_cases, validation_cases

GROUPS = ("known", "unknown", "chat", "follow-up", "seed", "long")


def score(cases: list[Case], answers: list[str]) -> dict[str, dict]:
    """Asked, right and share for each group of cases."""
    tally: dict[str, list[bool]] = defaultdict(list)
    for case, answer in zip(cases, answers, strict=True):
        tally[case.group].append(is_right(case, answer))
    return {
        group: {
            "asked": len(tally[group]),
            "right": sum(tally[group]),
            "share": round(sum(tally[group]) / len(tally[group]), 3),
        }
        for group in GROUPS
        if tally[group]
    }


def wrong(cases: list[Case], answers: list[str]) -> list[str]:
    """What went wrong, one line each, for whoever improves the data."""
    return [
        f"[{case.group}/{case.name}] {case.talk[-1].text!r} -> {answer!r}"
        for case, answer in zip(cases, answers, strict=True)
        if not is_right(case, answer)
    ]


def show(name: str, scores: dict[str, dict]) -> None:
    """Print one line for each group."""
    for group, each in scores.items():
        print(f"{name:10} {group:10} {each['right']:4} of {each['asked']:4} right  {each['share']:.1%}")


def talks_of(cases: list[Case]) -> list[Conversation]:
    """The conversations to answer."""
    return [case.talk for case in cases]


__all__ = ["all_cases", "long_cases", "score", "show", "talks_of", "validation_cases", "wrong"]
