"""Files -> records: every container that is read, each record with its place."""

from __future__ import annotations

from collections.abc import Iterator

from tunesmith.core.errors import DataError
from tunesmith.data.files.archive import read_archive
from tunesmith.data.files.columnar import read_columnar
from tunesmith.data.files.folder import read_labelled
from tunesmith.data.files.kind import COLUMNAR, KNOWN, SUFFIXES, kind_of
from tunesmith.data.files.located import Item, Located, Notice, shown
from tunesmith.data.files.one_file import read_stream
from tunesmith.data.files.section import DataFile, Section
from tunesmith.data.files.unpack import opened
from tunesmith.data.files.write import write_records

__all__ = ["SUFFIXES", "DataFile", "Located", "Notice", "Section", "read_records", "write_records"]


def read_records(file: DataFile) -> Iterator[Item]:
    """Yields the records of one file in order; a broken record is yielded as its error.

    Holds one record and a portion of the file at a time. The content decides between JSON and JSON
    lines, and between the delimiters of a table, not the name of the file. A text file is one
    record with the key ``text``. UTF-8 with or without a byte-order mark, UTF-16 with one, CRLF
    and blank lines are accepted.

    Raises:
        DataError: the file cannot be read at all, or not further.
        MissingExtraError: .parquet, .arrow or .zst without the extra that reads them.
    """
    if isinstance(file, Section):
        if file.path.is_dir():
            yield from read_labelled(file.path, file.split)
        else:
            yield from read_archive(file.path, file.split)
        return
    kind, name = kind_of(file.name), shown(file)
    if kind is None:
        raise DataError(f"{name}: unknown kind of file. Known: {KNOWN}.")
    if kind.suffix == ".tar":
        yield from read_archive(file, None)
    elif kind.suffix in COLUMNAR and not kind.packing:
        yield from read_columnar(name, kind.suffix, file)
    else:
        with opened(file, kind.packing) as stream:
            is_packed = bool(kind.packing)
            yield from read_stream(name, kind, stream, is_packed=is_packed)
