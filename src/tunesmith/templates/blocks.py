"""Blocks: templates made of headings in plain text, ``### Instruction:`` and its like."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.core.examples import Message
from tunesmith.templates.template import (
    Piece,
    Template,
    answer,
    control,
    end,
    refuse_two_answers,
    split_system,
    text,
)
from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.templates.tools import offer, said, turns_of


class Blocks(Template):
    """Lays turns out one below the other; only the words of a request differ between templates."""

    stop = ("\n### Instruction:", "\n### Input:", "\n### Tool result:", "\n### Response:")

    def opening(self, system: str | None, first: Message) -> str:
        """Text before the first request."""
        return f"{system}\n\n" if system else ""

    def request(self, message: Message) -> str:
        """Text of one request, up to where the answer starts."""
        raise NotImplementedError

    def results(self, messages: Sequence[Message]) -> str:
        """Text of the results of calls, up to where the answer starts."""
        blocks = (f"### Tool result:\n{message.content}\n\n" for message in messages)
        return "".join(blocks) + "### Response:\n"

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out: bos, opening, tools, request, answer, eos, request ..."""
        system, turns = split_system(messages)
        refuse_two_answers(turns)
        pieces = [control(tokenizer.bos)] if tokenizer.bos else []
        if turns:
            offered = offer(tools)
            pieces.append(text(self.opening(system, turns[0])))
            pieces.append(text(f"{offered}\n\n" if offered else ""))
        for place, turn in enumerate(turns_of(turns)):
            if turn[0].role == "assistant":
                pieces += [answer(said(turn[0])), end(tokenizer.eos)]
                continue
            written = self.results(turn) if turn[0].role == "tool" else self.request(turn[0])
            pieces.append(text(("\n\n" if place else "") + written))
        return pieces
