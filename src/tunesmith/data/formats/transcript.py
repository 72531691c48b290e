r"""Transcript: a dialogue as one text, as Anthropic's helpful-harmless data is written.

"\n\nHuman: Is it raining?\n\nAssistant: No, it is dry."
"""

from __future__ import annotations

import re

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Message, Role

SPEAKER = re.compile(r"\n\n(Human|Assistant):")
ROLES: dict[str, Role] = {"Human": "user", "Assistant": "assistant"}


def is_transcript(text: str) -> bool:
    """Whether a text begins with a turn of the human's."""
    return text.startswith("\n\nHuman:")


def read_transcript(text: str, origin: str, where: str) -> tuple[Message, ...]:
    r"""The turns of a transcript, without the one space behind each speaker.

    A last turn of the assistant's that is empty is left away: there the model goes on.

    Args:
        text: begins with ``\n\nHuman:``.
        origin: the record's place, for the message.
        where: name of its field, for the message.

    Raises:
        DataError: another turn is empty.
    """
    parts = SPEAKER.split(text)[1:]
    turns: list[tuple[Role, str]] = [
        (ROLES[s], said.removeprefix(" ")) for s, said in zip(parts[::2], parts[1::2], strict=True)
    ]
    if turns and turns[-1][0] == "assistant" and not turns[-1][1].strip():
        turns.pop()
    for number, (role, said) in enumerate(turns, 1):
        if not said.strip():
            raise DataError(
                f"{origin}: turn {number} under {where!r}, by the {role}, is empty. Fill it or "
                "take the record out."
            )
    return tuple(Message(role, said) for role, said in turns)
