"""Plain short narratives in which names, objects, lists and codes come back again."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

from tunesmith.starter import names
from tunesmith.starter.plots import PLOTS
from tunesmith.starter.plots_more import ENDINGS, INTERLUDES, MORE_PLOTS

ALL_PLOTS = (*PLOTS, *MORE_PLOTS)
MIN_WORDS, MAX_WORDS = 60, 150

THINGS: tuple[str, ...] = (
    "lamp", "ring", "violin", "map", "clock", "drum", "mirror", "teapot", "coat", "hat", "flute",
    "basket", "candle", "kite", "chair", "key", "bell", "book", "umbrella", "knife", "blanket",
    "bottle", "compass", "spoon", "boot", "scarf", "hammer", "jar", "picture", "ladder", "radio",
    "axe", "oar", "apron", "whistle", "pocket watch", "wooden horse", "glass bowl", "paper bird",
)  # fmt: skip
COLOURS: tuple[str, ...] = (
    "red", "blue", "green", "grey", "golden", "silver", "yellow", "purple", "orange", "pale",
)  # fmt: skip
ANIMALS: tuple[str, ...] = (
    "cat", "dog", "goat", "crow", "fox", "donkey", "hen", "heron", "horse", "mouse", "squirrel",
    "goose", "hedgehog", "rabbit", "pony", "parrot",
)  # fmt: skip
FOODS: tuple[str, ...] = (
    "soup", "bread", "rice", "apple cake", "cheese", "bean stew", "fish pie", "roast corn",
    "plum jam", "flatbread", "porridge", "lentil soup", "potato salad", "onion tart", "cold ham",
)  # fmt: skip
SPOTS: tuple[str, ...] = (
    "the old mill", "the harbour", "the library", "the bakery", "the clock tower", "the bridge",
    "the boat house", "the school", "the station", "the lighthouse", "the barn", "the market hall",
    "the chapel", "the water tower", "the forest hut", "the theatre", "the empty shop",
)  # fmt: skip
JOBS: tuple[str, ...] = (
    "baker", "tailor", "teacher", "sailor", "farmer", "nurse", "painter", "clockmaker", "gardener",
    "postman", "carpenter", "engineer", "actor", "beekeeper", "shoemaker", "potter",
)  # fmt: skip
WEATHER: tuple[str, ...] = (
    "it rained hard", "snow was falling", "the wind howled", "the sun burned", "fog lay everywhere",
    "it was bitterly cold", "thunder rolled over the hills", "the moon was full",
)  # fmt: skip
ITEMS: tuple[str, ...] = (
    "salt", "honey", "flour", "rope", "soap", "ginger", "butter", "wool", "pepper", "ink", "paper",
    "sugar", "wax", "milk", "garlic", "tea", "sand", "chalk", "thread", "oil", "mint", "coffee",
    "vinegar", "cotton", "clay", "cinnamon", "glue", "silk",
)  # fmt: skip
FRAGILE: tuple[str, ...] = (
    "teapot", "vase", "mirror", "clock", "lamp", "glass bowl", "music box", "jar", "plate",
    "china cup", "toy boat", "picture frame", "violin", "wooden horse", "paper kite",
)  # fmt: skip
TOOLS: tuple[str, ...] = (
    "hammer", "needle", "brush", "knife", "file", "saw", "pair of scissors", "lens", "chisel",
    "spoon", "hook", "old pen", "long ruler",
)  # fmt: skip
EDIBLES: tuple[str, ...] = (
    "salt", "honey", "ginger", "butter", "pepper", "sugar", "garlic", "mint", "cream", "lemon",
    "cinnamon", "onion", "vinegar", "thyme", "walnut", "plum",
)  # fmt: skip
DIGITS: tuple[str, ...] = (
    "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "zero",
)  # fmt: skip


_START = re.compile(r'(^|[.?!] |(?:^|\s)")([a-z])')


def generate_stories(count: int, seed: int) -> Iterator[str]:
    """Yield `count` different stories of 60 to 150 words, the same ones for the same `seed`."""
    rng = random.Random(f"stories:{seed}")
    seen: set[str] = set()
    while len(seen) < count:
        text = _tell(rng)
        if text not in seen and MIN_WORDS <= len(text.split()) <= MAX_WORDS:
            seen.add(text)
            yield text


def _tell(rng: random.Random) -> str:
    """Return one story of any length, or "" where its main person is named only once."""
    slots = _slots(rng)
    beats = [rng.choice(beat) for beat in rng.choice(ALL_PLOTS)]
    for interlude in rng.sample(INTERLUDES, rng.choice((0, 1, 2, 3, 3, 4))):
        beats.insert(rng.randint(2, len(beats) - 1), interlude)
    if rng.random() < 0.4:
        beats.append(rng.choice(ENDINGS))
    text = " ".join(_capitalise(beat.format_map(slots)) for beat in beats if beat)
    return text if text.count(slots["a"]) > 1 else ""


def _capitalise(text: str) -> str:
    """Return `text` with a capital at its start, after a full stop and after an opening quote."""
    return _START.sub(lambda match: match[1] + match[2].upper(), text)


def _slots(rng: random.Random) -> dict[str, str]:
    """Draw the people, objects and codes of one story."""
    a, b, c = rng.sample(names.FIRST_NAMES, 3)
    thing, other = rng.sample(THINGS, 2)
    day, next_day = rng.sample(names.WEEKDAYS, 2)
    items, edibles = rng.sample(ITEMS, 4), rng.sample(EDIBLES, 3)
    job, colour = rng.choice(JOBS), rng.choice(COLOURS)
    return {
        "a": a,
        "b": b,
        "c": c,
        "thing": thing,
        "a_thing": names.with_article(thing),
        "other": other,
        "a_other": names.with_article(other),
        "fragile": rng.choice(FRAGILE),
        "tool": rng.choice(TOOLS),
        "colour": colour,
        "a_colour": names.with_article(colour),
        "animal": rng.choice(ANIMALS),
        "food": rng.choice(FOODS),
        "place": rng.choice(names.CITIES),
        "spot": rng.choice(SPOTS),
        "job": job,
        "a_job": names.with_article(job),
        "day": day,
        "next_day": next_day,
        "month": rng.choice(names.MONTHS),
        "time": rng.choice(names.TIMES),
        "weather": rng.choice(WEATHER),
        "code": names.code(rng),
        "wrong_code": names.code(rng),
        "n": rng.choice(names.NUMBER_WORDS),
        "digits": " ".join(rng.choices(DIGITS, k=rng.randint(4, 7))),
        "brand": rng.choice(names.BRANDS),
        **dict(zip("wxyz", items, strict=True)),
        **dict(zip(("edible_w", "edible_x", "edible_y"), edibles, strict=True)),
    }
