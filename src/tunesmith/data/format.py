"""Format: turns one record of a file into examples, or says why not; and back."""

from __future__ import annotations

import difflib
from abc import abstractmethod
from collections.abc import Collection, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, ClassVar

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.core.examples import Example
from tunesmith.core.part import Part

Record = Mapping[str, Any]
GROUP_KEYS = (
    "group",
    "conversation_id",
    "dialogue_id",
    "dialog_id",
    "original dialog id",
    "document_id",
    "doc_id",
)
"""Usual names of the field that tells which document or dialogue a record comes from. A plain
``id`` is not among them: it mostly numbers the rows."""
NEAR = 0.8
"""How alike two keys are when one is taken for a misspelling of the other, 0 to 1."""


class DroppedRow(DataError):
    """A record that is sound but teaches nothing; it is counted as dropped, not as rejected."""


class Format(Part):
    """Reads one way of writing examples down."""

    takes: ClassVar[tuple[type[Example], ...]] = ()
    """Kinds of example that :meth:`record` can write; empty: it only reads."""

    group_key: str | None = None
    """Field that tells the document or dialogue a record comes from; None: ``group``,
    ``conversation_id``, ``dialogue_id``, ``document_id`` and the like, where there is one."""

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

    def examples(self, record: Record, origin: str) -> Iterator[Example | DataError]:
        """Every example of a record, in order, or the reason why there is none.

        Most formats hold one in each record. Where a record holds several, the origin of each
        one leads to it, as ``file:2/1/id``.
        """
        try:
            yield self.example(record, origin)
        except DataError as error:
            yield error

    def record(self, example: Example) -> dict[str, Any]:
        """Writes an example down, so that :meth:`example` gives it back.

        Args:
            example: of one of the kinds in :attr:`takes`.

        Raises:
            DataError: this format has no place for something that the model would have to see.
                Starts with the example's origin.
        """
        raise DataError(
            f"{example.origin}: format {self.name!r} can be read, but not written. "
            "Choose another format to write."
        )

    def lost(self, example: Example) -> Sequence[str]:
        """What of an example :meth:`record` has no place for, in a few words each.

        Only things a reader can do without are lost (further references, message weights);
        what the model would have to see makes :meth:`record` fail instead.
        """
        return ()

    def group(self, record: Record) -> str:
        """The document or dialogue a record comes from, or nothing."""
        keys = GROUP_KEYS if self.group_key is None else (self.group_key,)
        for key in keys:
            value = record.get(key)
            if isinstance(value, str | int) and not isinstance(value, bool):
                return str(value)
        return ""

    def grouped(self, example: Example) -> dict[str, Any]:
        """The field that tells an example's group, to be written behind the others."""
        return {self.group_key or "group": example.group} if example.group else {}

    def cannot_hold(self, example: Example, what: str) -> DataError:
        """The error of :meth:`record` for an example with something that has no place here."""
        return DataError(f"{example.origin}: format {self.name!r} has no place for {what}.")


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
    value = needed_field(record, key, origin, setting=setting)
    if not isinstance(value, str):
        raise DataError(f"{origin}: {key!r} holds {type(value).__name__}, and text is needed.")
    if not value.strip():
        raise DataError(f"{origin}: {key!r} is empty. Fill it or take the record out.")
    return value


def needed_field(record: Record, key: str, origin: str, *, setting: str) -> Any:
    """A field that must be there, whatever it holds.

    Raises:
        DataError: it is not; the nearest key of the record is the hint.
    """
    if key in record:
        return record[key]
    hint = did_you_mean(key, map(str, record))
    near = hint.partition("'")[2].partition("'")[0] if hint.startswith("Did") else ""
    fix = f"Set {setting}={near!r}" if near else f"Set {setting} to the right one"
    raise DataError(f"{origin}: no {key!r}; the record has {sorted(record)}. {fix}.")


def optional_field(
    record: Record, key: str | None, origin: str, *, setting: str, known: Collection[str | None]
) -> Any:
    """A field that may be missing, but not misspelt: ``Input`` is not passed over for ``input``.

    Args:
        record: where to look.
        key: name of the field; None: not used.
        origin: the record's place, for the message.
        setting: the recipe key that names the field, for the message.
        known: the fields that are read by their names; none of them is a misspelling.

    Returns:
        What it holds, or None.

    Raises:
        DataError: it is missing, and another key is very like it.
    """
    if key is None:
        return None
    if key in record:
        return record[key]
    meant = _misspelt(key, tuple(map(str, record)), frozenset(known))
    if meant is not None:
        raise DataError(
            f"{origin}: no {key!r}, but {meant!r}. Rename it, or set {setting}={meant!r}; "
            f"{setting}=null reads neither."
        )
    return None


@lru_cache(maxsize=1024)
def _misspelt(key: str, names: tuple[str, ...], known: frozenset[str | None]) -> str | None:
    """The name that was meant to be ``key``; remembered, as most records have the same names."""
    others = {name.strip().lower(): name for name in names if name not in known}
    near = difflib.get_close_matches(key.lower(), others, n=1, cutoff=NEAR)
    return others[near[0]] if near else None


def optional_text(
    record: Record, key: str | None, origin: str, *, setting: str, known: Collection[str | None]
) -> str:
    """A field that may be missing, null or blank, which all are nothing; else its text as written.

    Raises:
        DataError: it holds something else, or is misspelt.
    """
    value = optional_field(record, key, origin, setting=setting, known=known)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise DataError(f"{origin}: {key!r} holds {type(value).__name__}, and text is needed.")
    return value if value.strip() else ""
