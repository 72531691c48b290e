"""Archives: the members of a .tar, plain or packed, are read in place and never written out."""

from __future__ import annotations

import sys
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import IO, Any, cast

from tunesmith.core.errors import DataError
from tunesmith.data.files.encoding import decoded
from tunesmith.data.files.kind import (
    TEXTS,
    Kind,
    is_hidden,
    is_kept_beside_data,
    is_prose_about_data,
    kind_of,
)
from tunesmith.data.files.labelled import TextLabel, labelled_texts
from tunesmith.data.files.located import LARGEST_RECORD, Item, Notice, listing, shown
from tunesmith.data.files.one_file import read_stream
from tunesmith.data.files.splits import split_of
from tunesmith.data.files.text import text_record
from tunesmith.data.files.unpack import BLOCK, Readable, opened, read_all, unpacked

LARGEST_HEADER = 2**20
"""Bytes that may stand between two members: 1 MiB."""
DAMAGES = (tarfile.TarError, EOFError, ValueError, OverflowError, RecursionError, OSError)


def archive_splits(path: Path) -> list[str]:
    """The splits that the members of an archive belong to, in order of appearance.

    Raises:
        DataError: the archive is damaged, or has a member that an archive of data does not have.
    """
    plan = _plan(path)
    return list(dict.fromkeys(plan.split_of(path, name) for name in plan.kinds))


def read_archive(path: Path, split: str | None) -> Iterator[Item]:
    """Yields the records of an archive's members in their order.

    Where the members are labelled texts, each is a record with ``text`` and ``label``, and other
    texts beside them are left out. A blank text is yielded as its error. The origin is
    ``archive.tar.gz!member:line``, and ``archive.tar.gz!member`` for a labelled text.

    Args:
        path: the archive.
        split: whose members are read; None: all.

    Raises:
        DataError: the archive is damaged, or has a member that an archive of data does not have:
            a link, a device, a path that leads out of it.
    """
    plan = _plan(path)
    name_shown = shown(path)
    if plan.others:
        n = len(plan.others)
        told = f"{n} members left out that are no data: {listing(plan.others)}."
        yield Notice(f"{name_shown}: {told}")
    n_unlabelled = 0
    for name, stream in _members(path):
        kind = plan.kinds.get(name)
        if kind is None or split not in (None, plan.split_of(path, name)):
            continue
        place = f"{name_shown}!{_plain(name)}"
        text = plan.labels.get(name)
        if text is None:
            inner = unpacked(place, stream, kind.packing)
            is_empty = True
            for item in read_stream(place, kind, inner, is_packed=True):
                is_empty = is_empty and isinstance(item, Notice)
                yield item
            if is_empty:
                yield Notice(f"{place}: holds no record.")
        elif text.label is None:
            n_unlabelled += 1
        else:
            content = decoded(place, read_all(place, stream, LARGEST_RECORD))
            yield text_record(place, content, text.label)
    if n_unlabelled:
        yield Notice(f"{name_shown}: {n_unlabelled} texts without a label left out.")


@dataclass(frozen=True, slots=True)
class _Plan:
    """Which members are read, and as what."""

    kinds: dict[str, Kind]
    labels: dict[str, TextLabel]
    others: list[str]
    """Members that are no data."""

    def split_of(self, archive: Path, name: str) -> str:
        """The split of a member; what the archive is called decides where its path does not."""
        if name in self.labels:
            return self.labels[name].split
        return split_of(f"{archive.name}!{name}") or "train"


def _plan(path: Path) -> _Plan:
    names = [name for name, _ in _members(path)]
    labels = labelled_texts(names)
    kinds: dict[str, Kind] = {}
    others: list[str] = []
    for name in names:
        kind = kind_of(name)
        file = PurePosixPath(name).name
        if is_hidden(file):
            continue
        is_about = is_prose_about_data(file) or is_kept_beside_data(file)
        is_beside = kind is not None and kind.suffix in TEXTS and labels and name not in labels
        if kind is None or kind.suffix == ".tar" or is_beside or is_about:
            others.append(_plain(name))
        else:
            kinds[name] = kind
    return _Plan(kinds, labels, others)


def _members(path: Path) -> Iterator[tuple[str, Readable]]:
    """Name and bytes of each file in the archive; the bytes are to be read before the next one."""
    kind = kind_of(path.name)
    assert kind is not None, path
    with opened(path, kind.packing) as plain:
        bounded = _Bounded(path, plain)
        try:
            with _tar(bounded) as tar:
                while (member := tar.next()) is not None:
                    _refuse_harm(path, member)
                    bounded.limit = member.offset_data + member.size + LARGEST_HEADER
                    stream = tar.extractfile(member)
                    if stream is not None:
                        yield member.name, _Member(path, stream)
                    cast("Any", tar).members.clear()  # else it holds the headers of all members
        except DAMAGES as error:
            raise _damaged(path, error) from None
        bounded.limit = sys.maxsize
        while bounded.read(BLOCK):  # to the end, where packed files hold their checksum
            pass


def _tar(stream: Readable) -> tarfile.TarFile:
    return tarfile.open(fileobj=cast("IO[bytes]", stream), mode="r|", bufsize=BLOCK)


class _Bounded:
    """The archive's bytes; a header cannot be larger than a header is."""

    def __init__(self, path: Path, inner: Readable) -> None:
        self.limit = LARGEST_HEADER
        self._path = path
        self._inner = inner
        self._n_bytes = 0

    def read(self, size: int, /) -> bytes:
        data = self._inner.read(size)
        self._n_bytes += len(data)
        if self._n_bytes > self.limit:
            raise DataError(
                f"{shown(self._path)}: the header of a member is too large. Pack it again."
            )
        return data


class _Member:
    """The bytes of one member; damage is told as a :class:`DataError`."""

    def __init__(self, path: Path, inner: Readable) -> None:
        self._path = path
        self._inner = inner

    def read(self, size: int, /) -> bytes:
        try:
            return self._inner.read(size)
        except DAMAGES as error:
            raise _damaged(self._path, error) from None


def _damaged(path: Path, error: BaseException) -> DataError:
    return DataError(f"{shown(path)}: the archive is damaged ({error}). Fetch or pack it again.")


def _refuse_harm(path: Path, member: tarfile.TarInfo) -> None:
    """Refuses what no archive of data has and what could reach out of it."""
    parts = PurePosixPath(member.name).parts
    if member.issym() or member.islnk():
        what = "is a link"
    elif not (member.isdir() or member.isreg()) or member.issparse():
        what = "is no plain file"
    elif member.name.startswith("/") or ".." in parts or "\\" in member.name:
        what = "leads out of the archive"
    else:
        return
    raise DataError(
        f"{shown(path)}: member {_plain(member.name)!r} {what}. Pack plain files alone."
    )


def _plain(name: str) -> str:
    """A member's name as it can be printed on one line."""
    return name if name.isprintable() else ascii(name)[1:-1]
