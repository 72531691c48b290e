"""Text: the passage itself, as running text to go on training with; no teacher is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from tunesmith.core.examples import Document, Example
from tunesmith.synthesize.draft import Draft
from tunesmith.synthesize.kinds.kind import Item, Kind, origin
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.sentences import Span


class Nothing(Item):
    """There is no reply to read."""


class RunningText(Kind):
    """Plain text of the documents, chunk by chunk, for continued pre-training."""

    asks_teacher: ClassVar[bool] = False
    shape: ClassVar[type[BaseModel]] = Nothing
    makes: ClassVar[type[Example]] = Document

    name: Literal["text"] = "text"
    per_chunk: int | None = Field(None, ge=1, le=50)
    """Of no use here: a chunk is one row."""

    def wanted(self, passage: Passage) -> int:
        """One row."""
        return 1

    def draft(self, item: Mapping[str, Any], passage: Passage) -> Draft:
        """Needs nothing but the passage."""
        if not passage.text.strip():
            raise ValueError("no text")
        return Draft(self.name, ())

    def claims(self, draft: Draft) -> tuple[str, ...]:
        """None."""
        return ()

    def example(self, draft: Draft, passage: Passage, span: Span | None) -> Document:
        """The text of the passage."""
        return Document(passage.text.strip(), origin(passage, None), group=passage.document)
