"""Writing: records -> a file that reading gives back exactly."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Generator, Iterable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any, Protocol

from tunesmith.core.errors import DataError
from tunesmith.core.extras import require
from tunesmith.data.files.formula import escaped, header_line
from tunesmith.data.files.kind import TABLES, Kind, kind_of
from tunesmith.data.files.table import DELIMITERS, SUFFIX_DELIMITERS
from tunesmith.data.files.write_parquet import write_parquet

WRITTEN = (".jsonl", ".ndjson", ".json", *TABLES, ".parquet")
Record = Mapping[str, Any]


class Writable(Protocol):
    """A stream that takes bytes."""

    def write(self, data: bytes, /) -> Any:
        """Takes all of them."""
        ...


def require_writable(path: Path) -> Kind:
    """The kind of file that a name tells.

    Raises:
        DataError: records are not written to this kind of file.
    """
    kind = kind_of(path.name)
    is_packed_parquet = kind is not None and kind.suffix == ".parquet" and kind.packing
    if kind is None or kind.suffix not in WRITTEN or is_packed_parquet:
        raise DataError(
            f"{path}: records are not written to this kind of file. Known: {', '.join(WRITTEN)}; "
            "all but .parquet also with .gz or .zst behind it."
        )
    return kind


def write_records(path: Path, records: Iterable[Record]) -> int:
    """Writes records to a file, in the container that its name tells; holds a portion of them.

    The file appears when it is whole; one that was there before is replaced. In a table and in
    Parquet every record needs the same keys. A table's cells hold text: numbers and booleans become
    text, and cells that a spreadsheet would take for formulas are escaped and read back as they
    were (see :mod:`tunesmith.data.files.formula`). In Parquet, keys that only some nested objects
    have come back as None in the others.

    Args:
        path: ends in .jsonl, .ndjson, .json, .csv or .tsv, also with .gz or .zst behind it, or in
            .parquet.
        records: objects of JSON values.

    Returns:
        How many were written.

    Raises:
        DataError: the kind of file is not known, or a record cannot be held by it.
        MissingExtraError: .parquet or .zst without the extra that writes them.
    """
    kind = require_writable(path)
    counted = _Counted(records)
    with _replacing(path) as part:
        if kind.suffix == ".parquet":
            write_parquet(path, part, _alike(path, counted))
            return counted.n
        with _packing(path, part, kind.packing) as stream:
            if kind.suffix in SUFFIX_DELIMITERS:
                portions = _table(path, _alike(path, counted), SUFFIX_DELIMITERS[kind.suffix])
            else:
                portions = _json(path, counted, is_array=kind.suffix == ".json")
            while portion := b"".join(islice(portions, 1024)):
                stream.write(portion)
    return counted.n


class _Counted:
    """Counts the records that are taken from it."""

    def __init__(self, records: Iterable[Record]) -> None:
        self.n = 0
        self._records = records

    def __iter__(self) -> Iterator[Record]:
        for record in self._records:
            self.n += 1
            yield record


@contextmanager
def _replacing(path: Path) -> Generator[Path]:
    """A file beside ``path`` that takes its place in the end, and is gone after a failure."""
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        yield part
        os.replace(part, path)
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}).") from None
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def _packing(path: Path, part: Path, packing: str) -> Generator[Writable]:
    with part.open("wb") as file:
        if packing == ".gz":
            with gzip.GzipFile("", "wb", fileobj=file, mtime=0) as stream:
                yield stream
        elif packing == ".zst":
            arrow = require("pyarrow", extra="files", purpose=f"Writing {path}")
            with arrow.CompressedOutputStream(arrow.PythonFile(file), "zstd") as stream:
                yield stream
        else:
            yield file


def _json(path: Path, records: Iterable[Record], *, is_array: bool) -> Iterator[bytes]:
    before = b"[\n" if is_array else b""
    for number, record in enumerate(records, 1):
        yield before + _json_text(path, number, dict(record))
        before = b",\n" if is_array else b"\n"
    if is_array:
        yield b"[]\n" if before == b"[\n" else b"\n]\n"
    elif before:
        yield before


def _json_text(path: Path, number: int, value: Any) -> bytes:
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: record {number} cannot be written as JSON: {error}.") from None


def _alike(path: Path, records: Iterable[Record]) -> Iterator[Record]:
    """The records, each with the keys of the first one."""
    keys: list[str] | None = None
    for number, record in enumerate(records, 1):
        keys = list(record) if keys is None else keys
        if set(record) != set(keys):
            raise DataError(
                f"{path}: record {number} has the keys {sorted(record)}, the first one has "
                f"{sorted(keys)}, and a table has the same columns in every row. Write .jsonl."
            )
        yield record


def _table(path: Path, records: Iterator[Record], delimiter: str) -> Iterator[bytes]:
    first = next(records, None)
    if first is None:
        return
    names = list(first)
    if "" in names[1:]:
        raise DataError(f"{path}: a column that is not the first has no name. Give it one.")
    yield header_line([_text(path, 0, name) for name in names], delimiter).encode()
    for number, record in enumerate(chain([first], records), 1):
        row = _row(path, number, [record[name] for name in names], delimiter)
        try:
            yield row.encode() + b"\n"
        except UnicodeEncodeError as error:
            raise DataError(f"{path}: record {number} cannot be written: {error}.") from None


def _row(path: Path, number: int, cells: list[Any], delimiter: str) -> str:
    return delimiter.join(_cell(path, number, cell, alone=len(cells) == 1) for cell in cells)


def _cell(path: Path, number: int, value: Any, *, alone: bool) -> str:
    if isinstance(value, bool | int | float):
        return _json_text(path, number, value).decode()
    text = _text(path, number, value)
    needs_quotes = (
        any(mark in text for mark in ('"', "\r", "\n", "\ufeff", *DELIMITERS))
        or text != text.strip()
        or (alone and not text)
    )
    return '"' + text.replace('"', '""') + '"' if needs_quotes else text


def _text(path: Path, number: int, value: Any) -> str:
    """A text as a cell holds it, without quotes."""
    if not isinstance(value, str) or "\0" in value:
        what = "NUL byte" if isinstance(value, str) else type(value).__name__
        raise DataError(
            f"{path}: record {number} holds a {what}, and a table's cells hold text. Write .jsonl."
        )
    return escaped(value)
