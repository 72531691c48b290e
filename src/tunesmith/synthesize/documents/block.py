"""Block: a stretch of a document's text that stands for one paragraph, heading, row or note."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any, Literal

BlockKind = Literal["heading", "paragraph", "item", "row", "footnote", "code"]


@dataclass(frozen=True, slots=True)
class Block:
    """One unit of a document, in reading order."""

    kind: BlockKind
    start: int
    """Offset of its first character in the document's text, in Unicode code points."""
    end: int
    """Offset behind its last character; between two blocks stand line ends alone."""
    headings: tuple[str, ...] = ()
    """Headings that it stands under, the outermost first, without itself."""
    level: int = 0
    """Of a heading its depth, 0 for the title; of a list's item how deep the list is nested."""
    page: int | None = None
    """Page it begins on, from 1, where the kind of file has pages."""
    table: int | None = None
    """Of a row: number of its table in the document."""
    is_header: bool = False
    """Of a row: it names the columns."""
    junk: str = ""
    """Why nothing should be made of it; empty for content."""


@dataclass(frozen=True, slots=True)
class ParsedDocument:
    """What was read of one file."""

    name: str
    kind: str
    """What the content is, a key of ``READERS``: ``docx``, ``pdf``, ``html`` and so on."""
    sha256: str
    """Of the file's bytes, as hexadecimal digits."""
    text: str
    blocks: tuple[Block, ...]
    n_pages: int | None = None
    left_out: dict[str, int] = field(default_factory=dict[str, int])
    """What of the file is not in the text -> how many of it."""
    notes: tuple[str, ...] = ()
    """What else is worth telling, such as a name that does not fit the content."""

    def text_of(self, block: Block) -> str:
        """The text of a block."""
        return self.text[block.start : block.end]

    def as_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, fields: dict[str, Any]) -> ParsedDocument:
        """The opposite of :meth:`as_dict`.

        Raises:
            TypeError: a field is missing or unknown.
            ValueError: blocks overlap or reach beyond the text.
        """
        blocks = tuple(
            Block(**{**block, "headings": tuple(block["headings"])}) for block in fields["blocks"]
        )
        document = cls(**{**fields, "blocks": blocks, "notes": tuple(fields["notes"])})
        behind = 0
        for block in blocks:
            if not behind <= block.start < block.end <= len(document.text):
                raise ValueError(f"a block from {block.start} to {block.end} is out of place")
            behind = block.end
        return document
