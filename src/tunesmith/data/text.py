"""Plain text: a .txt or .md file, or {"text": "Once upon a time ..."}."""

from __future__ import annotations

from typing import Literal

from tunesmith.core.examples import Document
from tunesmith.data.format import Format, Record, text_field


class PlainText(Format):
    """Running text to continue."""

    name: Literal["text"] = "text"
    text_key: str = "text"
    """Field that holds the text."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a text and nothing that could be its answer."""
        return isinstance(record.get("text"), str) and not ({"summary", "label"} & set(record))

    def example(self, record: Record, origin: str) -> Document:
        """Makes a document."""
        return Document(
            text_field(record, self.text_key, origin, setting="data.format.text_key"), origin
        )
