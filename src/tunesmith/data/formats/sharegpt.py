r"""ShareGPT dialogues, and how LLaMA-Factory extends them to calls of tools.

{"conversations": [{"from": "human", "value": "Is it raining in Rome?"},
                   {"from": "function_call",
                    "value": "{\"name\": \"weather\", \"arguments\": {\"city\": \"Rome\"}}"},
                   {"from": "observation", "value": "dry, 21 C"},
                   {"from": "gpt", "value": "No, it is dry."}],
 "system": "Be brief.", "tools": "[{\"name\": \"weather\", \"parameters\": {}}]"}
{"conversation": [{"human": "Hello.", "assistant": "Hello, how can I help?"}]}
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Literal, cast

from tunesmith.core.examples import Conversation, Example
from tunesmith.data.format import Record, needed_field
from tunesmith.data.formats.order import check_order
from tunesmith.data.formats.turns import TurnFormat, turns_in
from tunesmith.data.formats.write_turns import REFERENCES, lost_of_turns, tools_field, write_turns

USUAL = ("conversations", "conversation")


class ShareGPT(TurnFormat):
    """Dialogues as lists of turns, each with its speaker."""

    takes: ClassVar[tuple[type[Example], ...]] = (Conversation,)
    name: Literal["sharegpt"] = "sharegpt"
    messages_key: str = "conversations"
    """Field that holds the list of turns; where it is missing, ``conversation`` is read too."""
    role_key: str = "from"
    """Field of a turn that tells who speaks; ``role`` is read too."""
    content_key: str = "value"
    """Field of a turn that holds what is said; ``content`` is read too, with ``role``."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a list of turns under ``conversations`` or ``conversation``."""
        return any(turns_in(record, key) for key in USUAL)

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a conversation; user and assistant take turns, and the assistant ends it."""
        key = self.messages_key
        if key not in record and key == USUAL[0] and USUAL[1] in record:
            key = USUAL[1]
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
        """Names, ids, weights, further references, and an input apart from its request."""
        conversation = cast("Conversation", example)
        lost = lost_of_turns(self, conversation.messages)
        return [REFERENCES, *lost] if conversation.references else lost
