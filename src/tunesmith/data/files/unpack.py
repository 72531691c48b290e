"""Unpack: opens a file, plain or as .gz or .zst, as a stream of bytes that cannot explode."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from tunesmith.core.errors import DataError
from tunesmith.core.extras import require
from tunesmith.data.files.located import shown

BLOCK = 2**18
"""Bytes read at a time: 256 KiB."""
LARGEST_RATIO = 200
"""Unpacked bytes for each packed one; real text has 3 to 20."""
ALWAYS_UNPACKED = 2**26
"""Unpacked bytes that are never asked for their ratio: 64 MiB."""


class Readable(Protocol):
    """A stream of bytes."""

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end."""
        ...


class Unpacked:
    """The unpacked bytes of a stream, in bounds; damage is told as a :class:`DataError`."""

    def __init__(self, name: str, packed: _Counted, unpacked: Readable) -> None:
        self.name = name
        self.n_bytes = 0
        self._packed = packed
        self._unpacked = unpacked

    def read(self, size: int, /) -> bytes:
        """At most ``size`` bytes; none at the end.

        Raises:
            DataError: the packed stream is damaged or cut off, or unpacks to far more than any
                text does.
        """
        try:
            data = self._unpacked.read(size)
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(
                f"{self.name}: the packed file is damaged ({error}). Fetch or pack it again."
            ) from None
        self.n_bytes += len(data)
        if self.n_bytes > max(ALWAYS_UNPACKED, LARGEST_RATIO * self._packed.n_bytes):
            raise DataError(
                f"{self.name}: too large when unpacked: more than {LARGEST_RATIO} times the packed "
                "size. If it is meant to be, unpack it yourself and name the plain file."
            )
        return data


class _Counted(io.RawIOBase):
    """Counts the bytes that are read through it."""

    def __init__(self, inner: Readable) -> None:
        self.n_bytes = 0
        self._inner = inner

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview, /) -> int:  # pyright: ignore[reportIncompatibleMethodOverride]
        data = self._inner.read(len(buffer))
        buffer[: len(data)] = data
        self.n_bytes += len(data)
        return len(data)


def unpacked(name: str, stream: Readable, packing: str) -> Readable:
    """The plain bytes of a stream.

    Args:
        name: of the file, for messages.
        stream: its bytes as they are stored.
        packing: ``.gz``, ``.zst`` or empty.

    Raises:
        MissingExtraError: ``.zst`` without the extra that reads it.
    """
    if not packing:
        return stream
    counted = _Counted(stream)
    if packing == ".gz":
        return Unpacked(name, counted, gzip.GzipFile(fileobj=counted, mode="rb"))
    # Not zstandard's own reader: it ends without a word where a file is cut off.
    arrow = require("pyarrow", extra="files", purpose=f"Reading {name}")
    return Unpacked(name, counted, arrow.CompressedInputStream(arrow.PythonFile(counted), "zstd"))


@contextmanager
def opened(path: Path, packing: str = "") -> Generator[Readable]:
    """Opens a file to be read once, unpacked.

    Raises:
        DataError: it cannot be opened.
    """
    try:
        file = path.open("rb")
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror}).") from None
    with file:
        yield unpacked(shown(path), file, packing)


def read_all(name: str, stream: Readable, limit: int | None) -> bytes:
    """Everything that is left of a stream.

    Args:
        name: of the file, for messages.
        stream: where to read.
        limit: bytes that are taken at most; None: no limit.

    Raises:
        DataError: there is more than that.
    """
    parts: list[bytes] = []
    n_bytes = 0
    while part := stream.read(BLOCK):
        parts.append(part)
        n_bytes += len(part)
        if limit is not None and n_bytes > limit:
            raise DataError(
                f"{name}: larger than {limit // 2**20} MiB, too large to be held in memory as a "
                "whole. Split it, or unpack it."
            )
    return b"".join(parts)
