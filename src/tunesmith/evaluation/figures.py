"""Figures: numbers, dates and sentences as the pages write them."""

from __future__ import annotations

import math
from collections.abc import Callable
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


def percent_text(value: float | None, nothing: str = "–") -> str:
    """A fraction in percent: 63%, 0.4% and < 0.1%, so that rounding never says none or all.

    Args:
        value: the fraction.
        nothing: stands for one that is not known.
    """
    if value is None or known(value) is None:
        return nothing
    if 0 < value <= 0.0005:
        return "< 0.1%"
    if 0.9995 <= value < 1:
        return "> 99.9%"
    return f"{value:.1%}" if 0 < value < 0.01 or 0.99 < value < 1 else f"{value:.0%}"


def plain_text(value: float | None, digits: int = 3) -> str:
    """A score where only plain signs may stand: 0.712, or a hyphen."""
    return "-" if value is None or known(value) is None else f"{value:.{digits}f}"


def plain_signed(value: float | None, digits: int = 3) -> str:
    """A difference where only plain signs may stand: +0.590, -0.012."""
    return "-" if value is None or known(value) is None else f"{value:+.{digits}f}"


def ends_text(low: float | None, high: float | None, text: Callable[[float | None], str]) -> str:
    """Both ends of an interval: 0.590 to 0.712; empty where there is none.

    Args:
        low: end.
        high: end.
        text: writes one of them.
    """
    return "" if low is None or high is None else f"{text(low)} to {text(high)}"


def p_text(value: float | None) -> str:
    """A p-value as one writes it; empty where there is none."""
    if value is None or known(value) is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def examples_text(n: int) -> str:
    """How many examples: 1 example, 1,200 examples."""
    return f"{n:,} example{'' if n == 1 else 's'}"


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
    "examples": examples_text,
}
"""Of every page; also of those that only borrow the report's frame, as its blocks name them all."""
