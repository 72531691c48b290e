"""Gist: a question or an answer as the words that carry it, and the facts that must not differ.

Two texts say nearly the same where they share most words, in whatever order; they ask for
different things where a number or a name differs, however much else they share.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np

from tunesmith.checks.keys import text_key
from tunesmith.synthesize.grounding.chinese_names import PLACES, quoted
from tunesmith.synthesize.grounding.common_words import is_common
from tunesmith.synthesize.grounding.figures import is_meant
from tunesmith.synthesize.grounding.quantities import quantities

WORD = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+(?:['’][^\W\d_]+)?"
)
HAN = re.compile("[\u3400-\u9fff]")
LATIN_WORD = re.compile(r"[^\W\d_][\w-]*")
WITHIN = re.compile(r"[\w,;'’)\"] ?$")
"""In front of a word that begins no sentence."""
SMALL = frozenset(
    "a an the of in on at to for by with from as and or is are was were be been being do does "
    "did has "
    "have had it its this that these those there can could will would shall should may might must "
    "el la los las un una de del en y o es son se que por para con su al lo "
    "的 了 在 是 有 和 与 及 也 就 都 而 被 把 将 于 为 以 之 其 吗 呢 啊 吧 着 过 得 地 这 "
    "那 个 请 问".split()
)
"""Words that may come and go without a change of sense."""


@dataclass(frozen=True, slots=True)
class Gist:
    """What is compared of a text."""

    words: frozenset[int]
    """Hashes of 16 bits: of words, in Chinese of characters."""
    facts: frozenset[str]
    """Numbers with their units, and names."""


def gist(text: str) -> Gist:
    """The gist of a question or an answer."""
    plain = unicodedata.normalize("NFKC", text)
    parts = WORD.findall(plain)
    words = {part.casefold() for part in parts}
    carrying = words - SMALL or words
    return Gist(frozenset(map(_hash, carrying)), frozenset(_facts(plain, parts)))


def _hash(word: str) -> int:
    return int(np.frombuffer(text_key(word)[:2], "<u2")[0])


def _facts(text: str, parts: list[str]) -> set[str]:
    facts: set[str] = set()
    covered: list[tuple[int, int]] = []
    for one in quantities(text):
        is_said = one.is_ordinal and min(one.values) == 1  # "first", which is rarely counted
        if not is_said and (one.form == "words" or is_meant(text, one)):
            facts.add(f"{float(min(one.values)):g} {' '.join(sorted(one.units))}")
        covered.append((one.start, one.end))
    for word in LATIN_WORD.finditer(text):
        is_within = WITHIN.search(text, max(0, word.start() - 2), word.start())
        if word[0] != word[0].lower() and (is_within or not is_common(word[0])):
            facts.add(word[0].casefold())
    if HAN.search(text):
        facts.update(quoted(text))
        facts.update(place for place in PLACES if place in text)
        facts.update(part.casefold() for part in parts if part.isascii() and part[0].isalpha())
    return facts
