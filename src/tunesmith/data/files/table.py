"""Tables: CSV and TSV -> records, cells as they are written."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from tunesmith.core.errors import DataError
from tunesmith.data.files.formula import header_line, looks_escaped, unescaped
from tunesmith.data.files.located import Item, Notice
from tunesmith.data.files.table_rows import Lines, TableRows

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SUFFIX_DELIMITERS = {".csv": ",", ".tsv": "\t"}
LARGEST_CELL = 2**26
"""Characters in the largest cell: 64 Mi."""


def read_table(name: str, suffix: str, blocks: Iterable[bytes]) -> Iterator[Item]:
    """Yields the rows of a table, each a record of texts; a broken row is yielded as its error.

    The error tells the number of lines that are left out with the row, where they are several.

    The delimiter is the one that the header holds most of. The first column may be nameless, as
    pandas writes its index; its name is then "".

    A table of our own is told by its head: every name in quotes, CR LF behind, and LF behind the
    first row. In it, and nowhere else, names keep their outer spaces and the apostrophe before a
    formula is taken away again (see :mod:`tunesmith.data.files.formula`). In any other table such
    apostrophes are kept and told.

    Args:
        name: of the file, for the origins.
        suffix: ``.csv`` or ``.tsv``.
        blocks: the file in portions of UTF-8.

    Raises:
        DataError: the header is broken, or names columns twice or not at all.
    """
    csv.field_size_limit(LARGEST_CELL)
    lines = Lines(blocks)
    texts = iter(lines)
    n_blank, first = next(
        ((n, line) for n, line in enumerate(texts) if line.strip(" \r\n")), (0, "")
    )
    if not first:
        return
    delimiter = _delimiter(first, SUFFIX_DELIMITERS[suffix])
    if delimiter != SUFFIX_DELIMITERS[suffix]:
        yield Notice(
            f"{name}: named {suffix}, but its columns are parted by {DELIMITERS[delimiter]}s; it "
            "is read as such."
        )
    rows = TableRows(itertools.chain([first], texts), delimiter, n_blank)
    names = rows.next(None)
    place = f"{name}:{rows.first}"
    if isinstance(names, csv.Error):
        raise DataError(f"{place}: broken header: {_told(names)}. Mend the table.")
    if problem := lines.problem(rows.last):
        raise DataError(f"{place}: broken header: {problem}.")
    begins_as_ours = rows.text == header_line(names or [], delimiter)
    yield from _read_rows(_Header(name, place, names or [], begins_as_ours), lines, rows)


@dataclass(frozen=True, slots=True)
class _Header:
    """The first row and its place."""

    table: str
    place: str
    names: list[str]
    begins_as_ours: bool
    """It is written as we write it."""


def _read_rows(first: _Header, lines: Lines, rows: TableRows) -> Iterator[Item]:
    header: list[str] | None = None
    is_ours, n_escaped = False, 0
    n_columns = len(first.names)
    while (row := rows.next(n_columns)) is not None:
        origin = f"{first.table}:{rows.first}"
        problem = lines.problem(rows.last) if lines.problems else ""
        if isinstance(row, csv.Error):
            yield DataError(f"{origin}: broken row: {_told(row)}{_lost(rows)}.")
            continue
        if header is None:
            is_ours = first.begins_as_ours and not rows.text.endswith("\r\n")
            header = _columns(first, is_ours=is_ours)
        if problem:
            yield DataError(f"{origin}: {problem}{_lost(rows)}.")
        elif len(row) == n_columns:
            n_escaped += 0 if is_ours else sum(map(looks_escaped, row))
            cells = map(unescaped, row) if is_ours else row
            yield origin, dict(zip(header, cells, strict=True))
        elif row:
            n = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            yield DataError(f"{origin}: {n}, but the header has {n_columns} columns{_lost(rows)}.")
    if header is None:
        _columns(first, is_ours=False)
    if n_escaped:
        n = "1 cell begins" if n_escaped == 1 else f"{n_escaped} cells begin"
        yield Notice(
            f"{first.table}: {n} with an apostrophe before a formula, and the apostrophe is kept. "
            "If the table was written here and a spreadsheet saved it anew, take them away, or "
            "read the file as it was."
        )


def _lost(rows: TableRows) -> str:
    """How much is left out with a row that takes up more than its first line."""
    return f"; {rows.n_lines} lines are left out with it" if rows.n_lines > 1 else ""


def _columns(first: _Header, *, is_ours: bool) -> list[str]:
    """The columns' names.

    Raises:
        DataError: one is empty that is not the first, or stands twice.
    """
    place = first.place
    names = [unescaped(name) if is_ours else name.strip() for name in first.names]
    for number, name in enumerate(names, 1):
        if not name and number > 1:
            raise DataError(f"{place}: column {number} of the header has no name. Give it one.")
        if names.index(name) != number - 1:
            raise DataError(f"{place}: two columns are called {name!r}. Give them different names.")
    return names


def _delimiter(header: str, usual: str) -> str:
    """What parts the columns: what stands most often outside quotes, the usual one if undecided."""
    outside = "".join(header.split('"')[::2])
    return max(DELIMITERS, key=lambda mark: (outside.count(mark), mark == usual))


def _told(error: csv.Error) -> str:
    text = str(error)
    if text == "unexpected end of data":
        return "a quoted cell that begins in it is not closed before the file ends"
    if text.startswith("new-line character"):
        return "a carriage return stands in a cell without quotes"
    if "expected after" in text:
        return 'a quote within a quoted cell is not doubled ("")'
    return text
