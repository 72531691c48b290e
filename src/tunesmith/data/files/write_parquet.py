"""Parquet: records -> row groups. Their types are told from all of them before one is written."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from tunesmith.core.errors import DataError
from tunesmith.core.extras import require

ROWS_AT_ONCE = 4096


def write_parquet(path: Path, part: Path, records: Iterable[Mapping[str, Any]]) -> None:
    """Writes records that all have the same keys.

    Args:
        path: for messages.
        part: the file that is written.
        records: read once; kept in a temporary file beside ``part`` in between.

    Raises:
        DataError: a column holds values of different types, or one that Parquet does not hold.
        MissingExtraError: pyarrow is not installed.
    """
    arrow = require("pyarrow", extra="files", purpose=f"Writing {path}")
    parquet = require("pyarrow.parquet", extra="files", purpose=f"Writing {path}")
    number = 0
    try:
        with tempfile.TemporaryFile(dir=part.parent) as kept:
            schema = arrow.schema([])
            remaining = iter(records)
            while portion := [dict(record) for record in islice(remaining, ROWS_AT_ONCE)]:
                table = arrow.Table.from_pylist(portion)
                schema = arrow.unify_schemas([schema, table.schema], promote_options="permissive")
                kept.write(orjson.dumps(portion) + b"\n")
                number += len(portion)
            kept.seek(0)
            with parquet.ParquetWriter(part, schema) as writer:
                for portion in _portions(kept):
                    writer.write_table(arrow.Table.from_pylist(portion, schema=schema))
    except (arrow.ArrowException, TypeError, ValueError, OverflowError) as error:
        told = str(error).partition("\n")[0].rstrip(".")
        raise DataError(
            f"{path}: records from {number + 1} on cannot be held ({told}). Write .jsonl instead."
        ) from None


def _portions(kept: IO[bytes]) -> Iterator[list[dict[str, Any]]]:
    for line in kept:
        yield orjson.loads(line)
