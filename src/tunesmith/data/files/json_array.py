"""JSON arrays: [{"a": 1}, {"a": 2}] -> records, one at a time however long the array is."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from tunesmith.core.errors import DataError
from tunesmith.data.files.array_scan import ArrayScan
from tunesmith.data.files.json_record import parse_record
from tunesmith.data.files.located import LARGEST_RECORD, Located

SPACE = b" \t\r\n"
COMMA, CLOSE, NOTHING = ord(","), ord("]"), 0
ATOM = rb'(?:"(?:[^"\\\x00-\x1f]++|\\.)*+"\s*+|[^\s{}\[\],:"]++\s*+)?+'
WELL_BRACKETED = re.compile(rb"\s*+%b(?:[{}\[\],:]\s*+%b)*+" % (ATOM, ATOM))
"""JSON whose strings end where they seem to: between two of them stands punctuation."""


class Element(NamedTuple):
    """What stands between two of the array's own marks."""

    raw: bytes | None
    """As it is written, no space around it; None: larger than a record may be."""
    line: int
    """Where it starts."""
    mark: int
    """The character behind it: a comma or a closing bracket; 0: the end of the file."""


def read_array(name: str, blocks: Iterable[bytes]) -> Iterator[Located | DataError]:
    """Yields the objects of an array; holds one of them and a portion of the file.

    An element that is broken within its own brackets is an error of its own. After one whose end
    is not sure, reading stops.

    Args:
        name: of the file, for the origins.
        blocks: the file in portions; its first character that is no space is ``[``.
    """
    before, is_closed = 0, False
    lines = _CountedLines(blocks)
    for number, (raw, line, mark) in enumerate(_elements(lines), 1):
        # Where a whole array stands on one line, the line alone would be no place.
        origin = f"{name}:{line}" if line != before else f"{name}:{line}#{number}"
        before = line
        if raw is None:
            yield DataError(f"{origin}: a record of more than {LARGEST_RECORD // 2**20} MiB.")
            continue
        problem = _problem(raw, mark, is_first=number == 1, is_closed=is_closed)
        is_closed = is_closed or mark == CLOSE
        if problem:
            told = unread(lines.count_all() - line + 1)
            yield DataError(f"{origin}: broken JSON: {problem}. {told}")
            return
        if not raw:
            continue
        found = parse_record(raw, origin)
        if isinstance(found, DataError) and not WELL_BRACKETED.fullmatch(raw):
            yield DataError(f"{found} {unread(lines.count_all() - line + 1)}")
            return
        n_lines = 1 + raw.count(b"\n")
        if isinstance(found, DataError) and n_lines > 1:
            found = DataError(f"{found} {n_lines} lines are left out with it.")
        yield found


def unread(n_lines: int) -> str:
    """What to say where reading stops for good.

    Args:
        n_lines: from there to the end of the file.
    """
    n = "1 line" if n_lines == 1 else f"{n_lines} lines"
    return (
        "The records behind it cannot be told apart: nothing from here on is read, "
        f"{n} in all. Mend the file."
    )


class _CountedLines:
    """Counts the lines of a file that is read through it."""

    def __init__(self, blocks: Iterable[bytes]) -> None:
        self._blocks = iter(blocks)
        self._n_ends = 0
        self._rest = b""  # the last portion

    def __iter__(self) -> Iterator[bytes]:
        for block in self._blocks:
            self._n_ends += block.count(b"\n")
            self._rest = block or self._rest
            yield block

    def count_all(self) -> int:
        """The lines of the whole file, read to its end."""
        for _ in self:
            pass
        return self._n_ends + (not self._rest.endswith(b"\n"))


def _problem(raw: bytes, mark: int, *, is_first: bool, is_closed: bool) -> str:
    """What is wrong with the array around an element; empty: nothing."""
    if is_closed:
        return "more text behind the array" if raw else ""
    if mark == NOTHING:
        return "the file ends before the array is closed"
    if mark not in (COMMA, CLOSE):
        return f"the array is closed by {chr(mark)!r}"
    if not raw and not (is_first and mark == CLOSE):
        return "a comma with no record behind it" if mark == CLOSE else "a comma too many"
    return ""


def _elements(blocks: Iterable[bytes]) -> Iterator[Element]:
    """Cuts an array at its own commas; what stands behind the array is the last element."""
    scan = ArrayScan()
    held: list[bytes] = []
    n_held, line, n_newlines, is_open, is_closed = 0, 1, 0, False, False
    for block in blocks:
        start = 0
        for cut in [] if is_closed else scan.cuts(block):
            if is_open:
                held.append(block[start:cut])
                yield _element(held, n_held + cut - start, line, block[cut])
            line += n_newlines + block.count(b"\n", start, cut)
            held, n_held, n_newlines, start, is_open = [], 0, 0, cut + 1, True
            if block[cut] in b"]}":
                is_closed = True
                break
        n_held += len(block) - start
        n_newlines += block.count(b"\n", start)
        if n_held <= LARGEST_RECORD:
            held.append(block[start:])
        else:
            held.clear()
    yield _element(held, n_held, line, NOTHING)


def _element(held: list[bytes], n_held: int, line: int, mark: int) -> Element:
    if n_held > LARGEST_RECORD:
        return Element(None, line, mark)
    raw = held[0] if len(held) == 1 else b"".join(held)
    stripped = raw.lstrip(SPACE)
    if len(stripped) < len(raw):
        line += raw.count(b"\n", 0, len(raw) - len(stripped))
    return Element(stripped.rstrip(SPACE), line, mark)
