"""One JSON object -> a record, strictly: what other readers let pass in silence is an error."""

from __future__ import annotations

import json
from typing import Any, cast

import orjson

from tunesmith.core.errors import DataError
from tunesmith.data.files.located import Located

MAX_DEPTH = 128
"""Levels of nesting that are taken; real records have fewer than ten."""
LARGEST_FLOAT_INT = 2.0**63
"""From here on orjson reads a whole number as a float, which may not be exact."""


def parse_record(raw: bytes, origin: str) -> Located | DataError:
    """A record from its bytes, or why it is none.

    The bytes must be UTF-8 and JSON in the strict sense: no NaN, no trailing comma, no lone
    surrogate, no control character. A key that stands twice in one object is an error, for one of
    its values would be lost. Whole numbers are exact at any size.
    """
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        return broken(raw, origin, error)
    if type(value) is not dict:
        return DataError(f"{origin}: a record must be a JSON object, not {type(value).__name__}.")
    record = cast("dict[str, Any]", value)
    # Each key and each text stands in two quotes: more of them mean escaped ones, or a key twice.
    if raw.count(b'"') != _n_quotes(record):
        return _looked_over(raw, record, origin)
    return origin, record


def _n_quotes(record: dict[str, Any]) -> int:
    """Quotes around the keys and texts of a flat record; -1 where a closer look is needed."""
    n = len(record)
    for value in record.values():
        if isinstance(value, str):
            n += 1
        elif isinstance(value, list | dict) or _is_inexact(value):
            return -1
    return 2 * n


def _looked_over(raw: bytes, record: dict[str, Any], origin: str) -> Located | DataError:
    """A record that is nested, or holds escaped quotes, large numbers or a key twice."""
    n_strings, any_large = 0, False
    level: list[Any] = [record]
    for _ in range(MAX_DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, str):
                n_strings += 1
            elif isinstance(value, dict):
                inner = cast("dict[str, Any]", value)
                n_strings += len(inner)
                below.extend(inner.values())
            elif isinstance(value, list):
                below.extend(cast("list[Any]", value))
            else:
                any_large = any_large or _is_inexact(value)
        if not below:
            break
        level = below
    else:
        return _too_deep(origin)
    n_escaped = raw.count(b'\\"') - raw.count(b'\\\\"')
    if not any_large and raw.count(b'"') - n_escaped == 2 * n_strings:
        return origin, record
    try:
        return origin, json.loads(raw, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        return DataError(f"{origin}: {error}")


def _is_inexact(value: Any) -> bool:
    return isinstance(value, float) and abs(value) >= LARGEST_FLOAT_INT


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        twice = next(key for key in keys if keys.count(key) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object. Keep one of them.")
    return found


def broken(raw: bytes, origin: str, error: json.JSONDecodeError) -> DataError:
    """Why these bytes are no JSON, with the column of the place."""
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError as bad:
        return DataError(
            f"{origin}: byte {raw[bad.start]:#04x} at offset {bad.start} of the record is not "
            "UTF-8. Save the file as UTF-8."
        )
    if "surrogate" in error.msg:
        return DataError(f"{origin}: an escape like \\ud83d stands alone and is no character.")
    if "depth" in error.msg or "ecursion" in error.msg:  # the word of orjson 3.11, of 3.10
        return _too_deep(origin)
    behind = error.doc[error.pos :].lstrip("-")
    if behind.startswith(("NaN", "Infinity", "inf", "nan")) or "infinity" in error.msg:
        return DataError(
            f"{origin}: a number at column {error.colno} is not finite, and JSON has no word for "
            "that. Write null, or take the record out."
        )
    return DataError(f"{origin}: broken JSON: {error.msg} at column {error.colno}.")


def _too_deep(origin: str) -> DataError:
    return DataError(f"{origin}: nested deeper than {MAX_DEPTH} levels.")
