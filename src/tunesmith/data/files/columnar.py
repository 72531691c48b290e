"""Parquet and Arrow: columns -> records, one portion of rows at a time."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from tunesmith.core.errors import DataError
from tunesmith.core.extras import require
from tunesmith.data.files.located import LARGEST_RECORD, Located
from tunesmith.data.files.unpack import Readable, read_all

ROWS_AT_ONCE = 1024
FILE_MAGIC = b"ARROW1"


def read_columnar(name: str, suffix: str, source: Path | Readable) -> Iterator[Located | DataError]:
    """Yields the rows; the origin is ``file:row``, counted from 1.

    Text, whole numbers, floats, booleans, lists and structs are taken as they are; dates and times
    become text as Arrow writes them (``2024-05-01 12:30:00``). A missing value is None.

    Args:
        name: of the file, for the origins.
        suffix: ``.parquet`` or ``.arrow`` (an IPC file, or a stream as ``datasets`` saves it).
        source: a plain file; or a stream, which is held in memory as a whole.

    Raises:
        DataError: the file is damaged, or a column holds what no example is made of.
        MissingExtraError: pyarrow is not installed.
    """
    arrow = require("pyarrow", extra="files", purpose=f"Reading {name}")
    if isinstance(source, Path):
        file: Any = str(source)
    else:
        file = arrow.BufferReader(read_all(name, source, LARGEST_RECORD))
    row = 0
    try:
        with _batches(arrow, suffix, file) as (schema, batches):
            target = _schema_as_read(arrow, name, schema)
            float_columns = _float_columns(arrow, target)
            for batch in batches:
                batch.validate(full=True)
                table = arrow.Table.from_batches([batch]).cast(target)
                for start in range(0, table.num_rows, ROWS_AT_ONCE):
                    for record in table.slice(start, ROWS_AT_ONCE).to_pylist():
                        row += 1
                        yield _checked(record, f"{name}:{row}", float_columns)
    except (arrow.ArrowException, OSError, ValueError, KeyError, NotImplementedError) as error:
        told = str(error).partition("\n")[0].rstrip(".") or type(error).__name__
        raise DataError(
            f"{name}:{row + 1}: the {suffix} file is damaged or not what its name says ({told}). "
            "Write it again."
        ) from None


@contextmanager
def _batches(arrow: ModuleType, suffix: str, file: Any) -> Generator[tuple[Any, Iterator[Any]]]:
    """The schema and the portions of rows."""
    if suffix == ".parquet":
        parquet = require("pyarrow.parquet", extra="files", purpose="Reading Parquet")
        with parquet.ParquetFile(file, pre_buffer=False, buffer_size=2**20) as opened:
            yield opened.schema_arrow, opened.iter_batches(ROWS_AT_ONCE, use_threads=False)
        return
    with arrow.OSFile(file) if isinstance(file, str) else file as source:
        magic = source.read(len(FILE_MAGIC))
        source.seek(0)
        if magic == FILE_MAGIC:
            with arrow.ipc.open_file(source) as opened:
                yield opened.schema, map(opened.get_batch, range(opened.num_record_batches))
        else:
            with arrow.ipc.open_stream(source) as opened:
                yield opened.schema, iter(opened)


def _schema_as_read(arrow: ModuleType, name: str, schema: Any) -> Any:
    """The schema with every type as it is read.

    Raises:
        DataError: two columns have one name, or one has a type that is not taken.
    """
    twice = next((column for column in schema.names if schema.names.count(column) > 1), None)
    if twice is not None:
        raise DataError(f"{name}: two columns are called {twice!r}. Give them different names.")
    return arrow.schema([(f.name, _type_as_read(arrow, name, f.name, f.type)) for f in schema])


def _type_as_read(arrow: ModuleType, name: str, column: str, kind: Any) -> Any:
    types = arrow.types
    if types.is_dictionary(kind):
        return _type_as_read(arrow, name, column, kind.value_type)
    if types.is_struct(kind):
        inner = [kind.field(i) for i in range(kind.num_fields)]
        return arrow.struct(
            [(f.name, _type_as_read(arrow, name, f"{column}.{f.name}", f.type)) for f in inner]
        )
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        inner = _type_as_read(arrow, name, f"{column}[]", kind.value_type)
        return arrow.large_list(inner) if types.is_large_list(kind) else arrow.list_(inner)
    if types.is_date(kind) or types.is_timestamp(kind) or types.is_time(kind):
        return arrow.string()
    is_text = types.is_string(kind) or types.is_large_string(kind)
    is_number = types.is_boolean(kind) or types.is_integer(kind) or types.is_floating(kind)
    if is_text or is_number or types.is_null(kind):
        return kind
    raise DataError(
        f"{name}: column {column!r} holds {kind}, which no example is made of. Leave the column "
        "out, or write it as text or numbers."
    )


def _float_columns(arrow: ModuleType, schema: Any) -> list[str]:
    """Names of the columns that hold floats, however deep."""
    return [field.name for field in schema if _holds_float(arrow, field.type)]


def _holds_float(arrow: ModuleType, kind: Any) -> bool:
    if arrow.types.is_nested(kind):
        return any(_holds_float(arrow, kind.field(i).type) for i in range(kind.num_fields))
    return arrow.types.is_floating(kind)


def _checked(record: dict[str, Any], origin: str, float_columns: list[str]) -> Located | DataError:
    """The record, or an error where a number is not finite."""
    for column in float_columns:
        if not _is_finite(record[column]):
            return DataError(
                f"{origin}: {column!r} holds a number that is not finite. Write it as a missing "
                "value, or take the row out."
            )
    return origin, record


def _is_finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_is_finite, cast("dict[str, Any]", value).values()))
    if isinstance(value, list):
        return all(map(_is_finite, cast("list[Any]", value)))
    return not isinstance(value, float) or math.isfinite(value)
