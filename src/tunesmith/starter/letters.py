"""Letters: short narratives in which somebody gives name, place and times, and is quoted later.

They are for a second round of pre-training: names and days are told first and asked for much
further down, with others in between, so that the model must look back to the right one. Nothing
here retells a support dialogue.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from tunesmith.starter import names
from tunesmith.starter.domains import DOMAINS

INTRODUCTIONS = (
    "My name is {who} and I live in {city}.",
    "This is {who} from {city}.",
    "I am {who}.",
    "{who} here.",
    "Hello, it is {who}.",
)
REMARKS = (
    "I will come on {day} at {time}.",
    "I can wait until {date}.",
    "It takes me {span}.",
    "I have {much} with me.",
    "My {thing} comes too.",
    "{other} may call on {spare}, but I will not.",
    "First I thought of {spare}. Now I say {day}.",
    "Ask for {other} if I am late.",
)
QUOTES = (
    ("{who}'s {thing} comes too.", ("thing",)),
    ("{who} comes on {day} at {time}.", ("day", "time")),
    ("{who} waits until {date}.", ("date",)),
    ("It takes {who} {span}.", ("span",)),
    ("{who} has {much}.", ("much",)),
    ("{who} lives in {city}.", ("city",)),
)
DAYS = (
    "{a} counted the days aloud: {days}. {b} wrote them down: {days}.",
    "The dates on the wall were {days}. {a} learnt them: {days}.",
)


def generate_letters(count: int, seed: int) -> Iterator[str]:
    """Write ``count`` narratives of 20 to 120 words, the same for the same seed."""
    rng = random.Random(f"letters:{seed}")
    kinds: tuple[Callable[[random.Random], str], ...] = (_letter, _letter, _letters, _days)
    for _ in range(count):
        yield rng.choice(kinds)(rng)


def _fields(rng: random.Random, who: str, other: str) -> dict[str, str]:
    day, spare = rng.sample(names.WEEKDAYS, 2)
    product = rng.choice(rng.choice(DOMAINS).products)
    return {
        "who": who,
        "other": other,
        "city": rng.choice(names.CITIES),
        "day": day,
        "spare": spare,
        "time": rng.choice(names.TIMES),
        "date": f"{rng.randint(1, 28)} {rng.choice(names.MONTHS)}",
        "span": rng.choice(names.SPANS),
        "much": f"{rng.randint(5, 95)} {rng.choice(names.CURRENCIES)}",
        "thing": f"{rng.choice(names.BRANDS)} {product}",
    }


def _told(rng: random.Random, fields: dict[str, str]) -> tuple[list[str], list[str]]:
    """What one person writes, and what can be quoted of it."""
    remarks = rng.sample(REMARKS, rng.randint(2, 4))
    lines = [rng.choice(INTRODUCTIONS), *remarks]
    slots = {slot for line in lines for slot in fields if f"{{{slot}}}" in line}
    quotes = [quote for quote, needed in QUOTES if slots.issuperset(needed)]
    return [line.format(**fields) for line in lines], [q.format(**fields) for q in quotes]


def _letter(rng: random.Random) -> str:
    who, other = rng.sample(names.FIRST_NAMES, 2)
    lines, quotes = _told(rng, _fields(rng, who, other))
    rng.shuffle(quotes)
    return " ".join([*lines, *(quotes or [f"So says {who}."])])


def _letters(rng: random.Random) -> str:
    people = rng.sample(names.FIRST_NAMES, rng.randint(2, 3))
    told: list[str] = []
    asked: list[str] = []
    for who in people:
        lines, quotes = _told(rng, _fields(rng, who, rng.choice(names.FIRST_NAMES)))
        told += lines
        asked += quotes
    rng.shuffle(asked)
    return " ".join(told + asked)


def _days(rng: random.Random) -> str:
    a, b = rng.sample(names.FIRST_NAMES, 2)
    items = [
        rng.choice(
            (
                rng.choice(names.WEEKDAYS),
                f"{rng.randint(1, 28)} {rng.choice(names.MONTHS)}",
                rng.choice(names.SPANS),
                rng.choice(names.FIRST_NAMES),
            )
        )
        for _ in range(rng.randint(5, 10))
    ]
    return rng.choice(DAYS).format(a=a, b=b, days=", ".join(items))
