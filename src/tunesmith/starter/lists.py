"""Lists: short narratives in which things are named, and named again in the same words.

They teach what every summary rests on: to take a name, a code or an amount from further up in the
text. Nothing here retells a dialogue.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tunesmith.starter import names
from tunesmith.starter.domains import DOMAINS

OPENINGS = (
    "{a} wrote a list: {list}.",
    "{a} called out: {list}.",
    "On the board {a} saw these words: {list}.",
    "In {city}, {a} packed a box with {list}.",
    "There was a note on the door. It said {list}.",
)
REPEATS = (
    "Later {a} read it again: {list}.",
    "{b} repeated every word: {list}.",
    "In the evening {b} heard the same again: {list}.",
    "On {day} {a} still knew it by heart: {list}.",
    "{b} copied it into a book: {list}.",
)
HOLDINGS = (
    "{who} has the {what}.",
    "{who} took the {what}.",
    "The {what} belongs to {who}.",
    "{who} carries the {what}.",
)
QUESTIONS = (
    ("Who has the {what}?", "{who} has the {what}."),
    ("Whose is the {what}?", "The {what} belongs to {who}."),
    ("What does {who} have?", "{who} has the {what}."),
)
TALLIES = (
    ("{who} paid {much} under number {code}.", "{who}'s {much} stand under number {code}."),
    ("{who} comes on {day} at {time}.", "So we expect {who} on {day} at {time}."),
    ("{who} lives in {city} and waits until {date}.", "{who} in {city} waits until {date}."),
)


def generate_lists(count: int, seed: int) -> Iterator[str]:
    """Write ``count`` narratives of 40 to 110 words, the same for the same seed."""
    rng = random.Random(f"lists:{seed}")
    kinds: tuple[Callable[[random.Random], str], ...] = (_repeated, _held, _tallied)
    for _ in range(count):
        yield rng.choice(kinds)(rng)


def _repeated(rng: random.Random) -> str:
    a, b = rng.sample(names.FIRST_NAMES, 2)
    items = [_item(rng) for _ in range(rng.randint(5, 12))]
    told = ", ".join(items[:-1]) + " and " + items[-1]
    fields = {"a": a, "b": b, "list": told, "city": rng.choice(names.CITIES)}
    fields["day"] = rng.choice(names.WEEKDAYS)
    parts = [rng.choice(OPENINGS), *rng.sample(REPEATS, rng.randint(1, 2))]
    return " ".join(part.format(**fields) for part in parts)


def _held(rng: random.Random) -> str:
    people = rng.sample(names.FIRST_NAMES, rng.randint(4, 7))
    things = [f"{brand} {_product(rng)}" for brand in rng.sample(names.BRANDS, len(people))]
    pairs = list(zip(people, things, strict=True))
    lines = [rng.choice(HOLDINGS).format(who=who, what=what) for who, what in pairs]
    for who, what in rng.sample(pairs, rng.randint(2, len(pairs))):
        question, reply = rng.choice(QUESTIONS)
        lines += [question.format(who=who, what=what), reply.format(who=who, what=what)]
    return " ".join(lines)


def _tallied(rng: random.Random) -> str:
    people = rng.sample(names.FIRST_NAMES, rng.randint(3, 5))
    first: list[str] = []
    again: list[str] = []
    for who in people:
        fields = {
            "who": who,
            "much": f"{rng.randint(5, 95)} {rng.choice(names.CURRENCIES)}",
            "code": names.code(rng),
            "day": rng.choice(names.WEEKDAYS),
            "time": rng.choice(names.TIMES),
            "city": rng.choice(names.CITIES),
            "date": f"{rng.randint(1, 28)} {rng.choice(names.MONTHS)}",
        }
        said, repeated = rng.choice(TALLIES)
        first.append(said.format(**fields))
        again.append(repeated.format(**fields))
    rng.shuffle(again)
    return " ".join([*first, *again])


def _item(rng: random.Random) -> str:
    pick = rng.random()
    if pick < 0.35:
        return rng.choice(names.FIRST_NAMES)
    if pick < 0.6:
        return f"{rng.choice(names.BRANDS)} {_product(rng)}"
    if pick < 0.75:
        return rng.choice(names.CITIES)
    if pick < 0.9:
        return names.code(rng)
    return f"{rng.randint(5, 95)} {rng.choice(names.CURRENCIES)}"


def _product(rng: random.Random) -> str:
    return rng.choice(rng.choice(DOMAINS).products)
