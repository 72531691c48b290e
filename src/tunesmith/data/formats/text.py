"""Plain text: a .txt or .md file, or {"text": "Once upon a time ..."}."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Document, Example
from tunesmith.data.format import Format, Record, text_field

SEPARATORS = {
    "line": re.compile(r"\r?\n"),  # U+0085 and U+2028 stand inside lines
    "paragraph": re.compile(r"\r?\n(?:[ \t]*\r?\n)+"),
}
TEXT_FILES = (".txt", ".md")


class PlainText(Format):
    """Running text to continue."""

    takes: ClassVar[tuple[type[Example], ...]] = (Document,)
    name: Literal["text"] = "text"
    text_key: str = "text"
    """Field that holds the text."""
    unit: Literal["file", "line", "paragraph"] = "file"
    """What of a text is one document: all of it, each line that is not blank, or each stretch
    between blank lines."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a text and nothing that could be its answer."""
        return isinstance(record.get("text"), str) and not ({"summary", "label"} & set(record))

    def example(self, record: Record, origin: str) -> Document:
        """Makes a document of the whole text."""
        text = text_field(record, self.text_key, origin, setting="data.format.text_key")
        return Document(text, origin, group=self.group(record))

    def examples(self, record: Record, origin: str) -> Iterator[Example | DataError]:
        """The documents of a text: one, or one for each line or paragraph with its place.

        Those of one text have the text's place as their group, where the record tells none.
        """
        if self.unit == "file":
            yield from super().examples(record, origin)
            return
        try:
            whole = self.example(record, origin)
        except DataError as error:
            yield error
            return
        path, _, _ = origin.rpartition(":")
        is_file = path.lower().endswith(TEXT_FILES)
        for line, part in _parts(whole.text, SEPARATORS[self.unit]):
            place = f"{path}:{line}" if is_file else f"{origin}/{line}"
            yield Document(part, place, group=whole.group or (path if is_file else origin))

    def record(self, example: Example) -> dict[str, Any]:
        """Writes the text."""
        document = cast("Document", example)
        return {self.text_key: document.text, **self.grouped(document)}


def _parts(text: str, separator: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """Stretches that are not blank, each with the line it begins at, counted from 1."""
    start, line = 0, 1
    for match in [*separator.finditer(text), None]:
        end = match.start() if match else len(text)
        part = text[start:end]
        if part.strip():
            yield line, part
        if match:
            line += text.count("\n", start, match.end())
            start = match.end()
