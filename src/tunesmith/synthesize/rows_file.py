"""Rows file: ``rows.jsonl``, every row that was drafted, in the order of the documents."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import orjson

from tunesmith.core.errors import RunError
from tunesmith.synthesize.row import Row


def write_rows(path: Path, rows: Iterable[Row]) -> int:
    """Writes rows, one JSON object a line; the file appears when it is whole.

    Returns:
        How many.

    Raises:
        RunError: the disk is full or the folder not writable.
    """
    draft = path.with_name(f".{path.name}.draft")
    n = 0
    try:
        with draft.open("wb") as file:
            for row in rows:
                file.write(orjson.dumps(row.as_dict(), option=orjson.OPT_APPEND_NEWLINE))
                n += 1
        draft.replace(path)
    except OSError as error:
        raise RunError(f"{path}: cannot be written ({error.strerror or error}).") from None
    finally:
        draft.unlink(missing_ok=True)
    return n


def read_rows(path: Path) -> Iterator[Row]:
    """Reads rows, one at a time.

    Raises:
        RunError: the file is not there, or a line is not a row.
    """
    try:
        with path.open("rb") as file:
            for number, line in enumerate(file, 1):
                try:
                    row = Row.from_dict(orjson.loads(line))
                except (ValueError, KeyError, TypeError) as error:
                    raise RunError(
                        f"{path}:{number}: is no row ({error}). Build the dataset again."
                    ) from None
                yield row
    except OSError as error:
        raise RunError(
            f"{path}: cannot be read ({error.strerror or error}). Build the dataset first: "
            "tunesmith data build."
        ) from None
