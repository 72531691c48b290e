r"""Chat messages, as chat APIs take them.

{"messages": [{"role": "user", "content": "Is it raining in Rome?"},
              {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function",
               "function": {"name": "weather", "arguments": "{\"city\": \"Rome\"}"}}]},
              {"role": "tool", "tool_call_id": "c1", "content": "dry, 21 C"},
              {"role": "assistant", "content": "No, it is dry.", "weight": 1.0}],
 "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.examples import Conversation, Example
from tunesmith.data.format import Record, needed_field
from tunesmith.data.formats.order import check_order
from tunesmith.data.formats.turns import TurnFormat, turns_in
from tunesmith.data.formats.write_turns import REFERENCES, lost_of_turns, tools_field, write_turns


class ChatMessages(TurnFormat):
    """Lists of messages as chat APIs take them; calls of tools and parts of content too."""

    takes: ClassVar[tuple[type[Example], ...]] = (Conversation,)
    name: Literal["messages"] = "messages"
    messages_key: str = "messages"
    """Field that holds the list of messages."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a list under ``messages`` whose entries have a role."""
        return turns_in(record, "messages") and "role" in record["messages"][0]

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a conversation; user and assistant take turns, and the assistant ends it."""
        found = needed_field(record, self.messages_key, origin, setting="data.format.messages_key")
        tools = self.tools(record, origin)
        messages = self.read_turns(found, origin, self.messages_key)
        messages = self.with_system(record, messages, origin)
        check_order(messages, origin, ends_with="answer")
        return Conversation(messages, origin, tools=tools, group=self.group(record))

    def record(self, example: Example) -> dict[str, Any]:
        """Writes messages, tools and group."""
        conversation = cast("Conversation", example)
        check_order(conversation.messages, conversation.origin, ends_with="answer")
        return {
            self.messages_key: write_turns(self, conversation.messages, conversation.origin),
            **tools_field(self, conversation.tools, conversation.origin),
            **self.grouped(conversation),
        }

    def lost(self, example: Example) -> Sequence[str]:
        """Further references, and an input apart from its request."""
        conversation = cast("Conversation", example)
        lost = lost_of_turns(self, conversation.messages)
        return [REFERENCES, *lost] if conversation.references else lost
