"""The data files, read once into plain objects."""

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import yaml

DATA = Path(__file__).resolve().parent.parent / "data"


@dataclass(frozen=True)
class Fact:
    """One thing to know: how it may be asked, what to answer, and what the answer must hold."""

    id: str
    answer: str
    must: tuple[str, ...]
    kind: str = "ask"
    names: tuple[str, ...] = ()
    ask: tuple[str, ...] = ()
    held: tuple[str, ...] = ()
    validate: tuple[str, ...] = ()
    follow: dict[str, list[str]] = field(default_factory=dict)
    topic: str = "facts"


def read(name: str) -> dict:
    """One data file."""
    return yaml.safe_load((DATA / f"{name}.yaml").read_text(encoding="utf-8"))


@cache
def templates() -> dict:
    """Question templates, wrappers and synonyms."""
    return read("templates")


@cache
def _rephrased(name: str) -> dict[str, list[str]]:
    """Questions in other words, by the id of their fact."""
    return read(name)


def _fact(topic: str, entry: dict) -> Fact:
    """Turn one YAML entry into a fact, with its rephrasings; a scalar stands for a list of one."""
    lists = {
        key: tuple([entry[key]] if isinstance(entry.get(key), str) else entry.get(key) or ())
        for key in ("must", "names", "ask", "held")
    }
    lists["ask"] += tuple(_rephrased("rephrased").get(entry["id"], ()))
    return Fact(
        id=entry["id"],
        answer=entry["answer"],
        kind=entry.get("kind", "ask"),
        follow=entry.get("follow") or {},
        validate=tuple(_rephrased("validate").get(entry["id"], ())),
        topic=topic,
        **lists,
    )


@cache
def facts() -> tuple[Fact, ...]:
    """All facts, from every `facts-*.yaml`, and small talk, which has the same form."""
    found: list[Fact] = []
    for path in sorted(DATA.glob("facts-*.yaml")):
        topic = path.stem.removeprefix("facts-")
        found += [_fact(topic, entry) for entry in read(path.stem)]
    return tuple(found)


@cache
def by_id() -> dict[str, Fact]:
    """Facts by their id."""
    return {fact.id: fact for fact in facts()}
