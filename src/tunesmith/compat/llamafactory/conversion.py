"""Conversion: the recipe that a file becomes, with an account of every key."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, cast

from tunesmith.compat.llamafactory.account import Account, Entry, RefusedKeysError
from tunesmith.compat.llamafactory.counted import Counted


@dataclass(frozen=True, slots=True)
class Conversion:
    """What a LLaMA-Factory training file comes to."""

    source: str
    """The file."""
    fields: dict[str, Any]
    """The fields of our recipe."""
    mapped: list[Entry]
    skipped: list[Entry]
    """Keys that nothing has to be done about, each with the reason."""
    refused: list[Entry]
    comments: dict[str, list[str]]
    """Remarks beside keys of the recipe, by dotted key."""
    counted: list[Counted]
    """Figures that become shares when the data is read."""
    hints: list[str]
    """What to do next with the keys that are commands here."""
    trains: bool
    """Whether the file trains at all, or only scores."""

    def checked(self) -> Conversion:
        """The same conversion.

        Raises:
            RefusedKeysError: a key cannot be followed; names them all.
        """
        if self.refused:
            raise RefusedKeysError(self.source, self.refused)
        return self

    def with_value(self, key: str, value: Any, comment: str = "") -> Conversion:
        """The same with one dotted key of the recipe set."""
        group, _, name = key.partition(".")
        inner = cast("dict[str, Any]", self.fields.get(group, {}))
        fields = {**self.fields, group: {**inner, name: value}}
        comments = dict(self.comments)
        if comment:
            comments[key] = [*comments.get(key, []), comment]
        return replace(self, fields=fields, comments=comments)

    def as_dict(self) -> dict[str, Any]:
        """Recipe and account, ready for JSON."""
        return {
            "recipe": self.fields,
            "mapped": [
                {"key": e.key, "value": e.value, "to": e.to, "note": e.note} for e in self.mapped
            ],
            "not_applicable": [
                {"key": e.key, "value": e.value, "reason": e.note} for e in self.skipped
            ],
            "comments": self.comments,
            "hints": self.hints,
        }


def concluded(
    account: Account,
    fields: dict[str, Any],
    *,
    counted: list[Counted],
    hints: list[str],
    trains: bool,
) -> Conversion:
    """A conversion out of a closed account."""
    return Conversion(
        source=account.source,
        fields=fields,
        mapped=account.with_fate("mapped"),
        skipped=account.with_fate("not applicable"),
        refused=account.with_fate("refused"),
        comments=account.comments,
        counted=counted,
        hints=hints,
        trains=trains,
    )
