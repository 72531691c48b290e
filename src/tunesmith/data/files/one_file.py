"""One file: its bytes and the kind that its name tells -> records."""

from __future__ import annotations

from collections.abc import Iterator

from tunesmith.data.files.columnar import read_columnar
from tunesmith.data.files.encoding import utf8_blocks
from tunesmith.data.files.json_file import read_json
from tunesmith.data.files.kind import COLUMNAR, TABLES, TEXTS, Kind
from tunesmith.data.files.located import Item
from tunesmith.data.files.table import read_table
from tunesmith.data.files.text import read_text
from tunesmith.data.files.unpack import Readable


def read_stream(name: str, kind: Kind, stream: Readable, *, is_packed: bool) -> Iterator[Item]:
    """Yields the records of one file that is no archive.

    Args:
        name: of the file, for the origins.
        kind: as its name tells; its packing is undone already.
        stream: its bytes.
        is_packed: it comes out of a packed file or an archive.
    """
    if kind.suffix in TEXTS:
        yield from read_text(name, stream, is_packed=is_packed)
    elif kind.suffix in COLUMNAR:
        yield from read_columnar(name, kind.suffix, stream)
    elif kind.suffix in TABLES:
        yield from read_table(name, kind.suffix, utf8_blocks(name, stream))
    else:
        yield from read_json(name, kind.suffix, utf8_blocks(name, stream))
