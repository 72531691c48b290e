"""Locate: where a quote stands in a text, although those who quote change what is no word."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from tunesmith.synthesize.grounding.fold import Folded, fold

Span = tuple[int, int]

ELLIPSIS = re.compile(r"\s*[\[(（【]?\s*(?:\.\s?\.\s?\.[.\s]*|…+)\s*[\])）】]?\s*")
FARTHEST = 1000
"""Characters that an ellipsis may stand for."""
MOST_STARTS = 32
"""Places of a quote's first part from which the others are searched."""
UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1780-\u17ff\u1000-\u109f\u3005-\u3007\u3040-\u30ff\u3400-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff]"
)
"""Letters of scripts that put no spaces between words."""
HANGUL = re.compile("[\u1100-\u11ff\uac00-\ud7af]")
"""Words of which take endings, so a quote may stop before one."""


def locate(quote: str, text: str) -> Span | None:
    """Where a quote stands in a text.

    White space, line breaks with or without a hyphen, punctuation, quotation marks, dashes,
    full-width forms, marks of emphasis and of table cells, and case may differ; words, digits and
    signs such as % may not. A quote with an ellipsis is found where its parts stand in order,
    with at most 1,000 characters between two of them.

    Args:
        quote: as a model wrote it.
        text: the source; time is linear in its length.

    Returns:
        Start and end in the text, in code points; None where it does not stand there, or nothing
        but punctuation was quoted.
    """
    folded = fold(text)
    for span in _spans(fold(quote), folded, text):
        return _widened(span, quote, text)
    parts = [part for part in ELLIPSIS.split(quote) if fold(part).text]
    if len(parts) < 2:
        return None
    for count, first in enumerate(_spans(fold(parts[0]), folded, text)):
        if count == MOST_STARTS:
            break
        if end := _followed(parts[1:], folded, text, first[1]):
            return _widened((first[0], end), quote, text)
    return None


def _followed(parts: list[str], folded: Folded, text: str, end: int) -> int | None:
    """Where the last of several parts ends that stand in order behind a place."""
    for part in parts:
        found = next(_spans(fold(part), folded, text, end), None)
        if found is None or found[0] - end > FARTHEST:
            return None
        end = found[1]
    return end


def _spans(quote: Folded, folded: Folded, text: str, start: int = 0) -> Iterator[Span]:
    """Spans in the text that fold to the quote and begin and end where words do."""
    if not quote.text:
        return
    at = -1
    while (at := folded.text.find(quote.text, at + 1)) >= 0:
        last = at + len(quote.text) - 1
        first_place, last_place = folded.places[at], folded.places[last]
        if first_place < start or _is_within(folded, text, at, last):
            continue
        yield first_place, last_place + 1


def _is_within(folded: Folded, text: str, first: int, last: int) -> bool:
    """Whether the stretch begins or ends within a word, a number or a character."""
    places = folded.places
    if first and (
        places[first - 1] == places[first]
        or _belong(text, places[first - 1], places[first], at_end=False)
    ):
        return True
    return last + 1 < len(places) and (
        places[last + 1] == places[last]
        or _belong(text, places[last], places[last + 1], at_end=True)
    )


def _belong(text: str, before: int, behind: int, *, at_end: bool) -> bool:
    """Whether two characters, with nothing kept between them, are of one word or number."""
    left, right = text[before], text[behind]
    if left.isdigit() and right.isdigit():
        return behind - before < 2 or (behind - before == 2 and text[before + 1] in ".,")
    if behind - before > 1:
        return False
    if unicodedata.category(right)[0] == "M":
        return True
    if not (left.isalnum() and right.isalnum()):
        return False
    if UNSPACED.match(left) or UNSPACED.match(right):
        return False
    if HANGUL.match(left) or HANGUL.match(right):
        return not at_end and left.isalpha() and right.isalpha()
    return True


def _widened(span: Span, quote: str, text: str) -> Span:
    """Takes in the punctuation that the quote has at its ends too."""
    start, end = span
    lead = next((n for n, char in enumerate(quote) if char.isalnum()), 0)
    while start and lead and text[start - 1] == quote[lead - 1] and not text[start - 1].isspace():
        start, lead = start - 1, lead - 1
    tail = next((n for n, char in enumerate(reversed(quote)) if char.isalnum()), 0)
    while end < len(text) and tail and text[end] == quote[-tail] and not text[end].isspace():
        end, tail = end + 1, tail - 1
    return start, end
