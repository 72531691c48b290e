"""Llama 2 chat, with the spaces of Meta's own code: ``[INST] {request} [/INST] {answer} </s>``.

Each turn is a sequence of its own from bos to eos (github.com/meta-llama/llama,
``llama/generation.py``).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tunesmith.core.examples import Message
from tunesmith.templates.template import (
    Piece,
    Template,
    answer,
    control,
    end,
    needs_tokens,
    split_system,
    text,
)
from tunesmith.templates.tokenizer import Tokenizer


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
        pieces: list[Piece] = []
        for place, turn in enumerate(turns):
            if turn.role == "user":
                leading = f"<<SYS>>\n{system}\n<</SYS>>\n\n" if system and place == 0 else ""
                request = f"{leading}{turn.text}".strip()
                pieces += [control(bos), text(f"[INST] {request} [/INST]")]
            else:
                pieces += [answer(f" {turn.content.strip()} "), end(tokenizer.eos)]
        return pieces
