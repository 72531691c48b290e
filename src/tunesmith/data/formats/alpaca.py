"""Alpaca: {"instruction": "Name three colours.", "input": "", "output": "Red, green, blue."}."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.examples import Conversation, Example, Message
from tunesmith.data.format import Format, Record, text_field
from tunesmith.data.formats.order import check_order
from tunesmith.data.formats.request import Request
from tunesmith.data.formats.write_turns import INPUT, NAMES, REFERENCES, WEIGHTS


class Alpaca(Format):
    """Instructions, each with an optional input, system text and earlier turns."""

    takes: ClassVar[tuple[type[Example], ...]] = (Conversation,)
    name: Literal["alpaca"] = "alpaca"
    instruction_key: str = "instruction"
    """Field that holds the request; where it is empty, the input is the request."""
    input_key: str | None = "input"
    """Field that holds the material the request works on; may be missing or empty. None: not
    used."""
    output_key: str = "output"
    """Field that holds the answer."""
    system_key: str | None = "system"
    """Field that holds the system text; may be missing or empty. None: not used."""
    history_key: str | None = "history"
    """Field that holds earlier turns as pairs of request and answer; may be missing. None: not
    used."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By an instruction and an output."""
        return "instruction" in record and "output" in record

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a conversation of the earlier turns, the request and its answer."""
        request = Request(
            self.instruction_key,
            self.input_key,
            self.system_key,
            self.history_key,
            setting="data.format.instruction_key",
            known=(self.output_key,),
        )
        prompt = request.read(record, origin)
        answer = text_field(record, self.output_key, origin, setting="data.format.output_key")
        messages = (*prompt, Message("assistant", answer))
        return Conversation(messages, origin, group=self.group(record))

    def record(self, example: Example) -> dict[str, Any]:
        """Writes the last pair as instruction and output, those before it as the history."""
        conversation = cast("Conversation", example)
        messages = conversation.messages
        check_order(messages, conversation.origin, ends_with="answer")
        if conversation.tools or any(m.role == "tool" or m.tool_calls for m in messages):
            raise self.cannot_hold(example, "tools")
        system = messages[0].content if messages[0].role == "system" else ""
        turns = messages[1:] if system else messages
        request, answer = turns[-2], turns[-1]
        earlier = [[turns[i].text, turns[i + 1].text] for i in range(0, len(turns) - 2, 2)]
        kept_apart = self.input_key is not None and bool(request.content)
        fields: dict[str, Any] = {
            self.instruction_key: request.content if kept_apart else request.text
        }
        if self.input_key is not None:
            fields[self.input_key] = request.input if kept_apart else ""
        fields[self.output_key] = answer.text
        for what, key, value in (
            ("a system text", self.system_key, system),
            ("earlier turns", self.history_key, earlier),
        ):
            if value and key is None:
                raise self.cannot_hold(example, what)
            if value and key is not None:
                fields[key] = value
        return {**fields, **self.grouped(conversation)}

    def lost(self, example: Example) -> Sequence[str]:
        """Names, weights, further references, and the inputs of earlier turns."""
        conversation = cast("Conversation", example)
        messages = conversation.messages
        request = messages[-2] if len(messages) > 1 else None
        at_its_place = request if self.input_key is not None else None
        apart = [m for m in messages if m.input and (m is not at_its_place or not m.content)]
        lost = {
            REFERENCES: bool(conversation.references),
            INPUT: bool(apart),
            NAMES: any(m.name for m in messages),
            WEIGHTS: any(m.weight is not None for m in messages),
        }
        return [what for what, is_lost in lost.items() if is_lost]
