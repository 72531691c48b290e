"""Preference: {"question": "...", "answer": "24 months.", "quote": "...", "worse_answer": "..."}.

An answer that the passage bears out, and one that sounds as good and that it does not bear out.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel

from tunesmith.core.examples import Example, Message, Preference
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.kinds.kind import Item, Kind, material, origin, read_item, stripped
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.sentences import Span


class TwoAnswers(Item):
    """A question with a better and a worse answer."""

    question: str
    answer: str
    quote: str
    """Bears out the better answer."""
    worse_answer: str


class PreferencePairs(Kind):
    """Preference pairs: the chosen answer is borne out, the rejected one only sounds like it."""

    shape: ClassVar[type[BaseModel]] = TwoAnswers
    makes: ClassVar[type[Example]] = Preference
    chars_per_item: ClassVar[int] = 600
    room: ClassVar[int] = 450

    name: Literal["preference"] = "preference"
    with_passage: bool = False
    """Whether the row shows the passage beside the question; else it is asked closed-book."""

    def draft(self, item: Mapping[str, Any], passage: Passage) -> Draft:
        """Takes a pair of answers that differ in more than space and capitals."""
        read = read_item(TwoAnswers, item)
        question, answer, quote, worse = stripped(
            question=read.question,
            answer=read.answer,
            quote=read.quote,
            worse_answer=read.worse_answer,
        )
        if "".join(answer.casefold().split()) == "".join(worse.casefold().split()):
            raise ValueError("both answers are the same")
        return Draft(self.name, (Turn(question, answer),), (quote,), rejected=worse)

    def claims(self, draft: Draft) -> tuple[str, ...]:
        """The better answer."""
        return tuple(turn.answer for turn in draft.turns)

    def example(self, draft: Draft, passage: Passage, span: Span | None) -> Preference:
        """A request with both answers."""
        (turn,) = draft.turns
        asked = Message("user", turn.request, input=material(passage) if self.with_passage else "")
        return Preference(
            (asked,),
            (Message("assistant", turn.answer),),
            (Message("assistant", draft.rejected),),
            origin(passage, span),
            group=passage.document,
        )
