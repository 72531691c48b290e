"""No template: the request as plain text, which a base model goes on writing."""

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
    refuse_two_answers,
    split_system,
    text,
)
from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.templates.tools import offer, said, turns_of


class Plain(Template):
    """The text itself behind the begin token; nothing else is written.

    A request alone has the token ids that the tokenizer gives its text. Between turns stands an
    empty line, and before an answer a space where the request does not end with white space, as
    EleutherAI's lm-evaluation-harness has it by default.
    """

    name: Literal["none"] = "none"

    def pieces(
        self, messages: Sequence[Message], tokenizer: Tokenizer, tools: str = ""
    ) -> list[Piece]:
        """Lays messages out: bos, system text and tools, request, answer, eos, request ..."""
        system, turns = split_system(messages)
        refuse_two_answers(turns)
        pieces = [control(tokenizer.bos)] if tokenizer.bos else []
        leading = "\n\n".join(part for part in (system, offer(tools)) if part)
        if leading and turns:
            pieces.append(text(f"{leading}\n\n"))
        before = ""
        for place, turn in enumerate(turns_of(turns)):
            if turn[0].role == "assistant":
                lead = "" if not before or before[-1].isspace() else " "
                pieces += [answer(f"{lead}{said(turn[0])}"), end(tokenizer.eos)]
                continue
            before = "\n\n".join(message.text for message in turn)
            pieces.append(text(("\n\n" if place else "") + before))
        return pieces
