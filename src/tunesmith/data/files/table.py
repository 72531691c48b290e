"""Tables: CSV and TSV -> records, cells as they are written."""

from __future__ import annotations

import csv
import itertools
from collections.abc import Iterable, Iterator

from tunesmith.core.errors import DataError
from tunesmith.data.files.formula import unescaped
from tunesmith.data.files.lines import lines_of
from tunesmith.data.files.located import Item, Located, Notice

DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab", "|": "bar"}
SUFFIX_DELIMITERS = {".csv": ",", ".tsv": "\t"}
LARGEST_CELL = 2**26
"""Characters in the largest cell: 64 Mi."""


def read_table(name: str, suffix: str, blocks: Iterable[bytes]) -> Iterator[Item]:
    """Yields the rows of a table, each a record of texts; a broken row is yielded as its error.

    The delimiter is the one that the header holds most of. The first column may be nameless, as
    pandas writes its index; its name is then "".

    A table of our own is told by its line ends: CR LF behind the header, LF behind the rows. In
    it, and nowhere else, names keep their outer spaces and the apostrophe before a formula is
    taken away again (see :mod:`tunesmith.data.files.formula`).

    Args:
        name: of the file, for the origins.
        suffix: ``.csv`` or ``.tsv``.
        blocks: the file in portions of UTF-8.

    Raises:
        DataError: the header is broken, or names columns twice or not at all.
    """
    csv.field_size_limit(LARGEST_CELL)
    lines = _Lines(blocks)
    first = next((line for line in lines if line.strip(" \r\n")), "")
    if not first:
        return
    delimiter = _delimiter(first, SUFFIX_DELIMITERS[suffix])
    if delimiter != SUFFIX_DELIMITERS[suffix]:
        yield Notice(
            f"{name}: named {suffix}, but its columns are parted by {DELIMITERS[delimiter]}s; it "
            "is read as such."
        )
    rows = csv.reader(itertools.chain([first], lines), delimiter=delimiter, strict=True)
    place = f"{name}:{lines.number}"
    try:
        names = next(rows)
    except csv.Error as error:
        raise DataError(f"{place}: broken header: {_told(error)}. Mend the table.") from None
    if problem := lines.problem():
        raise DataError(f"{place}: broken header: {problem}.")
    yield from _read_rows(name, place, names, lines, rows)


class _Lines:
    """The lines of a table as text; remembers which was the last, its end, and what is wrong."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.number = 0
        self.end = ""
        self._lines = lines_of(blocks)
        self._problems: list[str] = []

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        raw = next(self._lines)
        self.number += 1
        if raw is None:
            self._problems.append(f"line {self.number} is too large")
            return "\n"
        try:
            text = raw.decode("utf-8")
        except UnicodeDecodeError as error:
            self._problems.append(
                f"byte {raw[error.start]:#04x} at offset {error.start} of line {self.number} is "
                "not UTF-8. Save the file as UTF-8"
            )
            text = raw.decode("utf-8", "replace")
        if "\0" in text:
            self._problems.append(f"line {self.number} holds a NUL byte, as no text does")
        self.end = "\r\n" if text.endswith("\r\n") else "\n" if text.endswith("\n") else ""
        return text

    def problem(self) -> str:
        """What is wrong with the lines since it was last asked; empty: nothing."""
        told, self._problems = "; ".join(self._problems), []
        return told


def _read_rows(
    name: str, place: str, names: list[str], lines: _Lines, rows: Iterator[list[str]]
) -> Iterator[Located | DataError]:
    header_end = lines.end
    header: list[str] | None = None
    is_ours = False
    while True:
        origin = f"{name}:{lines.number + 1}"
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            lines.problem()
            yield DataError(f"{origin}: broken row: {_told(error)}.")
            continue
        problem = lines.problem()
        if header is None:
            is_ours = header_end == "\r\n" and lines.end == "\n"
            header = _header(place, names, is_ours=is_ours)
        if problem:
            yield DataError(f"{origin}: {problem}.")
        elif not row:
            continue
        elif len(row) != len(header):
            n = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            yield DataError(f"{origin}: {n}, but the header has {len(header)} columns.")
        else:
            cells = map(unescaped, row) if is_ours else row
            yield origin, dict(zip(header, cells, strict=True))
    if header is None:
        _header(place, names, is_ours=False)


def _header(place: str, names: list[str], *, is_ours: bool) -> list[str]:
    """The columns' names.

    Raises:
        DataError: one is empty that is not the first, or stands twice.
    """
    names = [unescaped(name) if is_ours else name.strip() for name in names]
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
