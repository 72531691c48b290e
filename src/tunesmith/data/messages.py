"""Chat messages: {"messages": [{"role": "user", "content": "Hi"}, {"role": "assistant", ...}]}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message, Role
from tunesmith.data.format import Format, Record

ROLES: dict[str, Role] = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "assistant": "assistant",
}


class ChatMessages(Format):
    """Lists of messages as chat APIs take them."""

    name: Literal["messages"] = "messages"
    messages_key: str = "messages"
    """Field that holds the list of messages."""

    @classmethod
    def recognises(cls, record: Record) -> bool:
        """By a list under ``messages`` whose entries have a role."""
        found = record.get("messages")
        first = cast("list[Any]", found)[0] if isinstance(found, list) and found else None
        return isinstance(first, Mapping) and "role" in first

    def example(self, record: Record, origin: str) -> Conversation:
        """Makes a conversation; user and assistant must take turns, system only leads."""
        found = record.get(self.messages_key)
        if not isinstance(found, list) or not found:
            raise DataError(
                f"{origin}: no messages under {self.messages_key!r}; the record has "
                f"{sorted(record)}. Set data.format.messages_key to the right one."
            )
        messages = tuple(self._message(m, origin) for m in cast("list[Any]", found))
        expected: Role = "user"
        for place, message in enumerate(messages):
            if place == 0 and message.role == "system":
                continue
            if message.role != expected:
                raise DataError(
                    f"{origin}: message {place + 1} is the {message.role}'s, and the "
                    f"{expected}'s turn it is."
                )
            expected = "assistant" if expected == "user" else "user"
        if messages[-1].role != "assistant":
            raise DataError(f"{origin}: the last message is not the assistant's; nothing to learn.")
        return Conversation(messages, origin)

    def _message(self, message: Any, origin: str) -> Message:
        if not isinstance(message, Mapping):
            raise DataError(f"{origin}: a message is not an object with role and content.")
        fields = cast("Record", message)
        role = ROLES.get(str(fields.get("role")))
        if role is None:
            raise DataError(
                f"{origin}: role {fields.get('role')!r} is unknown. Known: {', '.join(ROLES)}."
            )
        content = fields.get("content")
        if not isinstance(content, str) or not content.strip():
            raise DataError(f"{origin}: the {role}'s message has no text under 'content'.")
        return Message(role, content.strip())
