"""Alpaca: {"instruction": "Name three colours.", "input": "", "output": "Red, green, blue."}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.data.format import Format, Record, text_field


class Alpaca(Format):
    """Instructions, each with an optional input, system text and earlier turns."""

    name: Literal["alpaca"] = "alpaca"
    instruction_key: str = "instruction"
    """Field that holds the request."""
    input_key: str = "input"
    """Field that holds the material the request works on; may be missing or empty."""
    output_key: str = "output"
    """Field that holds the answer."""
    system_key: str = "system"
    """Field that holds the system text; may be missing or empty."""
    history_key: str = "history"
    """Field that holds earlier turns as pairs of request and answer; may be missing."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By an instruction and an output."""
        return "instruction" in record and "output" in record

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a conversation of the earlier turns, the request and its answer."""
        messages: list[Message] = []
        if system := str(record.get(self.system_key) or "").strip():
            messages.append(Message("system", system))
        for request, answer in self._history(record, origin):
            messages += [Message("user", request), Message("assistant", answer)]
        request = text_field(
            record, self.instruction_key, origin, setting="data.format.instruction_key"
        )
        answer = text_field(record, self.output_key, origin, setting="data.format.output_key")
        material = str(record.get(self.input_key) or "").strip()
        messages += [
            Message("user", request.strip(), material),
            Message("assistant", answer.strip()),
        ]
        return Conversation(tuple(messages), origin)

    def _history(self, record: Record, origin: str) -> list[tuple[str, str]]:
        pairs: list[tuple[str, str]] = []
        for turn in cast("Sequence[Any]", record.get(self.history_key) or ()):
            pair = cast("list[Any]", turn) if isinstance(turn, list) else []
            if len(pair) != 2:
                raise DataError(
                    f"{origin}: a turn under {self.history_key!r} is not a pair of texts."
                )
            pairs.append((str(pair[0]), str(pair[1])))
        return pairs
