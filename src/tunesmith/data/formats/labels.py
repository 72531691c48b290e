"""Labels: texts with one class, several classes, or a number.

{"text": "A fine film.", "label": "positive"}
{"text": "A fine film.", "labels": ["drama", "history"]}
{"review": "A fine film.", "stars": 4.5}
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.core.examples import Example, Labelled
from tunesmith.data.format import Format, Record, needed_field, text_field
from tunesmith.data.formats.calls import from_json
from tunesmith.data.formats.turns import first_key

TEXTS = ("text", "sentence", "review", "content", "comment")
LABELS = ("label", "labels", "sentiment", "category", "class", "stars", "rating")
Label = str | tuple[str, ...] | float


class Labels(Format):
    """Texts with their labels."""

    takes: ClassVar[tuple[type[Example], ...]] = (Labelled,)
    name: Literal["labels"] = "labels"
    text_key: str | None = None
    """Field that holds the text; None: found by the usual names."""
    label_key: str | None = None
    """Field that holds the label; None: found by the usual names."""
    label_names: list[str] = []
    """The classes in the order of their numbers, from 0; then no other label is taken. Empty: a
    whole number stands for itself."""
    label_kind: Literal["auto", "class", "multi", "number"] = "auto"
    """What a label is. ``auto``: a list is several classes, a number with a point is a number, all
    else is one class."""
    label_separator: str = ","
    """What stands between several classes in one text, with ``multi``; a JSON list is read too."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a text and a label under their usual names."""
        text = record.get(first_key(record, None, TEXTS) or "")
        label = record.get(first_key(record, None, LABELS) or "")
        return isinstance(text, str) and isinstance(label, str | int | float | list)

    def example(self, record: Record, origin: str) -> Labelled:
        """Makes a text with its label."""
        text_key = first_key(record, self.text_key, TEXTS) or TEXTS[0]
        label_key = first_key(record, self.label_key, LABELS) or LABELS[0]
        text = text_field(record, text_key, origin, setting="data.format.text_key")
        value = needed_field(record, label_key, origin, setting="data.format.label_key")
        label = self._label(value, f"{origin}: {label_key!r}")
        return Labelled(text, label, origin, group=self.group(record))

    def record(self, example: Example) -> dict[str, Any]:
        """Writes text and label; several classes as a list."""
        row = cast("Labelled", example)
        label = list(row.label) if isinstance(row.label, tuple) else row.label
        return {
            self.text_key or TEXTS[0]: row.text,
            self.label_key or LABELS[0]: label,
            **self.grouped(row),
        }

    def _label(self, value: Any, place: str) -> Label:
        kind = self.label_kind
        if kind == "auto":
            is_number = isinstance(value, float) and not self.label_names
            kind = "multi" if isinstance(value, list) else "number" if is_number else "class"
        if kind == "number":
            return _number(value, place)
        if kind == "class":
            return self._class(value, place)
        return tuple(self._class(one, place) for one in self._several(value, place))

    def _several(self, value: Any, place: str) -> Sequence[Any]:
        if isinstance(value, list):
            return cast("list[Any]", value)
        if not isinstance(value, str):
            return [value]
        if not value.strip():
            return []
        if not value.lstrip().startswith("["):
            return [part.strip() for part in value.split(self.label_separator)]
        try:
            found = from_json(value)
        except ValueError as error:
            raise DataError(f"{place} holds broken JSON: {error}.") from None
        return cast("list[Any]", found) if isinstance(found, list) else [found]

    def _class(self, value: Any, place: str) -> str:
        """The name of one class."""
        if isinstance(value, float) and value.is_integer():
            value = int(value)  # numbers of classes in a column with gaps
        if isinstance(value, bool):
            value = str(value).lower()
        if not isinstance(value, str | int):
            raise DataError(f"{place} holds {value!r}, and a class is a text or a whole number.")
        name = str(value)
        if not name.strip():
            raise DataError(f"{place} is empty. Fill it or take the record out.")
        if not self.label_names or name in self.label_names:
            return name
        if name.isascii() and name.isdecimal() and len(name) < 10:
            if int(name) < len(self.label_names):
                return self.label_names[int(name)]
            known = f"data.format.label_names has {len(self.label_names)}, counted from 0"
            raise DataError(f"{place} is {name}, and {known}.")
        raise DataError(
            f"{place} is {name!r}, which data.format.label_names does not have. "
            f"{did_you_mean(name, self.label_names)}"
        )


def _number(value: Any, place: str) -> float:
    try:
        number = math.nan if isinstance(value, bool | list | dict) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = math.nan
    if not math.isfinite(number):
        raise DataError(f"{place} holds {value!r}, and a number is needed.")
    return number
