"""The prompt of the Llama 2 dialogue-summarization tutorials."""

from __future__ import annotations

from typing import Literal

from tunesmith.core.examples import Message
from tunesmith.templates.blocks import Blocks


class Summarization(Blocks):
    """``### Instruction: ...``, ``### Input:`` with the dialogue, ``### Response:``."""

    name: Literal["summarization"] = "summarization"

    def request(self, message: Message) -> str:
        """The instruction behind its heading, the dialogue below its own."""
        material = f"### Input:\n{message.input.strip()}\n\n" if message.input else ""
        return f"### Instruction: {message.content}\n\n{material}### Response:\n"
