"""Split marks: ``1/2`` and ``2/2`` on the pieces of a message that was too long for one."""

from __future__ import annotations

import re
from collections.abc import Sequence

MARK = re.compile(
    r"(?:^[(\[]?(?P<a>[1-9])/(?P<b>[2-9])[)\]]?(?=\s|$)[\s:.-]*"
    r"|\s*(?:(?<=\s)|(?<=[.…,!?])|(?<=^))[(\[]?(?P<c>[1-9])/(?P<d>[2-9])[)\]]?\s*"
    r"(?P<behind>(?:<link>\s*)?)$)"
)


def joined_parts(texts: Sequence[str]) -> str | None:
    """Messages in a row by one speaker as one text, where they are pieces of one.

    ``["We are sorry 1/2", "for that. 2/2"]`` gives ``"We are sorry for that."``; None where the
    messages bear no marks that go together.
    """
    marks = [_mark(text) for text in texts]
    told = [mark for mark in marks if mark is not None]
    if len(told) < 2 or len({total for _, total in told}) > 1:
        return None
    if len({number for number, _ in told}) < len(told):
        return None
    # Messages without a mark keep their places; the pieces stand in their order.
    order = sorted((n for n, mark in enumerate(marks) if mark), key=lambda n: marks[n] or (0, 0))
    pieces = iter(order)
    placed = [
        texts[next(pieces)] if mark else text for text, mark in zip(texts, marks, strict=True)
    ]
    return " ".join(filter(None, (_without(text) for text in placed)))


def _mark(text: str) -> tuple[int, int] | None:
    match = MARK.search(text) if "/" in text else None
    if match is None:
        return None
    number, total = int(match["a"] or match["c"]), int(match["b"] or match["d"])
    return (number, total) if number <= total else None


def _without(text: str) -> str:
    if _mark(text) is None:
        return text
    return MARK.sub(lambda m: f" {m['behind'] or ''}", text, count=1).strip()


INNER = re.compile(r"(?:(?<=\s)|^|(?<=[.…,!?]))[(\[]?([1-9])/([2-9])[)\]]?(?=[\s.,:-]|$) ?")


def without_inner_marks(text: str) -> str:
    """A text without the marks of all its pieces, which were joined before: ``1/2 ... 2/2``."""
    if "/" not in text:
        return text
    marks = [(int(match[1]), int(match[2])) for match in INNER.finditer(text)]
    totals = {total for _, total in marks}
    if len(totals) != 1 or [number for number, _ in marks] != list(range(1, totals.pop() + 1)):
        return text
    return INNER.sub(" ", text).replace("  ", " ").strip()
