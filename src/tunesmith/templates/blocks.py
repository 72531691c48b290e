"""Blocks: templates made of headings in plain text, ``### Instruction:`` and its like."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.core.examples import Message
from tunesmith.templates.template import Piece, Template, answer, control, end, split_system, text
from tunesmith.templates.tokenizer import Tokenizer


class Blocks(Template):
    """Lays turns out one below the other; only the words of a request differ between templates."""

    stop = ("\n### Instruction:", "\n### Input:", "\n### Response:")

    def opening(self, system: str | None, first: Message) -> str:
        """Text before the first request."""
        return f"{system}\n\n" if system else ""

    def request(self, message: Message) -> str:
        """Text of one request, up to where the answer starts."""
        raise NotImplementedError

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out: bos, opening, request, answer, eos, request ..."""
        system, turns = split_system(messages)
        pieces = [control(tokenizer.bos)] if tokenizer.bos else []
        if turns:
            pieces.append(text(self.opening(system, turns[0])))
        for place, turn in enumerate(turns):
            if turn.role == "user":
                pieces.append(text(("\n\n" if place else "") + self.request(turn)))
            else:
                pieces += [answer(turn.content), end(tokenizer.eos)]
        return pieces
