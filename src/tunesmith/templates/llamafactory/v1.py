"""Templates of LLaMA-Factory's second command, which its files in ``examples/v1`` are for.

It teaches the line that opens an answer too, lists tools as they are given, and joins an input to
its instruction with nothing between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tunesmith.core.examples import Message
from tunesmith.templates.llamafactory.chatml import CHATML
from tunesmith.templates.slot_tools import QWEN_PLAIN, Words
from tunesmith.templates.slots import Slot, Slotted, fixed, theirs
from tunesmith.templates.template import Piece
from tunesmith.templates.tokenizer import Tokenizer

OPENING = "<|im_start|>assistant\n"
ANSWER = "{content}<|im_end|>\n"


class Qwen3NoThinkV1(Slotted):
    """Qwen 3 without thoughts, as LLaMA-Factory's second command writes it.

    An answer that begins with white space is encoded apart from its opening line, which then is
    not learnt: else the prompt would not be the beginning of prompt and answer.
    """

    name: Literal["llamafactory/v1/qwen3_nothink"] = "llamafactory/v1/qwen3_nothink"
    slots = replace(
        CHATML,
        user=("<|im_start|>user\n{content}<|im_end|>\n",),
        assistant=(OPENING + ANSWER,),
        tool=("<|im_start|>user\n<tool_response>\n{content}\n</tool_response><|im_end|>\n",),
        tool_format=QWEN_PLAIN,
    )

    def before_answer(
        self, answer: Message | None, tokenizer: Tokenizer, *, is_last: bool
    ) -> list[Piece]:
        """The opening line, where it is not learnt."""
        if answer is not None and not _begins_with_space(answer):
            return []
        return fixed(OPENING, tokenizer)

    def leading(self, system: str, tools: str) -> Words:
        """The system text with the list of tools behind an empty line."""
        offered = self.slots.tool_format.offer(tools)
        between: Words = [(True, "\n\n")] if system and offered else []
        return [*theirs(system), *between, *offered]

    def turn(self, turn: Sequence[Message]) -> tuple[Slot, Words]:
        """The slot of a turn, and the words that fill it."""
        message = turn[0]
        if message.role == "user":
            return self.slots.user, theirs(message.content + message.input)
        slot, words = super().turn(turn)
        if message.tool_calls and message.content:
            said, *calls = words
            words = [said, (True, "\n"), *calls]
        if message.role == "assistant" and _begins_with_space(message):
            slot = (ANSWER,)
        return slot, words


def _begins_with_space(answer: Message) -> bool:
    return answer.content[:1].isspace()
