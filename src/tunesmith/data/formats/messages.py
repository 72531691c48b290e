r"""Chat messages, as chat APIs take them.

{"messages": [{"role": "user", "content": "Is it raining in Rome?"},
              {"role": "assistant", "content": "", "tool_calls": [{"id": "c1", "type": "function",
               "function": {"name": "weather", "arguments": "{\"city\": \"Rome\"}"}}]},
              {"role": "tool", "tool_call_id": "c1", "content": "dry, 21 C"},
              {"role": "assistant", "content": "No, it is dry.", "weight": 1.0}],
 "tools": [{"type": "function", "function": {"name": "weather", "parameters": {}}}]}
"""

from __future__ import annotations

from typing import Literal

from tunesmith.core.examples import Conversation
from tunesmith.data.format import Record
from tunesmith.data.formats.dialogue import DialogueFormat
from tunesmith.data.formats.turns import turns_in


class ChatMessages(DialogueFormat):
    """Lists of messages as chat APIs take them; calls of tools and parts of content too."""

    name: Literal["messages"] = "messages"
    messages_key: str = "messages"
    """Field that holds the list of messages."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a list under ``messages`` whose entries have a role."""
        return turns_in(record, "messages") and "role" in record["messages"][0]

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a conversation; user and assistant take turns, and the assistant ends it."""
        return self.conversation(record, self.messages_key, origin)
