"""Format: turns one record of a file into one example, or says why not."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from typing import Any

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example
from tunesmith.core.part import Part

Record = Mapping[str, Any]


class Format(Part):
    """Reads one way of writing examples down."""

    @classmethod
    @abstractmethod
    def recognises(cls, record: Record) -> bool:
        """Whether a record looks like this format, by its keys and the types of their values."""

    @abstractmethod
    def example(self, record: Record, origin: str) -> Example:
        """Makes an example.

        Args:
            record: one JSON object or one row of a table.
            origin: its place, ``file:line``.

        Raises:
            DataError: the record does not hold what this format needs; starts with the origin.
        """


def text_field(record: Record, key: str, origin: str, *, setting: str) -> str:
    """A field that must hold text with something in it.

    Args:
        record: where to look.
        key: name of the field.
        origin: the record's place, for the message.
        setting: the recipe key that names the field, for the message.

    Raises:
        DataError: the field is missing, no text, or empty.
    """
    if key not in record:
        near = next((k for k in record if k.lower() == key.lower()), None)
        hint = f"Set {setting}={near!r}" if near else f"Set {setting} to the right one"
        raise DataError(f"{origin}: no {key!r}; the record has {sorted(record)}. {hint}.")
    value = record[key]
    if not isinstance(value, str):
        raise DataError(f"{origin}: {key!r} holds {type(value).__name__}, and text is needed.")
    if not value.strip():
        raise DataError(f"{origin}: {key!r} is empty. Fill it or take the record out.")
    return value
