"""Stretch: finds words in a text that a teacher copied, and gives them as they stand there."""

from __future__ import annotations

import re

from tunesmith.synthesize.sentences import Span

LONGEST = 2000
"""Characters of a copied stretch."""
LETTER = r"[0-9A-Za-z\u00c0-\u024f\u0370-\u052f]"
"""Of scripts that part words by spaces: half a word is not what was meant, nor half a number."""
FIRST, LAST = re.compile(LETTER), re.compile(rf"{LETTER}\Z")


def find_stretch(text: str, copied: str, within: Span | None = None) -> Span | None:
    """Where copied words stand, as whole words.

    Exactly as they were copied, else with other white space or other capitals if that leaves no
    doubt which stretch is meant: a line end of a PDF becomes a space in every copy.

    Args:
        text: that they were copied from.
        copied: one word or more.
        within: a stretch of the text that is looked at first.

    Returns:
        Offsets in the text; the first place of several exact ones. None: they stand nowhere.
    """
    copied = copied.strip()
    if not copied or len(copied) > LONGEST:
        return None
    exact = [m.span() for m in _whole(re.escape(copied), copied).finditer(text)]
    if exact:
        return next((span for span in exact if _is_in(span, within)), exact[0])
    loose = r"\s+".join(re.escape(word) for word in copied.split())
    found = [m.span() for m in _whole(loose, copied, re.IGNORECASE).finditer(text)]
    found = [span for span in found if _is_in(span, within)] or found
    return found[0] if len(found) == 1 else None


def stretch_of(text: str, copied: str, what: str) -> str:
    """Copied words as they stand in a text.

    Raises:
        ValueError: they stand nowhere, or it is not clear where.
    """
    span = find_stretch(text, copied)
    if span is None:
        short = " ".join(copied.split())[:60]
        raise ValueError(f"the {what} is no stretch of whole words of the passage: {short!r}")
    return text[slice(*span)]


def _whole(pattern: str, copied: str, flags: int = 0) -> re.Pattern[str]:
    before = rf"(?<!{LETTER})" if FIRST.match(copied) else ""
    behind = rf"(?!{LETTER})" if LAST.search(copied) else ""
    if copied[0].isdigit():
        before += r"(?<!\d[.,])"
    if copied[-1].isdigit():
        behind += r"(?![.,]\d)"
    return re.compile(f"{before}{pattern}{behind}", flags)


def _is_in(span: Span, within: Span | None) -> bool:
    return within is not None and within[0] <= span[0] and span[1] <= within[1]
