"""Fold: a text as only what tells it from another, each character with its place in the original.

White space, punctuation and case go; letters, digits and signs that change a meaning stay. So a
quote is found by searching a string, in linear time, whatever was done to its lines and quotation
marks.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache

SIGNS = frozenset("%‰&@+=<>$€£¥₩°×÷±≤≥≠√")
"""Signs that are kept although they are no letters: 5 % is not 5."""
DASHES = frozenset("-‐‑‒–—−﹣-~∼〜～")
JOINS = {".": ".", ",": ",", ":": ":", "/": "/", "٫": ".", "'": ",", "’": ","}
"""What parts the digits of one number or time, with nothing else around it."""
APART = " "
"""Between digits that do not touch: 12 and 5 are not 125."""
IGNORED = re.compile("[\u00ad\u200b-\u200f\u2060\ufe00-\ufe0f\ufeff]")


@dataclass(frozen=True, slots=True)
class Folded:
    """A text that was folded."""

    text: str
    places: tuple[int, ...]
    """For each of its characters the offset of the original one it was made of."""


@lru_cache(maxsize=64)
def fold(text: str) -> Folded:
    """Folds a text.

    Full-width and other compatibility forms become plain ones, accents are told apart from their
    letters (so composed and decomposed forms are equal), a hyphen at a line's end is lost like
    every other between letters.
    """
    made: list[str] = []
    places: list[int] = []
    between: list[str] = []
    first_between = 0
    for place, original in enumerate(text):
        for char in _plain(original):
            if not _is_kept(char, text, place):
                if not between:
                    first_between = place
                between.append(char)
                continue
            if between:
                joint = _joint(made, between, char)
                if joint:
                    made.append(joint)
                    places.append(first_between)
                between.clear()
            made.append(char)
            places.append(place)
    return Folded("".join(made), tuple(places))


@lru_cache(maxsize=8192)
def _plain(char: str) -> str:
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKC", char).casefold())


def _is_kept(char: str, text: str, place: int) -> bool:
    if char.isalnum() or char in SIGNS:
        return True
    if char == "#":  # C# is no C; a heading's mark is nothing
        return place > 0 and text[place - 1].isalnum()
    return unicodedata.category(char) in {"Mn", "Mc"} and not IGNORED.match(char)


def _joint(made: list[str], between: list[str], char: str) -> str:
    """What is kept of punctuation and space in front of a character that is kept."""
    if not char.isdigit():
        return ""
    if not made or not made[-1].isdigit():
        # A minus stands free before its digits: "at -5 °C".
        is_free = len(between) < 2 or between[-2].isspace() or between[-2] in "([|"
        is_minus = between[-1] in "-−" and is_free and (not made or len(between) > 1)
        return "-" if is_minus else ""
    inner = [one for one in between if not one.isspace() and not IGNORED.match(one)]
    if len(inner) == 1 and inner[0] in DASHES:
        return "-"
    return JOINS.get(inner[0], APART) if len(inner) == 1 == len(between) else APART
