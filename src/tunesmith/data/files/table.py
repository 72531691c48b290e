"""Tables: CSV and TSV -> records, cells as they are written."""

from __future__ import annotations

import csv
import io
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from tunesmith.core.errors import DataError
from tunesmith.data.files.formula import unescaped
from tunesmith.data.files.lines import whole_lines
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
    rows = csv.reader(itertools.chain([first], texts), delimiter=delimiter, strict=True)
    place = f"{name}:{n_blank + 1}"
    try:
        names = next(rows)
    except csv.Error as error:
        raise DataError(f"{place}: broken header: {_told(error)}. Mend the table.") from None
    if problem := lines.problem(n_blank + rows.line_num):
        raise DataError(f"{place}: broken header: {problem}.")
    yield from _read_rows(_Header(name, place, names), lines, n_blank, rows)


class _Rows(Protocol):
    """What ``csv.reader`` gives."""

    line_num: int
    """Lines read so far."""

    def __next__(self) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class _Header:
    """The first row and its place."""

    table: str
    place: str
    names: list[str]


def _read_rows(
    first: _Header, lines: _Lines, n_blank: int, rows: _Rows
) -> Iterator[Located | DataError]:
    header_ends_in_cr = lines.last.endswith("\r\n")
    header: list[str] | None = None
    is_ours = False
    while True:
        origin = f"{first.table}:{n_blank + rows.line_num + 1}"
        try:
            row = next(rows)
        except StopIteration:
            break
        except csv.Error as error:
            lines.problem(n_blank + rows.line_num)
            yield DataError(f"{origin}: broken row: {_told(error)}.")
            continue
        if header is None:
            is_ours = header_ends_in_cr and re.search(r"(?<!\r)\n$", lines.last) is not None
            header = _columns(first, is_ours=is_ours)
        if lines.problems and (problem := lines.problem(n_blank + rows.line_num)):
            yield DataError(f"{origin}: {problem}.")
        elif len(row) == len(header):
            cells = map(unescaped, row) if is_ours else row
            yield origin, dict(zip(header, cells, strict=True))
        elif row:
            n = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            yield DataError(f"{origin}: {n}, but the header has {len(header)} columns.")
    if header is None:
        _columns(first, is_ours=False)


class _Lines:
    """The lines of a table as text; remembers the last one, and what is wrong with which."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self.last = ""
        self.problems: dict[int, str] = {}
        """By the number of the line; some may be ahead of the last one."""
        self._blocks = blocks

    def __iter__(self) -> Iterator[str]:
        number = 0
        for portion in whole_lines(self._blocks):
            if portion is None:
                self.problems[number + 1] = f"line {number + 1} is too large"
            lines = self._decoded(portion or b"\n", number + 1)
            number += len(lines)
            for line in lines:
                self.last = line
                yield line

    def problem(self, last: int) -> str:
        """What is wrong up to line ``last`` and was not told yet; empty: nothing."""
        numbers = [number for number in self.problems if number <= last]
        return "; ".join(self.problems.pop(number) for number in numbers)

    def _decoded(self, portion: bytes, first: int) -> list[str]:
        try:
            text = portion.decode("utf-8")
        except UnicodeDecodeError:
            text = portion.decode("utf-8", "replace")
            for number, raw in enumerate(io.BytesIO(portion).readlines(), first):
                self._note_bad_byte(number, raw)
        lines = io.StringIO(text, newline="\n").readlines()
        if "\0" in text:
            for number, line in enumerate(lines, first):
                if "\0" in line:
                    self.problems[number] = f"line {number} holds a NUL byte, as no text does"
        return lines

    def _note_bad_byte(self, number: int, raw: bytes) -> None:
        try:
            raw.decode("utf-8")
        except UnicodeDecodeError as error:
            self.problems[number] = (
                f"byte {raw[error.start]:#04x} at offset {error.start} of line {number} is not "
                "UTF-8. Save the file as UTF-8"
            )


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
