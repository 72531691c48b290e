"""Writer: blocks one after another -> the text of a document and the map of its blocks."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tunesmith.synthesize.documents.block import Block, BlockKind

SPACES = re.compile(r"[^\S\n]+")
LINE_ENDS = re.compile(r" ?\n[ \n]*")
OTHER_LINE_ENDS = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")
UNSEEN = re.compile(r"[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\u00ad\u200b\u2060\ufeff]")
"""Control characters, soft hyphens and marks without width; joiners within emoji stay."""
LONE = re.compile(r"[\ud800-\udfff]")
"""Halves of a character, which UTF-8 cannot hold."""
FIGURE = re.compile(r"[-+−(]?[€$£¥]?\d[\d.,  ]*\)?\s*[%€$£¥]?")
SYMBOL = re.compile(r"[\uf000-\uf0ff]")
"""A character of a font of pictures (Symbol, Wingdings), which means nothing in another."""
TIGHT: tuple[BlockKind, ...] = ("item", "row")
"""Kinds of which two in a row are parted by one line end, not by two."""


def clean(text: str) -> str:
    """Text with one form for each character, no control characters, and no runs of spaces.

    Line ends within it stay, as one each.
    """
    return LINE_ENDS.sub("\n", SPACES.sub(" ", clean_code(text))).strip()


def clean_code(text: str) -> str:
    """Text whose spaces mean something: characters are made alike, nothing is moved."""
    text = OTHER_LINE_ENDS.sub("\n", text)
    return unicodedata.normalize("NFC", LONE.sub("\ufffd", UNSEEN.sub("", text)))


def side_by_side(cells: Sequence[str]) -> list[list[str]]:
    """Parts a row whose cells hold one line for each of several rows, as accounts are often set.

    Args:
        cells: lines parted by line ends, empty ones included.

    Returns:
        One row for each line where at least two cells have the same number of lines and hold
        mostly figures, and no other number of lines occurs but one; else the row as it is. A cell
        of one line stands in the first row.
    """
    lines = [cell.split("\n") for cell in cells]
    counts = {len(cell) for cell in lines} - {1}
    if len(counts) != 1:
        return [list(cells)]
    n_rows = counts.pop()
    n_figures = sum(len(cell) > 1 and sum(map(_is_figure, cell)) * 2 > n_rows for cell in lines)
    if n_figures < 2:
        return [list(cells)]
    return [[cell[n] if n < len(cell) else "" for cell in lines] for n in range(n_rows)]


def _is_figure(text: str) -> bool:
    return FIGURE.fullmatch(text.strip()) is not None


class Writer:
    """Collects what a reader finds.

    Attributes:
        left_out: what does not come into the text -> how many of it.
        n_pages: of the file, where it has pages.
    """

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()
        self.notes: list[str] = []
        self.n_pages: int | None = None
        self.blocks: list[Block] = []
        self._parts: list[str] = []
        self._length = 0
        self._path: list[tuple[int, str]] = []
        self._n_tables = 0

    @property
    def text(self) -> str:
        """Everything that was added."""
        return "".join(self._parts)

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        page: int | None = None,
        table: int | None = None,
        is_header: bool = False,
        junk: str = "",
    ) -> None:
        """Adds a block behind the others; text without a visible character adds none."""
        text = clean_code(text).strip("\n") if kind == "code" else clean(text)
        if SYMBOL.search(text):
            text = self._without_symbols(text)
        if not text.strip():
            return
        if kind == "heading":
            text = text.replace("\n", " ")
            while self._path and self._path[-1][0] >= level:
                self._path.pop()
        if self.blocks:
            last = self.blocks[-1]
            is_tight = kind in TIGHT and kind == last.kind and table == last.table
            self._put("\n" if is_tight else "\n\n")
        start = self._length
        self._put(text)
        path = tuple(title for _, title in self._path)
        self.blocks.append(
            Block(kind, start, self._length, path, level, page, table, is_header, junk)
        )
        if kind == "heading" and not junk:
            self._path.append((level, text))

    def new_table(self) -> int:
        """Number of a table that begins."""
        self._n_tables += 1
        return self._n_tables - 1

    def row(
        self, cells: Sequence[str], table: int, *, is_header: bool = False, page: int | None = None
    ) -> None:
        """Adds a row of a table: ``| cell | cell |``; lines within a cell are parted by `` / ``."""
        texts = [" / ".join(filter(None, map(clean, cell.split("\n")))) for cell in cells]
        if any(texts):
            text = f"| {' | '.join(texts)} |"
            self.add("row", text, table=table, is_header=is_header, page=page)

    def _without_symbols(self, text: str) -> str:
        """A bullet where a symbol begins a block; others are counted and left out."""
        if SYMBOL.match(text):
            text = f"• {text[1:].lstrip()}"
        self.left_out["symbols of a picture font"] += len(SYMBOL.findall(text))
        text = SYMBOL.sub("", text)
        return "" if text.strip() == "•" else text

    def _put(self, text: str) -> None:
        self._parts.append(text)
        self._length += len(text)

    def make_headings(self, levels: Mapping[int, int]) -> None:
        """Makes headings of blocks, and puts what follows under them.

        Args:
            levels: number of the block -> depth of the heading.
        """
        text = self.text
        path: list[tuple[int, str]] = []
        for place, block in enumerate(self.blocks):
            level = levels.get(place, block.level if block.kind == "heading" else None)
            if level is not None:
                while path and path[-1][0] >= level:
                    path.pop()
            titles = tuple(title for _, title in path)
            if level is None:
                self.blocks[place] = replace(block, headings=titles)
                continue
            self.blocks[place] = replace(block, kind="heading", level=level, headings=titles)
            path.append((level, text[block.start : block.end].replace("\n", " ")))
