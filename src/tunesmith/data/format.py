"""Format: turns one record of a file into one example, or says why not; and back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.core.examples import Example
from tunesmith.core.part import Part

Record = Mapping[str, Any]


class DroppedRow(DataError):
    """A record that is sound but teaches nothing; it is counted as dropped, not as rejected."""


class Format(Part):
    """Reads one way of writing examples down."""

    takes: ClassVar[tuple[type[Example], ...]] = ()
    """Kinds of example that :meth:`record` can write; empty: it only reads."""

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
            DroppedRow: the record is sound but teaches nothing.
            DataError: the record does not hold what this format needs. Either starts with the
                origin.
        """

    def record(self, example: Example) -> dict[str, Any]:
        """Writes an example down, so that :meth:`example` gives it back.

        Args:
            example: of one of the kinds in :attr:`takes`.

        Raises:
            DataError: this format has no place for something that the model would have to see.
        """
        raise DataError(f"format {self.name!r} can be read, but not written.")

    def lost(self, example: Example) -> Sequence[str]:
        """What of an example :meth:`record` has no place for, in a few words each.

        Only things a reader can do without are lost (further references, message weights);
        what the model would have to see makes :meth:`record` fail instead.
        """
        return ()


def text_field(record: Record, key: str, origin: str, *, setting: str) -> str:
    """A field that must hold text with something in it, as it is written.

    Args:
        record: where to look.
        key: name of the field.
        origin: the record's place, for the message.
        setting: the recipe key that names the field, for the message.

    Raises:
        DataError: the field is missing, no text, or empty.
    """
    if key not in record:
        hint = did_you_mean(key, map(str, record))
        near = hint.partition("'")[2].partition("'")[0] if hint.startswith("Did") else ""
        fix = f"Set {setting}={near!r}" if near else f"Set {setting} to the right one"
        raise DataError(f"{origin}: no {key!r}; the record has {sorted(record)}. {fix}.")
    value = record[key]
    if not isinstance(value, str):
        raise DataError(f"{origin}: {key!r} holds {type(value).__name__}, and text is needed.")
    if not value.strip():
        raise DataError(f"{origin}: {key!r} is empty. Fill it or take the record out.")
    return value
