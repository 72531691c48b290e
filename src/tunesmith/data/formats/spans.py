"""Spans: finds an answer in its context, also where its offset was counted in other units."""

from __future__ import annotations

from tunesmith.core.errors import DataError

UNITS = {"UTF-16 units": "utf-16-le", "UTF-8 bytes": "utf-8"}
"""What other programs count offsets in, and the encoding whose units those are."""
WIDTH = {"utf-16-le": 2, "utf-8": 1}


def place_span(context: str, text: str, start: int, origin: str) -> tuple[int, str]:
    """The offset of an answer in code points, and how it was mended, or nothing.

    An offset that does not lead to the text is taken as one in UTF-16 units, then in UTF-8 bytes.
    If that fails too, a text that occurs exactly once is where it occurs.

    Raises:
        DataError: the text is not in the context, or occurs several times and none is meant.
    """
    if start >= 0 and context.startswith(text, start):
        return start, ""
    for unit, encoding in UNITS.items():
        place = _in_units(context, start, encoding)
        if place is not None and context.startswith(text, place):
            return place, f"answer_start was counted in {unit}"
    first = context.find(text)
    if first >= 0 and context.find(text, first + 1) < 0:
        return first, "answer_start was off, and the answer occurs once"
    found = "occurs several times elsewhere" if first >= 0 else "is not in the context"
    raise DataError(
        f"{origin}: answer_start {start} does not lead to the answer {text[:40]!r}, which {found}. "
        "Mend the offset, counted in characters from 0."
    )


def _in_units(context: str, start: int, encoding: str) -> int | None:
    """An offset in the units of an encoding as one in code points; None: inside a character."""
    data = context.encode(encoding, "surrogatepass")
    end = start * WIDTH[encoding]
    if not 0 <= end <= len(data):
        return None
    try:
        return len(data[:end].decode(encoding))
    except UnicodeDecodeError:
        return None
