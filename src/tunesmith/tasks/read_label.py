"""Read label: what a chat model wrote -> the label it means."""

from __future__ import annotations

import re
from collections.abc import Sequence

NUMBER = re.compile(r"[-+−]?\d+(?:\.\d+)?")


def first_label(text: str, labels: Sequence[str]) -> str | None:
    """The label that a text mentions first; None where it mentions none.

    Case and white space do not count. Of labels that begin at the same place the longest is
    meant. In scripts with case a label is a word of its own: ``positive`` is not in
    ``positively``.
    """
    found = mentioned_labels(text, labels, in_order=False)
    return found[0] if found else None


def mentioned_labels(text: str, labels: Sequence[str], *, in_order: bool = True) -> list[str]:
    """Every label that a text mentions.

    Args:
        text: what was written.
        labels: what it may mention.
        in_order: give them in the order of ``labels``, else in that of the text.
    """
    plain = _plain(text)
    taken = [False] * len(plain)
    places: dict[str, int] = {}
    for label in sorted(labels, key=lambda name: -len(_plain(name))):
        for match in re.finditer(_pattern(label), plain):
            # A longer label that holds this one was meant.
            if not any(taken[match.start() : match.end()]):
                taken[match.start() : match.end()] = [True] * (match.end() - match.start())
                places.setdefault(label, match.start())
    if in_order:
        return [label for label in labels if label in places]
    return sorted(places, key=lambda label: places[label])


def first_number(text: str) -> float | None:
    """The first number of a text, with a point before its decimals."""
    found = NUMBER.search(text)
    return None if found is None else float(found[0].replace("−", "-"))


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _pattern(label: str) -> str:
    plain = _plain(label)
    before = r"(?<!\w)" if _is_bounded(plain[0]) else ""
    behind = r"(?!\w)" if _is_bounded(plain[-1]) else ""
    return f"{before}{re.escape(plain)}{behind}"


def _is_bounded(letter: str) -> bool:
    """Whether words of its script are set apart by spaces."""
    return letter.isdigit() or letter.lower() != letter.upper()
