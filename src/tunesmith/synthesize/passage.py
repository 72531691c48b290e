"""Passage: a chunk as a teacher is shown it, with the place that it comes from."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

TAG = re.compile(r"<(?=\s*/?\s*passage\b)", re.IGNORECASE)
"""Also with space in it: a model that reads on takes ``</passage >`` for an end as well."""


@dataclass(frozen=True, slots=True)
class Passage:
    """A stretch of a document that rows are made of."""

    document: str
    """SHA-256 of the document's file."""
    name: str
    """What the document is called."""
    number: int
    """Of the chunk in its document, from 0."""
    start: int
    """Offset of its first character in the document's text, in Unicode code points."""
    end: int
    text: str
    headings: tuple[str, ...] = ()
    """Headings that all of it stands under, the outermost first."""
    context: str = ""
    """The head of a table that it goes on with; no part of its text."""
    page: int | None = None
    language: str = "unknown"
    """Two letters, or ``unknown``."""
    split: Literal["train", "eval"] = "train"

    @property
    def sources(self) -> tuple[str, ...]:
        """All that an answer may rest on."""
        return (self.text, *self.headings, *([self.context] if self.context else []))

    def shown(self) -> str:
        """What stands in a prompt: between tags that nothing within can close."""
        above = [" > ".join(self.headings)] if self.headings else []
        parts = [*above, *([self.context] if self.context else []), self.text.strip()]
        inside = TAG.sub("< ", "\n".join(parts))
        return f"<passage>\n{inside}\n</passage>"
