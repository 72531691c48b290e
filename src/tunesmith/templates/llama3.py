"""Llama 3 chat: a header before every message, ``<|eot_id|>`` behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tunesmith.core.examples import Message
from tunesmith.templates.template import Piece, Template, answer, control, end, needs_tokens, text
from tunesmith.templates.tokenizer import Tokenizer

BEGIN, OPEN, CLOSE, EOT = (
    "<|begin_of_text|>",
    "<|start_header_id|>",
    "<|end_header_id|>",
    "<|eot_id|>",
)


class Llama3(Template):
    """Meta's format of the Llama 3 instruction models."""

    name: Literal["llama3"] = "llama3"

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out; a request is followed by the header of its answer."""
        needs_tokens(self, tokenizer, (BEGIN, OPEN, CLOSE, EOT))
        pieces = [control(BEGIN)]
        for message in messages:
            pieces += _header(message.role)
            if message.role == "assistant":
                pieces += [answer(message.text.strip()), end(EOT)]
            else:
                pieces += [text(message.text.strip()), control(EOT)]
        if messages and messages[-1].role != "assistant":
            pieces += _header("assistant")
        return pieces

    def end_tokens(self, tokenizer: Tokenizer) -> list[str]:
        """The end of a turn, and the end of a text."""
        return [EOT, tokenizer.eos]


def _header(role: str) -> list[Piece]:
    return [control(OPEN), text(role), control(CLOSE), text("\n\n")]
