"""Llama 2 chat, with the spaces of Meta's own code: ``[INST] {request} [/INST] {answer} </s>``.

Each turn is a sequence of its own from bos to eos (github.com/meta-llama/llama,
``llama/generation.py``). Llama 2 was not trained on tools; they stand in the system text.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tunesmith.core.errors import TemplateError
from tunesmith.core.examples import Message
from tunesmith.templates.template import (
    Piece,
    Template,
    answer,
    control,
    end,
    needs_tokens,
    refuse_two_answers,
    split_system,
    text,
)
from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.templates.tools import offer, said, turns_of


class Llama2(Template):
    """``[INST]`` with the system text between ``<<SYS>>`` marks in the first request."""

    name: Literal["llama2"] = "llama2"
    stop = ("[INST]", "[/INST]")

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out; every request starts a new sequence."""
        bos = tokenizer.bos or "<s>"
        needs_tokens(self, tokenizer, [bos])
        system, turns = split_system(messages)
        refuse_two_answers(turns)
        system = "\n\n".join(part for part in (system, offer(tools)) if part)
        if system and turns and turns[0].role != "user":
            raise TemplateError(
                f"template {self.name!r} writes the system text and the tools into the first "
                f"request, and the first turn is the {turns[0].role}'s. Begin with a user's turn."
            )
        pieces: list[Piece] = []
        for place, turn in enumerate(turns_of(turns)):
            if turn[0].role == "assistant":
                pieces += [answer(f" {said(turn[0]).strip()} "), end(tokenizer.eos)]
                continue
            leading = f"<<SYS>>\n{system}\n<</SYS>>\n\n" if system and place == 0 else ""
            request = f"{leading}{_asked(turn)}".strip()
            pieces += [control(bos), text(f"[INST] {request} [/INST]")]
        return pieces


def _asked(turn: Sequence[Message]) -> str:
    if turn[0].role == "tool":
        return "\n".join(f"Tool result: {message.content}" for message in turn)
    return turn[0].text
