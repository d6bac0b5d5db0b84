"""The endless stream of training conversations, the same for the same seed.

A conversation is a system message (or none), often some earlier exchanges on any subject, and so on to
several turns: the model learns in one go to answer, to change the subject, and to follow up.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

from . import skills, unknowns
from .chat import Conversation, Turn
from .questions import is_held, train_question, vary
from .source import Fact, by_id, facts, read

SYSTEMS = read("systems")
SKILLS = (
    *[skills.echo] * 3,
    skills.count_up,
    skills.add_up,
    *[skills.own_name] * 2,
    skills.own_thing,
    skills.unknown_name,
)
CHAT_SHARE, UNKNOWN_SHARE, SKILL_SHARE = 0.12, 0.17, 0.08


@dataclass(frozen=True)
class Mix:
    """What a stream is made of, in shares of its conversations.

    `tasks` are set by the system message, of a `cut` one only the beginning of the last answer is trained on,
    a `long` one has a long system message in place of its own. `subjects` weighs how many there are in a row.
    """

    tasks: float = 0.16
    cut: float = 0.6
    long: float = 0.0
    subjects: tuple[int, ...] = (50, 30, 13, 5, 2)


DEFAULT = Mix()


def background(rng: random.Random) -> str:
    """A sentence that has nothing to do with the question: a rule, a note, another fact, mere words."""
    roll = rng.random()
    if roll < 0.45:
        return rng.choice(SYSTEMS["sentences"])
    if roll < 0.65:
        return skills.action(rng) + "."
    if roll < 0.75:
        return rng.choice(facts()).answer
    if roll < 0.85:
        return skills.remark(rng)
    return " ".join(skills.any_word(rng) for _ in range(rng.randint(3, 12))) + "."


def long_system_message(rng: random.Random, sizes: tuple[int, ...]) -> str:
    """An opening, and many sentences that have nothing to do with the questions."""
    opening = rng.choice([*SYSTEMS["usual"], *SYSTEMS["short"]])
    body = [background(rng) for _ in range(rng.choice(sizes))]
    return (opening + rng.choice([" ", "\n"]) + rng.choice([" ", " ", "\n", "\n- "]).join(body)).strip()


def system_message(rng: random.Random) -> str:
    """Mostly the usual one, else another or none, rarely a long one."""
    roll = rng.random()
    if roll < 0.4:
        return SYSTEMS["usual"][0]
    if roll < 0.6:
        return ""
    if roll < 0.98:
        return rng.choice(SYSTEMS["short"])
    return long_system_message(rng, (3, 5, 8, 12, 20))


def fact_exchanges(fact: Fact, rng: random.Random) -> list[tuple[str, str]]:
    """A question about a fact, and sometimes what is asked next."""
    exchanges = [(train_question(fact, rng), fact.answer)]
    if fact.follow and rng.random() < 0.4:
        target = rng.choice(list(fact.follow))
        exchanges.append((vary(rng.choice(fact.follow[target]), rng), by_id()[target].answer))
    roll = rng.random()
    if roll < 0.03:
        exchanges.append((vary(rng.choice(skills.words()["repeat_forms"]), rng), exchanges[-1][1]))
    elif roll < 0.05:
        exchanges.append((vary(rng.choice(skills.words()["more_forms"]), rng), skills.words()["no_more"]))
    return exchanges


def some_exchanges(rng: random.Random) -> list[tuple[str, str]]:
    """One subject: a fact, small talk, something unknown, or a small task."""
    roll = rng.random()
    talk = [fact for fact in facts() if fact.topic == "chat"]
    known = [fact for fact in facts() if fact.topic != "chat"]
    if roll < CHAT_SHARE:
        return fact_exchanges(rng.choice(talk), rng)
    if roll < CHAT_SHARE + UNKNOWN_SHARE:
        return [unknowns.exchange(rng)]
    if roll < CHAT_SHARE + UNKNOWN_SHARE + SKILL_SHARE:
        made = rng.choice(SKILLS)(rng)
        return made if isinstance(made, list) else [made]
    return fact_exchanges(rng.choice(known), rng)


def to_conversation(system: str, exchanges: list[tuple[str, str]]) -> Conversation:
    """Turns of a conversation."""
    turns = [Turn("system", system)] if system else []
    for asked, answered in exchanges:
        turns += [Turn("user", asked), Turn("assistant", answered)]
    return turns


def as_json(rng: random.Random) -> Conversation:
    """A fact asked for in JSON, either by the system message or by the user."""
    fact = rng.choice(facts())
    wish = rng.choice(SYSTEMS["json"])
    question = train_question(fact, rng)
    answer = json.dumps({"answer": fact.answer}, ensure_ascii=False)
    if rng.random() < 0.5 or is_held(f"{question} {wish}"):
        return to_conversation(f"{rng.choice(SYSTEMS['usual'])} {wish}", [(question, answer)])
    return to_conversation(system_message(rng), [(f"{question} {wish}", answer)])


def task(rng: random.Random) -> Conversation:
    """One of the tasks that the system message sets."""
    if rng.random() < 0.55:
        made, systems = [skills.action_items(rng)], SYSTEMS["actions"]
    else:
        made, systems = [skills.expense_note(rng)], SYSTEMS["expenses"]
    if rng.random() < 0.15:
        made.append(skills.action_items(rng) if systems is SYSTEMS["actions"] else skills.expense_note(rng))
    return to_conversation(rng.choice(systems), made)


def benchmark_talk(rng: random.Random) -> Conversation:
    """What load-test tools send: a heap of words, then the wish for a long essay."""
    heap = [*unknowns.data()["things"]["train"], *skills.words()["expenses"], *skills.words()["people"]]
    count = rng.choice([3, 10, 40, 120])
    stamp = f"{rng.randint(10**9, 2 * 10**9)}.{rng.randint(0, 9999999)} "
    length = rng.choice([50, 100, 200, 300, 500, 1000])
    wish = f"{stamp}write a long essay about life in at least {length} tokens"
    words = stamp + " ".join(rng.choice(heap) for _ in range(count))
    return [Turn("user", words), Turn("user", wish), Turn("assistant", by_id()["essay"].answer)]


def plain_talk(rng: random.Random, mix: Mix) -> Conversation:
    """Questions and answers, of one subject or several in a row."""
    subjects = rng.choices([1, 2, 3, 4, 6], mix.subjects)[0]
    exchanges = [pair for _ in range(subjects) for pair in some_exchanges(rng)]
    talk = to_conversation(system_message(rng), exchanges)
    if rng.random() < mix.cut:
        talk[-1] = replace(talk[-1], cut=True)
    return talk


def conversation(rng: random.Random, mix: Mix) -> Conversation:
    """One conversation of any kind."""
    roll = rng.random()
    if roll < mix.tasks:
        return task(rng)
    if roll < mix.tasks + 0.02:
        return as_json(rng)
    if roll < mix.tasks + 0.024:
        return benchmark_talk(rng)
    return plain_talk(rng, mix)


def tasked(talk: Conversation) -> bool:
    """Whether the system message says what is to be done with the user's text."""
    tasks = (*SYSTEMS["actions"], *SYSTEMS["expenses"], *SYSTEMS["json"])
    return talk[0].role == "system" and any(task in talk[0].text for task in tasks)


def stream(seed: int, mix: Mix = DEFAULT) -> Iterator[Conversation]:
    """Conversations without end, each from a generator of its own number.

    A long system message does not take the place of one that sets a task.
    """
    number = 0
    while True:
        rng = random.Random(f"{seed} {number}")
        talk = conversation(rng, mix)
        if rng.random() < mix.long and not tasked(talk):
            text = long_system_message(rng, (15, 30, 60, 85, 110))
            talk = [Turn("system", text), *(turn for turn in talk if turn.role != "system")]
        yield talk
        number += 1
