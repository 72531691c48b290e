"""Tables: exports with one message to a row -> messages."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from tunesmith.core.errors import DataError
from tunesmith.synthesize.dialogues.fields import Chosen, Fields, check_table, find_fields
from tunesmith.synthesize.dialogues.said import Said
from tunesmith.synthesize.dialogues.sides import told_side
from tunesmith.synthesize.dialogues.times import moment


class Table:
    """Reads the rows of one file.

    Attributes:
        fields: those of the first row.
    """

    def __init__(self, file: str, chosen: Chosen) -> None:
        self.fields: Fields | None = None
        self._file = file
        self._chosen = chosen
        self._known: dict[tuple[str, ...], Fields] = {}

    def read(self, record: Mapping[str, Any], origin: str) -> Said | DataError:
        """One row as a message, or why it is none.

        Raises:
            DataError: the columns are unclear.
        """
        keys = tuple(record)
        fields = self._known.get(keys)
        if fields is None:
            fields = find_fields(keys, self._chosen, self._file)
            if self.fields is None:
                check_table(fields, keys, self._file)
                self.fields = fields
            self._known[keys] = fields
        said = message(record, fields, origin)
        if not said.conversation and (fields.id is None or fields.parent is None):
            return DataError(f"{origin}: no conversation is told")
        if not said.speaker and not said.side:
            return DataError(f"{origin}: no speaker is told")
        return said


def message(record: Mapping[str, Any], fields: Fields, origin: str, conversation: str = "") -> Said:
    """A record as a message."""
    side, told_by = told_side(record, fields)
    time = record.get(fields.time) if fields.time else None
    return Said(
        origin,
        _text(record, fields.text),
        conversation or text_of(record, fields.conversation),
        text_of(record, fields.speaker),
        side,
        told_by,
        moment(time),
        time is not None and bool(str(time).strip()),
        _number(record.get(fields.order)) if fields.order else None,
        text_of(record, fields.id),
        text_of(record, fields.parent),
    )


def text_of(record: Mapping[str, Any], key: str | None) -> str:
    """A field as text; numbers too, for ids are often numbers. Nothing where it is missing."""
    value = record.get(key) if key else None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value).strip()
    # A column of whole numbers with gaps is written by pandas as 119237.0 and nan.
    text = text[:-2] if text.endswith(".0") and text[:-2].isdecimal() else text
    return "" if text.lower() in ("nan", "null", "none") else text


def _text(record: Mapping[str, Any], key: str | None) -> str:
    value = record.get(key) if key else None
    return value if isinstance(value, str) else ""


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) else None
