"""Rows: where each row of a dataset's ``rows.jsonl`` stands, and what it can be filtered by.

Only places and small numbers are held, some 40 bytes a row; a row's text is read when it is asked
for.
"""

from __future__ import annotations

import json
import os
from array import array
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import orjson

from tunesmith.core.errors import DataError

FACETS = ("fate", "kind", "split", "language", "document")
"""What a row has exactly one value of."""
MOST_LABELS = 200


class Rows:
    """The rows of one file, in its order. It is read as it was when it was opened."""

    def __init__(self, path: Path) -> None:
        """Reads the file once.

        Raises:
            DataError: there is no such file, or a line of it is no row.
        """
        self.path = path
        try:
            self._file = open(path, "rb")  # noqa: SIM115 - closed by close()
        except OSError as error:
            raise DataError(
                f"{path}: cannot be read ({error.strerror}). "
                "Name a folder that `tunesmith data build` has written."
            ) from None
        self.stamp = stamp(path)
        self.names: dict[str, str] = {}
        """Documents' names, by their hash."""
        try:
            self._scan()
        except BaseException:
            self._file.close()
            raise

    def _scan(self) -> None:
        offsets, ids = array("q", [0]), array("Q")
        codes: dict[str, array[int]] = {name: array("I") for name in FACETS}
        known: dict[str, dict[str, int]] = {name: {} for name in FACETS}
        flags: dict[str, array[int]] = {}
        labels: dict[str, None] = {}
        for position, line in enumerate(self._file):
            row = self._parse(line, position)
            offsets.append(offsets[-1] + len(line))
            try:
                ids.append(int(row["id"], 16))
            except (KeyError, TypeError, ValueError, OverflowError):
                raise self._damaged(position, "the id is not of 16 hexadecimal digits") from None
            for name in FACETS:
                value = facet(row, name)
                codes[name].append(known[name].setdefault(value, len(known[name])))
            source = row.get("provenance") or {}
            self.names.setdefault(str(source.get("document")), str(source.get("name")))
            for flag in flags_of(row):
                flags.setdefault(flag, array("q")).append(position)
            if row.get("label") and len(labels) < MOST_LABELS:
                labels.setdefault(str(row["label"]))
        self._offsets = np.frombuffer(offsets, np.int64)
        self._ids = np.frombuffer(ids, np.uint64)
        self._by_id = np.argsort(self._ids, kind="stable")
        self.codes = {name: np.frombuffer(c, np.uint32) for name, c in codes.items()}
        """Of each facet, [N] places in its values."""
        self.values = {name: list(values) for name, values in known.items()}
        """Of each facet, the values in order of first use."""
        self.flags = {flag: np.frombuffer(found, np.int64) for flag, found in flags.items()}
        """Positions of the rows that have a flag."""
        self.labels = sorted(labels)
        in_order = self._ids[self._by_id]
        if (twice := np.flatnonzero(in_order[1:] == in_order[:-1])).size:
            first, second = sorted(self._by_id[twice[0] : twice[0] + 2].tolist())
            raise self._damaged(second, f"has the id of line {first + 1}")

    def __len__(self) -> int:
        return len(self._ids)

    def close(self) -> None:
        """Closes the file."""
        self._file.close()

    def position(self, id: str) -> int | None:
        """Where the row of an id stands, from 0; None where there is none."""
        try:
            wanted = np.uint64(int(id, 16))
        except (ValueError, OverflowError):
            return None
        place = int(np.searchsorted(self._ids, wanted, sorter=self._by_id))
        if place == len(self) or self._ids[self._by_id[place]] != wanted:
            return None
        return int(self._by_id[place])

    def id(self, position: int) -> str:
        """The id of the row at a position."""
        return f"{int(self._ids[position]):016x}"

    def read(self, position: int) -> dict[str, Any]:
        """The row at a position."""
        return self._parse(self._line(position), position)

    def many(self, positions: np.ndarray, words: str = "") -> Iterator[tuple[int, dict[str, Any]]]:
        """The rows at several positions.

        Args:
            positions: from 0, [N].
            words: casefolded; rows that cannot hold them may be passed over.
        """
        plain = words.isascii() and words.isprintable() and not set(words) & set('"\\')
        asked = words.encode() if plain else b""
        for position in positions.tolist():
            line = self._line(position)
            # A line of plain ASCII says what it holds without being parsed, ten times as fast.
            if asked and line.isascii() and b"\\u" not in line and asked not in line.lower():
                continue
            yield position, self._parse(line, position)

    def _line(self, position: int) -> bytes:
        start, end = self._offsets[position : position + 2].tolist()
        # pread has no position of its own that threads could take from each other.
        return os.pread(self._file.fileno(), end - start, start)

    def _parse(self, line: bytes, position: int) -> dict[str, Any]:
        try:
            row = orjson.loads(line)
        except orjson.JSONDecodeError:
            row = _patiently(line)
        if not isinstance(row, dict):
            raise self._damaged(position, "is not a row")
        return row

    def _damaged(self, position: int, fact: str) -> DataError:
        return DataError(f"{self.path}:{position + 1}: {fact}. Run `tunesmith data build` again.")


def stamp(path: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written anew; None where it is gone."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns


def facet(row: Mapping[str, Any], name: str) -> str:
    """A row's value of a facet."""
    if name == "document":
        return str((row.get("provenance") or {}).get("document"))
    return str(row.get(name) or "")


def flags_of(row: Mapping[str, Any]) -> list[str]:
    """A row's flags, each once."""
    flags = (row.get("provenance") or {}).get("flags") or ()
    return list(dict.fromkeys(flag if isinstance(flag, str) else _told(flag) for flag in flags))


def _patiently(line: bytes) -> Any:
    """A line as Python reads JSON: with halves of characters, which some documents hold."""
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _told(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)
