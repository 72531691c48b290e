"""Summary: {"instruction": "Summarise ...", "summary": "...", "quotes": ["...", "..."]}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from tunesmith.core.examples import Conversation, Message
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.kinds.kind import (
    Item,
    Kind,
    material,
    origin,
    read_item,
    stripped,
    weight,
)
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.sentences import Span


class Summarised(Item):
    """A summary with the sentences that it rests on."""

    instruction: str
    """In the language of the summary."""
    summary: str
    quotes: list[str]


class Summary(Kind):
    """Summaries of passages: of a section where it is one, else of a part of it or of a few.

    The row always carries the passage: it is what is summarised.
    """

    shape: ClassVar[type[BaseModel]] = Summarised
    at_most: ClassVar[int] = 1
    room: ClassVar[int] = 900

    name: Literal["summary"] = "summary"

    def draft(self, item: Mapping[str, Any], passage: Passage) -> Draft:
        """Takes a summary that is shorter than what it sums up."""
        read = read_item(Summarised, item)
        asked, summary = stripped(instruction=read.instruction, summary=read.summary)
        quotes = tuple(quote.strip() for quote in read.quotes if quote.strip())
        if not quotes:
            raise ValueError("no quotes")
        if weight(summary) >= weight(passage.text.strip()):
            raise ValueError("a summary that is no shorter than the passage")
        return Draft(self.name, (Turn(asked, summary),), quotes)

    def claims(self, draft: Draft) -> tuple[str, ...]:
        """The summary."""
        return tuple(turn.answer for turn in draft.turns)

    def example(self, draft: Draft, passage: Passage, span: Span | None) -> Conversation:
        """The request with the passage as its input, and the summary; its place is the passage."""
        (turn,) = draft.turns
        asked = Message("user", turn.request, input=material(passage))
        messages = (asked, Message("assistant", turn.answer))
        return Conversation(messages, origin(passage, None), group=passage.document)
