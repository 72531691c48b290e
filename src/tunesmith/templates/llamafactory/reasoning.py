"""Templates of models that think before they answer: ``<think>`` ... ``</think>``."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from tunesmith.core.examples import Message
from tunesmith.templates.llamafactory.chatml import QWEN
from tunesmith.templates.llamafactory.marked import DEEPSEEK3, GLM4
from tunesmith.templates.slots import Slotted, fixed
from tunesmith.templates.template import Piece
from tunesmith.templates.tokenizer import Tokenizer

NO_THOUGHT = "<think>\n\n</think>\n\n"
"""The thought of an answer that has none."""
THOUGHT = re.compile(r"<think>.*?</think>\n{0,2}", re.DOTALL)
Thoughts = Literal["all", "last", "written"]


class Reasoning(Slotted):
    """Writes an empty thought before an answer that has none.

    The prompt is always the beginning of prompt and answer. That is why an answer's own thought
    is taken out in every form when thinking is off, and not only where it stands as the template
    writes it.
    """

    enable_thinking: bool = True
    """Whether the model thinks. If not, thoughts in answers are left out, and the empty one stands
    in the prompt and is not learnt."""
    thoughts: Thoughts = "all"
    """Which answers have a thought. ``all``: every one, its own or the empty one, as LLaMA-Factory
    trains. ``last``: only the last message, as it asks, and trains on preferences or with
    ``mask_history``. ``written``: as ``last``, but the others keep those they have, as with
    ``preserve_thinking``."""

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out, after thoughts that do not belong there are taken out."""
        last = len(messages) - 1
        kept = [
            _without_thought(m) if m.role == "assistant" and self._loses(place == last) else m
            for place, m in enumerate(messages)
        ]
        return super().pieces(kept, tokenizer, tools)

    def before_answer(
        self, answer: Message | None, tokenizer: Tokenizer, *, is_last: bool
    ) -> list[Piece]:
        """The empty thought, where it belongs there."""
        if self.thoughts != "all" and not is_last:
            return []
        if answer is None:
            return [] if self.enable_thinking else fixed(NO_THOUGHT, tokenizer)
        if "<think>" in answer.content or "</think>" in answer.content:
            return []
        return fixed(NO_THOUGHT, tokenizer, is_learnt=self.enable_thinking)

    def _loses(self, is_last: bool) -> bool:
        """Whether an answer loses its thought."""
        if is_last or self.thoughts == "all":
            return not self.enable_thinking
        return self.thoughts == "last"


def _without_thought(message: Message) -> Message:
    return replace(message, content=THOUGHT.sub("", message.content).lstrip("\n"))


class Qwen3(Reasoning):
    """Qwen 3 with thoughts: ChatML with Qwen's tools."""

    name: Literal["llamafactory/qwen3"] = "llamafactory/qwen3"
    slots = QWEN


class MiMo(Reasoning):
    """MiMo: as Qwen 3, with a system text."""

    name: Literal["llamafactory/mimo"] = "llamafactory/mimo"
    slots = replace(QWEN, default_system="You are a helpful assistant.")


class DeepSeekR1(Reasoning):
    """DeepSeek R1 and what was distilled from it: as DeepSeek V3, with thoughts."""

    name: Literal["llamafactory/deepseekr1"] = "llamafactory/deepseekr1"
    slots = DEEPSEEK3


class GlmZ1(Reasoning):
    """GLM Z1: as GLM 4, with thoughts."""

    name: Literal["llamafactory/glmz1"] = "llamafactory/glmz1"
    slots = GLM4
