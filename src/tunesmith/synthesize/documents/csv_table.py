"""CSV and TSV: each row is a block; the first one names the columns."""

from __future__ import annotations

import io

from tunesmith.core.errors import DataError
from tunesmith.data.files.encoding import utf8_blocks
from tunesmith.data.files.located import Notice
from tunesmith.data.files.table import read_table
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.refusal import Refusal
from tunesmith.synthesize.documents.writer import Writer


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads a table of one file.

    Raises:
        Refusal: the header is broken.
    """
    table = writer.new_table()
    is_first = True
    # Whatever parts the columns is found in the header; the suffix decides a tie alone.
    try:
        for item in read_table("it", ".csv", utf8_blocks("it", io.BytesIO(data))):
            if isinstance(item, DataError):
                writer.left_out["broken rows"] += 1
            elif not isinstance(item, Notice):
                _, record = item
                if is_first:
                    writer.row(list(record), table, is_header=True)
                is_first = False
                writer.row([str(cell) for cell in record.values()], table)
    except DataError as error:
        raise Refusal(f"is no sound table: {str(error).removeprefix('it:')}") from None
