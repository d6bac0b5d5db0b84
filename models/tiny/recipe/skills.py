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
    person = rng.choice(lists["people"]) if rng.random() < 0.6 else new_name(rng)
    company = rng.choice(lists["companies"]) if rng.random() < 0.7 else new_name(rng)
    team = rng.choice(lists["teams"])
    return rng.choice([person, company, f"{company} {team}", f"{person} from {team}", f"the {team} team"])


def action(rng: random.Random) -> str:
    """One thing to do, as an imperative without its full stop.

    Verbs and objects come together in so many ways that copying is easier to learn than the phrases.
    """
    lists = words()
    roll = rng.random()
    if roll < 0.4:
        subject = rng.choice(lists["subjects"]) if rng.random() < 0.7 else f"the {thing(rng)}"
        text = rng.choice(lists["actions"]).format(who=somebody(rng), what=subject)
    elif roll < 0.8:
        text = f"{rng.choice(lists['verbs'])} {rng.choice(['the ', ''])}{thing(rng)}"
        if rng.random() < 0.5:
            text += " " + rng.choice(lists["purposes"]).format(who=somebody(rng))
    else:
        text = rng.choice(read("unknown")["doings"]["train"])
        text = text[0].upper() + text[1:]
    return f"{text} {rng.choice(lists['dates'])}" if rng.random() < 0.25 else text


def thing(rng: random.Random) -> str:
    """An object, some with an adjective, some with a name that is in no list."""
    lists = words()
    name = rng.choice(lists["objects"]) if rng.random() < 0.85 else new_name(rng).lower()
    return f"{rng.choice(lists['adjectives'])} {name}" if rng.random() < 0.5 else name


def action_items(rng: random.Random) -> Exchange:
    """Notes with things to do and remarks; the answer lists the former."""
    if rng.random() < 0.06:
        return " ".join(remark(rng) for _ in range(rng.randint(1, 3))), "There are no action items."
    items = [action(rng) for _ in range(rng.choice([1, 1, 1, 2, 2, 3, 4]))]
    sentences = [_spoken(item, rng) for item in items]
    for _ in range(rng.choice([0, 0, 0, 1, 2])):
        sentences.insert(rng.randint(0, len(sentences)), remark(rng))
    glue = rng.choice([" ", " ", " ", "\n"])
    return glue.join(sentences), "Action items:\n" + "\n".join(f"- {item}." for item in items)


def remark(rng: random.Random) -> str:
    """A sentence of a meeting's notes with nothing to do in it."""
    lists = words()
    if rng.random() < 0.4:
        return rng.choice(lists["remarks"])
    form = rng.choice(lists["remark_forms"])
    text = form.format(who=somebody(rng), what=thing(rng), town=rng.choice(lists["towns"]))
    return text[0].upper() + text[1:]


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
    items = [expense_detail(rng) if rng.random() < 0.4 else item for item in items]
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


def expense_detail(rng: random.Random) -> str:
    """What was paid for, with more to copy than one of the usual words."""
    lists = words()
    place = rng.choice(lists["towns"]) if rng.random() < 0.7 else new_name(rng)
    return rng.choice(lists["expense_details"]).format(
        who=somebody(rng),
        place=place,
        object=rng.choice(lists["objects"]),
        adjective=rng.choice(lists["adjectives"]),
    )


def echo(rng: random.Random) -> Exchange:
    """Say what the user wants said."""
    roll = rng.random()
    if roll < 0.3:
        text = rng.choice(words()["things"])
    elif roll < 0.6:
        text = action(rng)
    else:
        text = " ".join(any_word(rng) for _ in range(rng.randint(1, 6)))
    form = rng.choice(words()["echo_forms"])
    return form.format(text), text[0].upper() + text[1:] + "."


def any_word(rng: random.Random) -> str:
    """A word from any list, a name, or a number."""
    lists = words()
    roll = rng.random()
    if roll < 0.25:
        return new_name(rng)
    if roll < 0.35:
        return str(rng.randint(0, 9999))
    kind = rng.choice(["people", "adjectives", "objects", "verbs", "towns", "expenses"])
    return str(rng.choice(lists[kind]))


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
    name = rng.choice(words()["people"]) if rng.random() < 0.6 else new_name(rng)
    give = rng.choice(words()["give_name_forms"]).format(name)
    ask = rng.choice(words()["ask_name_forms"])
    return [(give, f"Nice to meet you, {name}! How can I help you?"), (ask, f"Your name is {name}.")]


def new_name(rng: random.Random) -> str:
    """A name that is in no list."""
    parts = [rng.choice("bdfgklmnprstvz") + rng.choice("aeiou") for _ in range(rng.randint(2, 3))]
    return "".join(parts).capitalize() + rng.choice(["", "n", "s", "r", "l"])


def own_thing(rng: random.Random) -> list[Exchange]:
    """The user tells something and asks for it again."""
    thing = rng.choice(words()["belongings"])
    value = any_word(rng)
    tell = rng.choice(words()["tell_forms"]).format(thing=thing, value=value)
    ask = rng.choice(words()["recall_forms"]).format(thing=thing)
    return [(tell, f"Noted: your {thing} is {value}."), (ask, f"Your {thing} is {value}.")]


def unknown_name(rng: random.Random) -> Exchange:
    """The user asks for a name that was never given."""
    return rng.choice(words()["ask_name_forms"]), "I don't know your name. You have not told me."
