"""Files -> records: JSON lines, JSON, CSV, TSV and plain text, each record with its place."""

from __future__ import annotations

import csv
import io
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from tunesmith.core.errors import DataError

SUFFIXES = (".jsonl", ".ndjson", ".json", ".csv", ".tsv", ".txt", ".md")
LARGEST_CELL = 2**28
Located = tuple[str, dict[str, Any]]
"""A record and its origin, ``file:line``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth telling about a file whose records are all there."""

    text: str
    """Starts with the file's name."""


def read_records(path: Path) -> Iterator[Located | DataError | Notice]:
    """Yields the records of one file in order; a broken record is yielded as its error.

    The content decides between JSON and JSON lines, not the name of the file. A text file is one
    record with the key ``text``. A byte-order mark, CRLF and blank lines are accepted.

    Raises:
        DataError: the file cannot be read at all.
    """
    suffix = path.suffix.lower()
    if suffix not in SUFFIXES:
        raise DataError(f"{path}: unknown kind of file. Known: {', '.join(SUFFIXES)}.")
    if suffix in (".txt", ".md"):
        yield f"{path}:1", {"text": _text(path)}
    elif suffix in (".csv", ".tsv"):
        yield from _table(path, "\t" if suffix == ".tsv" else ",")
    elif _is_lines(path):
        yield from _lines(path)
    else:
        yield from _values(path)


def _text(path: Path) -> str:
    data = _bytes(path)
    encoding = "utf-16" if data[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}:{line}: byte {data[error.start]:#04x} at offset {error.start} is not "
            f"{encoding}. Save the file as UTF-8."
        ) from None


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}).") from None


def _is_lines(path: Path) -> bool:
    """Whether the file holds one JSON object per line, by its first line that is not blank."""
    with path.open("rb") as file:
        for raw in file:
            line = raw.removeprefix(b"\xef\xbb\xbf").strip()
            if not line:
                continue
            if line[:1] == b"[" or line[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return False
            if line[-1:] == b"}":
                return True
            # An object that goes on over lines opens with its brace alone or after a key; a
            # broken first line of JSON lines is followed by another object.
            return path.suffix.lower() in (".jsonl", ".ndjson") and line != b"{"
    return True


def _lines(path: Path) -> Iterator[Located | DataError]:
    with path.open("rb") as file:  # in bytes, so that U+2028 inside a text ends no line
        for number, raw in enumerate(file, 1):
            origin = f"{path}:{number}"
            line = raw.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else raw.strip()
            if not line:
                continue
            try:
                value = json.loads(line.decode("utf-8"))
            except UnicodeDecodeError as error:
                yield DataError(f"{origin}: byte {error.start} of the line is not UTF-8.")
            except json.JSONDecodeError as error:
                yield DataError(f"{origin}: broken JSON: {error.msg} at column {error.colno}.")
            except RecursionError:
                yield DataError(f"{origin}: nested too deep.")
            else:
                yield _located(value, origin, escaped=b"\\ud" in line.lower())


def _values(path: Path) -> Iterator[Located | DataError]:
    """A JSON array of records, one record, or an object of records by id."""
    text = _text(path)
    decoder = json.JSONDecoder()
    start = _skip_space(text, 0)
    if text[start : start + 1] != "[":
        try:
            value, end = decoder.raw_decode(text, start)
        except (json.JSONDecodeError, RecursionError) as error:
            yield _broken(path, text, error, start)
            return
        if _skip_space(text, end) < len(text):
            line = text.count("\n", 0, end) + 1
            yield DataError(f"{path}:{line}: more text behind the JSON value.")
            return
        values = list(cast("dict[str, Any]", value).values()) if isinstance(value, dict) else []
        if values and all(isinstance(v, dict) for v in values):
            for key, inner in cast("dict[str, Any]", value).items():
                yield _located(inner, f"{path}:{key}")
        else:
            yield _located(value, f"{path}:1")
        return
    position, line, counted = start + 1, 1, 0
    before = 0  # line of the record before
    for number in itertools.count(1):
        position = _skip_space(text, position)
        if text[position : position + 1] == "]":
            return
        line += text.count("\n", counted, position)
        counted = position
        try:
            value, position = decoder.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            yield _broken(path, text, error, position)
            return
        # Where a whole array stands on one line, the line alone would be no place.
        yield _located(value, f"{path}:{line}" if line != before else f"{path}:{line}#{number}")
        before = line
        position = _skip_space(text, position)
        if text[position : position + 1] == ",":
            position += 1
        elif text[position : position + 1] != "]":
            line = text.count("\n", 0, position) + 1
            yield DataError(f"{path}:{line}: broken JSON: expected ',' or ']' after a record.")
            return


def _skip_space(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    return position


def _broken(path: Path, text: str, error: Exception, start: int) -> DataError:
    if isinstance(error, json.JSONDecodeError):
        line = text.count("\n", 0, error.pos) + 1
        return DataError(
            f"{path}:{line}: broken JSON: {error.msg} at column {error.colno}. "
            "The records behind it cannot be told apart; mend the file."
        )
    return DataError(f"{path}:{text.count(chr(10), 0, start) + 1}: nested too deep.")


def _located(value: Any, origin: str, *, escaped: bool = True) -> Located | DataError:
    """A record with its place, or why it is none; ``escaped``: it may hold half a character."""
    if escaped:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except (UnicodeEncodeError, RecursionError):
            return DataError(f"{origin}: an escape like \\ud83d stands alone and is no character.")
    if not isinstance(value, dict):
        return DataError(f"{origin}: a record must be a JSON object, not {type(value).__name__}.")
    return origin, cast("dict[str, Any]", value)


def _table(path: Path, delimiter: str) -> Iterator[Located | DataError]:
    csv.field_size_limit(LARGEST_CELL)
    rows = csv.reader(io.StringIO(_text(path), newline=""), delimiter=delimiter)
    header: list[str] | None = None
    line = 1
    try:
        for row in rows:
            origin, line = f"{path}:{line}", rows.line_num + 1
            if not row:
                continue
            if header is None:
                header = [name.strip() for name in row]
            elif len(row) != len(header):
                yield DataError(
                    f"{origin}: {len(row)} cells, but the header has {len(header)} columns."
                )
            else:
                yield origin, dict(zip(header, row, strict=True))
    except csv.Error as error:
        yield DataError(f"{path}:{line}: broken table: {error}.")
