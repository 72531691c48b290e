"""Alike: whether two questions ask the same, and whether two answers say the same."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from tunesmith.synthesize.gist import SMALL, WORD, gist
from tunesmith.synthesize.grounding.fold import fold
from tunesmith.synthesize.grounding.quantities import plain_powers, quantities
from tunesmith.synthesize.kinds.denial import denies

T = TypeVar("T")
CLOSE = 0.8
"""Of the words of two questions that both have (Jaccard)."""


def ask_alike(question: str, other: str) -> bool:
    """Whether two questions have the same numbers and names, and nearly the same words."""
    if fold(question).text == fold(other).text:
        return True
    a, b = gist(question), gist(other)
    return a.facts == b.facts and len(a.words & b.words) >= CLOSE * len(a.words | b.words)


def answer_alike(question: str, answer: str, other: str) -> bool:
    """Whether two answers to a question say the same, in whatever order and length.

    One of them may say words of the question again: "24 months" and "The warranty lasts 24 months".
    Where each has words of the question that the other lacks, they choose between things that were
    asked about, and differ.
    """
    if fold(answer).text == fold(other).text:
        return True
    if denies(answer) != denies(other):
        return False
    asked, a, b = _said(question), _said(answer), _said(other)
    return (
        _is_repetition(a.words, b.words, asked.words)
        and _is_repetition(a.names, b.names, asked.names)
        and _is_repetition(a.numbers, b.numbers, asked.numbers)
    )


@dataclass(frozen=True, slots=True)
class _Said:
    words: frozenset[str]
    """Those of numbers and their units left out."""
    names: frozenset[str]
    numbers: frozenset[tuple[frozenset[Fraction], frozenset[str]]]
    """By value and unit: 24 months are twenty-four months."""


def _said(text: str) -> _Said:
    plain = unicodedata.normalize("NFKC", plain_powers(text))
    found = quantities(plain)
    for one in reversed(found):
        plain = f"{plain[: one.start]} {plain[max(one.end, one.stop) :]}"
    words = {_stem(word) for word in map(str.casefold, WORD.findall(plain)) if word not in SMALL}
    numbers = frozenset((one.values, one.units) for one in found)
    return _Said(frozenset(words), gist(plain).facts, numbers)


def _stem(word: str) -> str:
    """A word without the s of a plural or a verb: it lasts, does it last?"""
    return word[:-1] if len(word) > 3 and word.endswith("s") and word.isascii() else word


def _is_repetition(a: frozenset[T], b: frozenset[T], asked: frozenset[T]) -> bool:
    return a == b or (a ^ b <= asked and (a < b or b < a))
