"""Span-qa: {"question": "How long is it?", "answer": "24 months", "quote": "It is 24 months."}."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from tunesmith.core import examples
from tunesmith.core.examples import Example, SpanQuestion
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.kinds.kind import Item, Kind, origin, read_item, stripped
from tunesmith.synthesize.kinds.stretch import find_stretch, stretch_of
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.sentences import Span


class Marked(Item):
    """A question whose answer stands in the passage word for word."""

    question: str
    answer: str
    quote: str
    """The sentence that the answer is taken from: it tells which of several places is meant."""


class SpanQa(Kind):
    """Questions whose answers are stretches of the passage, as SQuAD has them."""

    shape: ClassVar[type[BaseModel]] = Marked
    makes: ClassVar[type[Example]] = SpanQuestion
    room: ClassVar[int] = 250

    name: Literal["span-qa"] = "span-qa"

    def draft(self, item: Mapping[str, Any], passage: Passage) -> Draft:
        """Takes a question; its answer becomes the words as they stand in the passage."""
        read = read_item(Marked, item)
        question, copied, quote = stripped(
            question=read.question, answer=read.answer, quote=read.quote
        )
        quoted = find_stretch(passage.text, quote)
        span = find_stretch(passage.text, copied, within=quoted)
        answer = passage.text[slice(*span)] if span else stretch_of(passage.text, copied, "answer")
        return Draft(self.name, (Turn(question, answer),), (quote,))

    def claims(self, draft: Draft) -> tuple[str, ...]:
        """The answer."""
        return tuple(turn.answer for turn in draft.turns)

    def example(self, draft: Draft, passage: Passage, span: Span | None) -> SpanQuestion:
        """The question on the whole passage; the answer is marked within its evidence.

        Raises:
            ValueError: the draft is of another passage.
        """
        (turn,) = draft.turns
        within = span or find_stretch(passage.text, draft.quotes[0])
        place = find_stretch(passage.text, turn.answer, within=within)
        if place is None:
            raise ValueError("the answer is no stretch of the passage")
        start, end = place
        whole = f"{passage.document}:{passage.start + start}:{turn.request}"
        return SpanQuestion(
            turn.request,
            passage.text,
            (examples.Span(passage.text[start:end], start),),
            origin(passage, place),
            id=hashlib.sha256(whole.encode("utf-8", "surrogatepass")).hexdigest()[:24],
            title=passage.name,
            group=passage.document,
        )
