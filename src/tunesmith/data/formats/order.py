"""Order: who may speak after whom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Message

OWNER = {"system": "system", "user": "user's", "assistant": "assistant's", "tool": "tool's"}


def check_order(
    messages: Sequence[Message], origin: str, *, ends_with: Literal["answer", "request"]
) -> None:
    """Checks that turns follow each other as in a dialogue.

    A system text may lead. Then the user or the results of tools, and the assistant, take turns.
    A tool's result stands behind a turn with calls, or behind another result.

    Args:
        messages: every turn, in order.
        origin: the record's place, for the message.
        ends_with: ``answer``: the assistant has the last word; ``request``: it has to reply.

    Raises:
        DataError: a turn is out of order, or the last one is not as it should be.
    """
    before: Message | None = None
    for place, message in enumerate(messages, 1):
        if message.role == "system":
            if place > 1:
                raise DataError(
                    f"{origin}: turn {place} is a system text, and only one may stand, at the "
                    "start. Join them or take the record out."
                )
            continue
        if problem := _problem(message, before):
            raise DataError(f"{origin}: turn {place} is the {OWNER[message.role]}, {problem}.")
        before = message
    if before is None:
        raise DataError(f"{origin}: nobody says anything.")
    if ends_with == "answer" and before.role != "assistant":
        raise DataError(
            f"{origin}: the last turn is the {OWNER[before.role]}, not the assistant's; there is "
            "nothing to learn. Take that turn out, or add the answer."
        )
    if ends_with == "request" and before.role == "assistant":
        raise DataError(
            f"{origin}: the prompt ends with the assistant's turn, and it should end with a "
            "request."
        )


def _problem(message: Message, before: Message | None) -> str:
    """Why a turn may not stand behind the one before; nothing where it may."""
    match message.role:
        case "assistant" if before is None:
            return "and nobody has asked yet"
        case "assistant" if before is not None and before.role == "assistant":
            return "and the user's turn it is"
        case "user" if before is not None and before.role != "assistant":
            return "and the assistant's turn it is"
        case "tool" if before is None or not (before.role == "tool" or before.tool_calls):
            return "and no call stands before it"
        case _:
            return ""
