"""Small tasks whose answer is made from the question: lists, echoes, counting, sums, names.

They teach the network to look at what was said and to copy from it, which facts alone do not.
Each function gives one exchange: what the user says, and what the assistant answers.
"""

import random
from functools import cache

from .source import read

Exchange = tuple[str, str]


@cache
def words() -> dict:
    """The word lists."""
    return read("words")


def somebody(rng: random.Random) -> str:
    """A person, a company, or a team of one."""
    lists = words()
    return rng.choice(
        [
            rng.choice(lists["people"]),
            rng.choice(lists["companies"]),
            f"{rng.choice(lists['companies'])} {rng.choice(lists['teams'])}",
            f"{rng.choice(lists['people'])} from {rng.choice(lists['teams'])}",
            f"the {rng.choice(lists['teams'])} team",
        ]
    )


def action(rng: random.Random) -> str:
    """One thing to do, as an imperative without its full stop."""
    text = rng.choice(words()["actions"]).format(who=somebody(rng), what=rng.choice(words()["subjects"]))
    return f"{text} {rng.choice(words()['dates'])}" if rng.random() < 0.35 else text


def action_items(rng: random.Random) -> Exchange:
    """Notes with things to do and remarks; the answer lists the former."""
    if rng.random() < 0.06:
        remarks = rng.sample(words()["remarks"], rng.randint(1, 3))
        return " ".join(remarks), "There are no action items."
    items = [action(rng) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4]))]
    sentences = [_spoken(item, rng) for item in items]
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        sentences.insert(rng.randint(0, len(sentences)), rng.choice(words()["remarks"]))
    glue = rng.choice([" ", " ", " ", "\n"])
    return glue.join(sentences), "Action items:\n" + "\n".join(f"- {item}." for item in items)


def _spoken(item: str, rng: random.Random) -> str:
    """An action as it stands in notes: mostly as it is, now and then inside a sentence."""
    roll = rng.random()
    small = item[0].lower() + item[1:]
    if roll < 0.12:
        return f"Please {small}."
    if roll < 0.22:
        return f"We need to {small}."
    if roll < 0.28:
        return f"Don't forget to {small}."
    return item + rng.choice([".", ".", ".", "!", "."])


def amount(rng: random.Random) -> str:
    """A sum of money."""
    low, high = rng.choice([(2, 99), (2, 99), (100, 999), (1000, 2500)])
    whole = rng.randint(low, high)
    return str(whole) if rng.random() < 0.5 else f"{whole}.{rng.randint(0, 99):02d}"


def expense_note(rng: random.Random) -> Exchange:
    """A note of expenses; the answer counts and lists them in one form."""
    lists = words()
    items = rng.sample(lists["expenses"], rng.choice([1, 2, 2, 3, 3, 4, 5]))
    currency = rng.choice(lists["currencies"])
    form = rng.choice(lists["expense_forms"])
    pairs = [(item, amount(rng)) for item in items]
    noted = [form.format(item=item, amount=cost, currency=currency) for item, cost in pairs]
    note = rng.choice([", ", ", ", "; ", "\n", ". "]).join(noted)
    if rng.random() < 0.5:
        note = note[0].upper() + note[1:]
    if rng.random() < 0.5:
        note += "."
    if rng.random() < 0.2:
        note = rng.choice(words()["trip_forms"]) + note
    count = f"{len(items)} expense" + ("s" if len(items) > 1 else "")
    return note, f"{count}: " + ", ".join(f"{item} {cost} {currency}" for item, cost in pairs) + "."


def echo(rng: random.Random) -> Exchange:
    """Say what the user wants said."""
    text = rng.choice(words()["things"])
    if rng.random() < 0.4:
        text = f"{rng.choice(words()['people'])} {text}"
    form = rng.choice(words()["echo_forms"])
    return form.format(text), text[0].upper() + text[1:] + "."


def count_up(rng: random.Random) -> Exchange:
    """Count to a small number, in digits or words."""
    top = 10 if rng.random() < 0.5 else rng.randint(2, 12)
    form = rng.choice(words()["count_forms"])
    name = rng.choice([str(top), words()["numbers"][top]])
    return form.format(name), ", ".join(str(i) for i in range(1, top + 1)) + "."


def add_up(rng: random.Random) -> Exchange:
    """Sums, differences and products of one-digit numbers."""
    a, b = rng.randint(0, 10), rng.randint(0, 10)
    sign, word = rng.choice([("+", "plus"), ("+", "plus"), ("+", "plus"), ("-", "minus"), ("*", "times")])
    if sign == "-" and b > a:
        a, b = b, a
    result = {"+": a + b, "-": a - b, "*": a * b}[sign]
    shown = rng.choice([f"{a} {sign} {b}", f"{a}{sign}{b}", f"{a} {word} {b}"])
    form = rng.choice(words()["sum_forms"])
    return form.format(shown), f"{a} {sign} {b} = {result}."


def own_name(rng: random.Random) -> list[Exchange]:
    """The user gives a name and asks for it again."""
    name = rng.choice(words()["people"]) if rng.random() < 0.6 else _new_name(rng)
    give = rng.choice(words()["give_name_forms"]).format(name)
    ask = rng.choice(words()["ask_name_forms"])
    return [(give, f"Nice to meet you, {name}! How can I help you?"), (ask, f"Your name is {name}.")]


def _new_name(rng: random.Random) -> str:
    """A name that is in no list."""
    parts = [rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 3))]
    return "".join(parts).capitalize() + rng.choice(["", "n", "s", "r", "l"])


def unknown_name(rng: random.Random) -> Exchange:
    """The user asks for a name that was never given."""
    return rng.choice(words()["ask_name_forms"]), "I don't know your name. You have not told me."
