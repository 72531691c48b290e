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

from typing import Literal

from tunesmith.core.examples import Conversation
from tunesmith.data.format import Record
from tunesmith.data.formats.dialogue import DialogueFormat
from tunesmith.data.formats.turns import turns_in

USUAL = ("conversations", "conversation")


class ShareGPT(DialogueFormat):
    """Dialogues as lists of turns, each with its speaker."""

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
        return self.conversation(record, key, origin)
