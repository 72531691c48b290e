"""Space: invisible characters and white space of a message, made even."""

from __future__ import annotations

import re

INVISIBLE = re.compile("[\u200b\u2060\ufeff\u00ad\u200e\u200f\u202a-\u202e\u2066-\u2069]")
"""Zero-width spaces, marks of direction and soft hyphens; not the joiners of emoji."""
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ue000\ue001]")
BLANKS = re.compile("[ \t\u00a0\u2000-\u200a\u202f\u205f]+")
LINE_ENDS = re.compile("\r\n?|[\u2028\u2029\u0085]")
AROUND_LINES = re.compile(r" *\n *")
EMPTY_LINES = re.compile(r"\n{3,}")


def even_space(text: str) -> str:
    """One space between words, at most one empty line between paragraphs, none at the ends."""
    if text.isprintable():  # no line end, no space but the usual one
        return BLANKS.sub(" ", text).strip() if "  " in text else text.strip()
    text = LINE_ENDS.sub("\n", text)
    text = CONTROL.sub("", INVISIBLE.sub("", text))
    text = AROUND_LINES.sub("\n", BLANKS.sub(" ", text))
    return EMPTY_LINES.sub("\n\n", text).strip()
