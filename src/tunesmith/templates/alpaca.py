"""Stanford Alpaca's prompt, with its Input block (github.com/tatsu-lab/stanford_alpaca)."""

from __future__ import annotations

from typing import Literal

from tunesmith.core.examples import Message
from tunesmith.templates.blocks import Blocks

TASK = "Below is an instruction that describes a task"
ANSWER = "Write a response that appropriately completes the request."


class Alpaca(Blocks):
    """Instruction, optional input and response under headings."""

    name: Literal["alpaca"] = "alpaca"

    def opening(self, system: str | None, first: Message) -> str:
        """The sentence that says what follows; the user's own system text replaces it."""
        if system:
            return f"{system}\n\n"
        context = ", paired with an input that provides further context" if first.input else ""
        return f"{TASK}{context}. {ANSWER}\n\n"

    def request(self, message: Message) -> str:
        """The instruction, its input where there is one, and the heading of the response."""
        material = f"### Input:\n{message.input}\n\n" if message.input else ""
        return f"### Instruction:\n{message.content}\n\n{material}### Response:\n"
