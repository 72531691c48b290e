"""Request: what Alpaca and its kin put before an answer: system text, earlier turns, instruction.

{"system": "Be brief.", "history": [["Hello.", "Hello!"]], "instruction": "Add.", "input": "1 1"}
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Message
from tunesmith.data.format import Record, optional_field, optional_text, text_field
from tunesmith.data.formats.calls import from_json


@dataclass(frozen=True, slots=True)
class Request:
    """The fields of a record that hold a request, by name; None: not used."""

    instruction: str
    input: str | None
    system: str | None
    history: str | None
    setting: str
    """The recipe key that names the field of the instruction."""
    known: Collection[str | None] = ()
    """Further fields of the record that have a meaning, such as that of the answer."""

    def read(self, record: Record, origin: str) -> tuple[Message, ...]:
        """The messages before the answer: system text, earlier turns, request with its input.

        A request without words but with an input is that input.

        Raises:
            DataError: there is no request, or a field holds something else, or is misspelt.
        """
        messages: list[Message] = []
        if system := self._text(record, self.system, "system", origin):
            messages.append(Message("system", system))
        messages += self._history(record, origin)
        material = self._text(record, self.input, "input", origin)
        if material and _is_blank(record.get(self.instruction, "missing")):
            return (*messages, Message("user", material))
        words = text_field(record, self.instruction, origin, setting=self.setting)
        return (*messages, Message("user", words, material))

    def _names(self) -> set[str | None]:
        return {self.instruction, self.input, self.system, self.history, *self.known}

    def _text(self, record: Record, key: str | None, field: str, origin: str) -> str:
        setting = f"data.format.{field}_key"
        return optional_text(record, key, origin, setting=setting, known=self._names())

    def _history(self, record: Record, origin: str) -> list[Message]:
        setting = "data.format.history_key"
        found = optional_field(record, self.history, origin, setting=setting, known=self._names())
        if isinstance(found, str):
            found = self._from_cell(found, origin)
        if found is None:
            return []
        if not isinstance(found, list):
            raise DataError(
                f"{origin}: {self.history!r} holds {type(found).__name__}, and a list of pairs "
                "is needed."
            )
        messages: list[Message] = []
        for number, turn in enumerate(cast("list[Any]", found), 1):
            match turn:
                case [str() as request, str() as answer] if request.strip() and answer.strip():
                    messages += [Message("user", request), Message("assistant", answer)]
                case _:
                    raise DataError(
                        f"{origin}: turn {number} under {self.history!r} is not a pair of texts."
                    )
        return messages

    def _from_cell(self, text: str, origin: str) -> Any:
        """Earlier turns in a cell of a table, where they stand as JSON."""
        try:
            return from_json(text) if text.strip() else None
        except ValueError as error:
            raise DataError(f"{origin}: {self.history!r} holds broken JSON: {error}.") from None


def _is_blank(value: Any) -> bool:
    return value is None or (isinstance(value, str) and not value.strip())
