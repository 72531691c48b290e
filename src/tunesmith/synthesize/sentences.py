"""Sentences: where a text may be parted, in languages with and without spaces."""

from __future__ import annotations

import re
import unicodedata
from itertools import pairwise

Span = tuple[int, int]

CLOSING = "\"'”’»)\\]}）」』】》〉〕］｝"
END = re.compile(
    rf"[。！？｡．…]+[{CLOSING}]*\s*"  # behind these no space is needed
    # Runs are looked at once, from their beginning: a page of dots would take for ever else.
    rf"|(?<![.!?])[.!?]++[{CLOSING}]*+(?:\s+|$)"
    r"|\n\s*\n\s*"
)
ABBREVIATIONS = frozenset(
    # Before names, numbers and examples; a full stop behind them ends nothing.
    "mr mrs ms dr prof st sr sra srta dra ing lic gen col sgt capt rev hon pres gov sen rep "
    "no nos nr núm num art arts fig figs tab eq eqs sec ch chap vol pp pág págs p ed eds approx "
    "ca cf vs viz al e.g i.e p.ej ej u.s u.k inc ltd co corp dept est jan feb mar apr jun jul aug "
    "sep sept oct nov dec av avda c tel ext máx mín ee.uu".split()
)
LONGEST_LEAD = 12
"""Characters of a list's number and the space around it."""
WORD_BEFORE = re.compile(r"([^\s(\[{“\"'¿¡]+)\.$")
NEVER_PARTED = ("\u200d", "\ufe0e", "\ufe0f", "\u20e3")
"""Joiners and marks that belong to the character before them; the first to the one behind too."""


def sentences(text: str, start: int = 0, end: int | None = None) -> list[Span]:
    """Sentences of a stretch of text, each with the white space behind it.

    A line end within a paragraph parts nothing, an empty line does.

    Args:
        text: in English, Spanish, Chinese, Japanese, Korean or a language like these.
        start: where the stretch begins.
        end: where it ends; None: with the text.

    Returns:
        Spans in order that cover the stretch without a gap.
    """
    end = len(text) if end is None else end
    cuts = [start]
    for found in END.finditer(text, start, end):
        if found.end() < end and _ends_here(text, found, cuts[-1]):
            cuts.append(found.end())
    return [*pairwise([*cuts, end])] if end > start else []


def _ends_here(text: str, found: re.Match[str], start: int) -> bool:
    """Whether a sentence ends, and not an abbreviation or a number of a list."""
    if "\n" in found[0] and not found[0].strip():
        return True
    if not found[0].startswith("."):
        return True
    behind = text[found.end() : found.end() + 1]
    if behind.islower():  # "approx. five", "etc. and"
        return False
    before = WORD_BEFORE.search(text[max(start, found.start() - 24) : found.start() + 1])
    if before is None or found[0].startswith(".."):
        return True
    word = before[1].lower()
    is_initial = len(word) == 1 and word.isalpha() and word.isascii()
    lead = text[start : found.start()] if found.start() - start <= LONGEST_LEAD else word + "x"
    is_list_number = word.isdigit() and not lead.strip(" \n\t0123456789")
    return not (word in ABBREVIATIONS or is_initial or is_list_number)


def may_part(text: str, place: int) -> bool:
    """Whether a text can be cut at a place without breaking a character that a reader sees."""
    if not 0 < place < len(text):
        return True
    before, behind = text[place - 1], text[place]
    if before == "\r" and behind == "\n":
        return False
    if behind in NEVER_PARTED or before == "\u200d" or unicodedata.combining(behind):
        return False
    if unicodedata.category(behind) in ("Mc", "Me") or "\U0001f3fb" <= behind <= "\U0001f3ff":
        return False
    return not (_is_flag(before) and _is_flag(behind) and _n_flags_before(text, place) % 2)


def _is_flag(char: str) -> bool:
    return "\U0001f1e6" <= char <= "\U0001f1ff"


def _n_flags_before(text: str, place: int) -> int:
    n = 0
    while place - n > 0 and _is_flag(text[place - n - 1]):
        n += 1
    return n
