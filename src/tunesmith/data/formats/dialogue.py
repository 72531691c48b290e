"""Dialogue: what the formats share that write a whole conversation as one list of turns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, cast

from tunesmith.core.examples import Conversation, Example
from tunesmith.data.format import Record, needed_field
from tunesmith.data.formats.order import check_order
from tunesmith.data.formats.turns import TurnFormat
from tunesmith.data.formats.write_turns import REFERENCES, lost_of_turns, tools_field, write_turns


class DialogueFormat(TurnFormat):
    """Reads and writes conversations as turns, with tools and group beside them."""

    takes: ClassVar[tuple[type[Example], ...]] = (Conversation,)
    messages_key: str

    def conversation(self, record: Record, key: str, origin: str) -> Conversation:
        """The turns under a key; user and assistant take turns, and the assistant ends it.

        Raises:
            DataError: they are missing, out of order, or cannot be read.
        """
        found = needed_field(record, key, origin, setting="data.format.messages_key")
        tools = self.tools(record, origin)
        messages = self.with_system(record, self.read_turns(found, origin, key), origin)
        check_order(messages, origin, ends_with="answer")
        return Conversation(messages, origin, tools=tools, group=self.group(record))

    def record(self, example: Example) -> dict[str, Any]:
        """Writes turns, tools and group; a system text is the first turn."""
        conversation = cast("Conversation", example)
        check_order(conversation.messages, conversation.origin, ends_with="answer")
        return {
            self.messages_key: write_turns(self, conversation.messages, conversation.origin),
            **tools_field(self, conversation.tools, conversation.origin),
            **self.grouped(conversation),
        }

    def lost(self, example: Example) -> Sequence[str]:
        """Further references, and what the turns have no place for."""
        conversation = cast("Conversation", example)
        lost = lost_of_turns(self, conversation.messages)
        return [REFERENCES, *lost] if conversation.references else lost
