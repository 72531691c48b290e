"""ChatML: ``<|im_start|>role`` before every message, ``<|im_end|>`` behind it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from tunesmith.core.examples import Message
from tunesmith.templates.template import Piece, Template, answer, control, end, needs_tokens, text
from tunesmith.templates.tokenizer import Tokenizer

START, STOP = "<|im_start|>", "<|im_end|>"


class ChatML(Template):
    """The format of Qwen, Yi, Hermes and many others."""

    name: Literal["chatml"] = "chatml"

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out; a request is followed by the opening of its answer."""
        needs_tokens(self, tokenizer, (START, STOP))
        has_bos = tokenizer.bos is not None and tokenizer.bos not in (START, STOP, tokenizer.eos)
        pieces = [control(tokenizer.bos)] if has_bos and tokenizer.bos else []
        for message in messages:
            pieces += [control(START), text(f"{message.role}\n")]
            if message.role == "assistant":
                pieces += [answer(message.text), end(STOP)]
            else:
                pieces += [text(message.text), control(STOP)]
            pieces.append(text("\n"))
        if messages and messages[-1].role != "assistant":
            pieces += [control(START), text("assistant\n")]
        return pieces

    def end_tokens(self, tokenizer: Tokenizer) -> list[str]:
        """The end of a turn, and the end of a text."""
        return [STOP, tokenizer.eos]
