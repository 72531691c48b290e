"""Table rows: lines -> cells. A row that is never closed takes no sound row with it."""

from __future__ import annotations

import csv
import io
import re
from collections import deque
from collections.abc import Iterable, Iterator

from tunesmith.data.files.lines import whole_lines

MOST_RESTARTS = 50
"""How often many lines are read a second time; else a table of odd quotes would take for ever."""
MANY_LINES = 1000


class Lines:
    """The lines of a table as text, with what is wrong with which."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
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
            yield from lines

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


class TableRows:
    """Parts lines into rows of cells, one row at a time.

    A broken row may have taken in lines behind it, all of them where its quote is never closed.
    Of those, reading goes on at the first that is a row of the table by itself.

    Attributes:
        first: number of the line at which the last row begins.
        n_lines: lines that the last row takes up, or that are left out with it where it is broken.
    """

    def __init__(self, lines: Iterable[str], delimiter: str, n_before: int) -> None:
        self.first = n_before + 1
        self.n_lines = 0
        self._delimiter = delimiter
        self._lines = iter(lines)
        self._waiting: deque[str] = deque()  # given back by a broken row, to be read again
        self._taken: list[str] = []
        self._n_restarts = 0
        self._parsed = self._parser()

    @property
    def last(self) -> int:
        """Number of the line at which the last row ends."""
        return self.first + self.n_lines - 1

    @property
    def text(self) -> str:
        """The last row as it is written."""
        return "".join(self._taken)

    def next(self, n_columns: int | None) -> list[str] | csv.Error | None:
        """The cells of the next row, [] for a blank line; or why it is broken; None: the end.

        Args:
            n_columns: of the table; None: not known yet, and reading ends at a broken row.
        """
        self.first += self.n_lines
        self._taken.clear()
        try:
            row = next(self._parsed, None)
        except csv.Error as error:
            self.n_lines = self._recover(n_columns) if n_columns else len(self._taken)
            return error
        self.n_lines = len(self._taken)
        return row

    def _parser(self) -> Iterator[list[str]]:
        return csv.reader(self._feed(), delimiter=self._delimiter, strict=True)

    def _feed(self) -> Iterator[str]:
        while True:
            line = self._waiting.popleft() if self._waiting else next(self._lines, None)
            if line is None:
                return
            self._taken.append(line)
            yield line

    def _recover(self, n_columns: int) -> int:
        """Gives sound lines of a broken row back; the number of those that are lost with it."""
        taken = self._taken
        self._n_restarts += len(taken) > MANY_LINES
        n_lost = len(taken)
        if self._n_restarts <= MOST_RESTARTS:
            n_lost = next(
                (n for n in range(1, len(taken)) if self._begins_row(n, n_columns)), n_lost
            )
        self._waiting.extendleft(reversed(taken[n_lost:]))
        self._parsed = self._parser()
        return n_lost

    def _begins_row(self, n: int, n_columns: int) -> bool:
        """Whether the line is a row by itself, or the last one taken and opens a cell."""
        line = self._taken[n]
        if line.count('"') % 2:
            opens = rf'(?:^|{re.escape(self._delimiter)})"[^"]+$'
            return n == len(self._taken) - 1 and re.search(opens, line) is not None
        try:
            return [
                len(row) for row in csv.reader([line], delimiter=self._delimiter, strict=True)
            ] == [n_columns]
        except csv.Error:
            return False
