"""Chunks: stretches of a document that a teacher is shown; together they are its whole text.

A document is parted where it parts itself: at headings first, then between blocks (a heading keeps
its first block, a table its rows), then between sentences, between words, and in the middle of a
word only where nothing else is left. What was parted too finely is put together again up to the
budget. The same document and budget always give the same chunks.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import groupby, pairwise
from typing import Any

from tunesmith.synthesize.budget import Budget
from tunesmith.synthesize.documents.block import Block, ParsedDocument
from tunesmith.synthesize.junk import too_little
from tunesmith.synthesize.sentences import Span, may_part, sentences

WORD = re.compile(r"\s+")
ENOUGH = 0.5
"""Of the budget: a chunk so full is not filled up with the beginning of another section."""
MOST_HEADS = 5
LONGEST_CONTEXT = 400
"""Characters of a table's head that are repeated for its later chunks."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A stretch of a document."""

    document: str
    """SHA-256 of the document's file."""
    start: int
    """Offset of its first character in the document's text, in Unicode code points."""
    end: int
    """Offset behind its last character, where the next chunk starts."""
    headings: tuple[str, ...] = ()
    """Headings that all of it stands under, the outermost first."""
    page: int | None = None
    """Page it begins on."""
    context: str = ""
    """What is to be shown before it and is not part of it: the head of a table it goes on with."""
    junk: str = ""
    """Why nothing should be made of it; empty for content."""
    blocks: tuple[int, ...] = field(default=())
    """Numbers of the blocks that it holds something of."""

    def text_in(self, document: ParsedDocument) -> str:
        """Its text."""
        return document.text[self.start : self.end]

    def as_dict(self) -> dict[str, Any]:
        """All fields, ready for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class _Piece:
    start: int
    end: int
    section: tuple[str, ...] = ()
    """Headings above it, to tell where another section begins."""
    is_heading: bool = False


def chunks(document: ParsedDocument, budget: Budget | None = None) -> list[Chunk]:
    """Parts a document.

    Args:
        document: as its reader gave it.
        budget: of each chunk; None: 2,000 characters.

    Returns:
        Chunks in order. The first starts at 0, each starts where the one before it ends, the last
        ends with the text, and none is over the budget. A chunk is junk as a whole or not at all.
    """
    splitter = _Splitter(document.text, budget or Budget())
    places = _Places(document)
    return [
        _chunk(places, piece, junk)
        for junk, stretch in _stretches(document)
        for piece in splitter.sections(stretch)
    ]


class _Places:
    """Finds the blocks of a stretch, and the heads of tables, without looking at all of them."""

    def __init__(self, document: ParsedDocument) -> None:
        self.document = document
        self._starts = [block.start for block in document.blocks]
        self._ends = [block.end for block in document.blocks]
        self._heads: dict[int, list[Block]] = {}
        for block in document.blocks:
            if block.table is not None and block.is_header:
                self._heads.setdefault(block.table, []).append(block)

    def inside(self, start: int, end: int) -> range:
        """Numbers of the blocks that have something within a stretch."""
        return range(bisect_right(self._ends, start), bisect_left(self._starts, end))

    def context(self, first: Block, start: int) -> str:
        """The head of the table that a stretch goes on with, whose first block is given."""
        if first.table is None or (first.is_header and start <= first.start):
            return ""
        lines = [
            self.document.text_of(head)
            for head in self._heads.get(first.table, ())[:MOST_HEADS]
            if head.end <= start
        ]
        return "\n".join(lines)[:LONGEST_CONTEXT]


def _stretches(document: ParsedDocument) -> Iterator[tuple[str, list[tuple[Span, Block | None]]]]:
    """Blocks with the white space behind them, in runs that are junk for one reason or none."""
    blocks = document.blocks
    if not blocks:
        if document.text:
            yield "", [((0, len(document.text)), None)]
        return
    starts = [0, *(block.start for block in blocks[1:]), len(document.text)]
    spans = zip(pairwise(starts), blocks, strict=True)
    for junk, run in groupby(spans, key=lambda item: item[1].junk):
        yield junk, [*run]


def _chunk(places: _Places, piece: _Piece, junk: str) -> Chunk:
    document = places.document
    inside = places.inside(piece.start, piece.end)
    held = [document.blocks[number] for number in inside]
    return Chunk(
        document=document.sha256,
        start=piece.start,
        end=piece.end,
        headings=_shared(block.headings for block in held),
        page=held[0].page if held else None,
        context=places.context(held[0], piece.start) if held else "",
        junk=junk or too_little(document.text[piece.start : piece.end]),
        blocks=tuple(inside),
    )


def _shared(paths: Iterable[tuple[str, ...]]) -> tuple[str, ...]:
    """What all paths begin with."""
    shared: tuple[str, ...] | None = None
    for path in paths:
        if shared is None:
            shared = path
        n = 0
        while n < min(len(shared), len(path)) and shared[n] == path[n]:
            n += 1
        shared = shared[:n]
    return shared or ()


class _Splitter:
    """Parts one stretch, ever finer, and puts what is too fine together again."""

    def __init__(self, text: str, budget: Budget) -> None:
        self.text = text
        self.budget = budget

    def holds(self, start: int, end: int) -> bool:
        return self.budget.holds(self.text, start, end)

    def sections(self, stretch: Sequence[tuple[Span, Block | None]]) -> list[_Piece]:
        """Parts between sections, then within those that are too large."""
        pieces: list[_Piece] = []
        for group in _by_section(stretch):
            start, end = group[0][0][0], group[-1][0][1]
            block = group[0][1]
            section = _section(block)
            if self.holds(start, end):
                is_heading = all(_is_heading(block) for _, block in group)
                pieces.append(_Piece(start, end, section, is_heading))
            else:
                pieces += self._units(group, section)
        return self._put_together(pieces)

    def _units(
        self, group: Sequence[tuple[Span, Block | None]], section: tuple[str, ...]
    ) -> list[_Piece]:
        """Parts a section between its blocks; the rows of a table are one unit at first."""
        pieces: list[_Piece] = []
        for table, run in groupby(group, key=lambda item: _table(item[1])):
            items = [*run]
            start, end = items[0][0][0], items[-1][0][1]
            if table is not None and self.holds(start, end):
                pieces.append(_Piece(start, end, section))
                continue
            rows: list[_Piece] = []
            for first, last in _with_headings(items):
                if self.holds(first, last):
                    rows.append(_Piece(first, last, section, _is_heading(items[-1][1])))
                else:
                    rows += [_Piece(*span, section) for span in self._sentences(first, last)]
            pieces += self._put_together(rows) if table is not None else rows
        return self._put_together(pieces)

    def _put_together(self, pieces: Sequence[_Piece]) -> list[_Piece]:
        """Neighbours become one where the budget allows; a heading never stands at an end."""
        joined: list[_Piece] = []
        for piece in pieces:
            last = joined[-1] if joined else None
            if last is None or not self._belong(last, piece):
                joined.append(piece)
                continue
            is_heading = last.is_heading and piece.is_heading
            joined[-1] = _Piece(last.start, piece.end, last.section, is_heading)
        return joined

    def _belong(self, last: _Piece, piece: _Piece) -> bool:
        if not self.holds(last.start, piece.end):
            return False
        if last.is_heading or last.section == piece.section:
            return True
        return not self.budget.limit * ENOUGH < self.budget.count(self.text[last.start : last.end])

    def _sentences(self, start: int, end: int) -> list[Span]:
        return self._finer(sentences(self.text, start, end), self._words)

    def _words(self, start: int, end: int) -> list[Span]:
        cuts = [found.end() for found in WORD.finditer(self.text, start, end)]
        return self._finer([*pairwise([start, *(c for c in cuts if c < end), end])], self._hard)

    def _finer(self, spans: Sequence[Span], part: Callable[[int, int], list[Span]]) -> list[Span]:
        """Spans as they are where they fit, else parted; neighbours filled up to the budget."""
        filled: list[Span] = []
        for start, end in spans:
            for first, last in [(start, end)] if self.holds(start, end) else part(start, end):
                if filled and self.holds(filled[-1][0], last):
                    filled[-1] = (filled[-1][0], last)
                else:
                    filled.append((first, last))
        return filled

    def _hard(self, start: int, end: int) -> list[Span]:
        """Parts what has no gap, between characters that a reader sees where that is possible."""
        spans: list[Span] = []
        while start < end:
            low, high = start + 1, min(end, start + max(1, self.budget.limit))
            while low < high:
                middle = (low + high + 1) // 2
                low, high = (middle, high) if self.holds(start, middle) else (low, middle - 1)
            cut = low
            while cut < end and cut > start + 1 and not may_part(self.text, cut):
                cut -= 1
            cut = cut if may_part(self.text, cut) and self.holds(start, cut) else low
            spans.append((start, cut))
            start = cut
        return spans


def _by_section(
    stretch: Sequence[tuple[Span, Block | None]],
) -> Iterator[list[tuple[Span, Block | None]]]:
    """Runs of blocks, each with the heading that it begins with."""
    group: list[tuple[Span, Block | None]] = []
    for item in stretch:
        only_headings = all(_is_heading(block) for _, block in group)
        if group and _is_heading(item[1]) and not only_headings:
            yield group
            group = []
        group.append(item)
    if group:
        yield group


def _with_headings(items: Sequence[tuple[Span, Block | None]]) -> Iterator[Span]:
    """Spans of blocks; those of headings reach over the block behind them."""
    start: int | None = None
    for place, ((first, last), block) in enumerate(items):
        start = first if start is None else start
        if _is_heading(block) and place + 1 < len(items):
            continue
        yield start, last
        start = None


def _is_heading(block: Block | None) -> bool:
    return block is not None and block.kind == "heading"


def _section(block: Block | None) -> tuple[str, ...]:
    return block.headings if block is not None else ()


def _table(block: Block | None) -> int | None:
    return block.table if block is not None else None
