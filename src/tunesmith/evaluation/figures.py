"""Figures: numbers, dates and sentences as the pages write them."""

from __future__ import annotations

import math
from datetime import datetime

from markupsafe import Markup, escape


def known(value: float | None, digits: int | None = None) -> float | None:
    """A number, rounded as it will be shown; None for NaN and infinity as well."""
    if value is None or not math.isfinite(value):
        return None
    return value if digits is None else round(value, digits)


def difference(after: float | None, before: float | None, *, digits: int) -> float | None:
    """The difference of two numbers as they are shown, so that the reader's own sum agrees."""
    new, old = known(after, digits), known(before, digits)
    return None if new is None or old is None else round(new - old, digits)


def score_text(value: float | None, digits: int = 3) -> str:
    """A score: 0.712."""
    return "–" if known(value) is None else f"{value:.{digits}f}"


def signed_text(value: float | None, digits: int = 3) -> str:
    """A difference with its sign: +0.590, −0.012, ±0.000."""
    if value is None or known(value) is None:
        return "–"
    sign = "±" if not round(value, digits) else "+" if value > 0 else "−"
    return f"{sign}{abs(value):.{digits}f}"


def percent_text(value: float | None) -> str:
    """A fraction in percent: 63%, and 0.4% where rounding would hide it."""
    if value is None or known(value) is None:
        return "–"
    return f"{value:.1%}" if 0 < value < 0.01 or 0.99 < value < 1 else f"{value:.0%}"


def in_text(heading: str) -> str:
    """A heading within a sentence: accuracy, but F1 and ROUGE-L."""
    return heading if heading.isupper() or "-" in heading else heading.lower()


def unbroken(sentence: str) -> Markup:
    """The sentence, escaped, with every ROUGE-L held together at the end of a line."""
    whole = Markup('<span class="whole">{}</span>').format
    words = (whole(word) if "-" in word else escape(word) for word in sentence.split(" "))
    return Markup(" ").join(words)


def date_text(iso: str) -> str:
    """An ISO date and time as one reads it: 4 March 2025, 14:03 UTC; as it is if it is none."""
    try:
        moment = datetime.fromisoformat(iso)
    except ValueError:
        return iso
    return f"{moment.day} {moment:%B %Y, %H:%M} {moment.tzname() or ''}".strip()


FILTERS = {
    "score": score_text,
    "signed": signed_text,
    "percent": percent_text,
    "unbroken": unbroken,
    "date": date_text,
}
"""Of every page; also of those that only borrow the report's frame, as its blocks name them all."""
