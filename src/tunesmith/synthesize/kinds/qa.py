"""Qa: {"question": "How long?", "answer": "24 months.", "quote": "...", "style": "fact"}."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any, ClassVar, Literal, get_args

from pydantic import BaseModel, Field

from tunesmith.core.examples import Conversation, Message
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.kinds.denial import denies
from tunesmith.synthesize.kinds.kind import Item, Kind, material, origin, read_item, stripped
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.sentences import Span

Style = Literal["fact", "how", "why", "comparison", "negative", "unanswerable"]
STYLES: tuple[Style, ...] = get_args(Style)
UNANSWERABLE = "unanswerable"


class Pair(Item):
    """A question with its answer."""

    question: str
    answer: str
    quote: str = ""
    """Empty where the passage does not answer."""
    style: str = ""


class Qa(Kind):
    """Instruction pairs: a question, its answer, and the words of the passage that bear it out.

    A question that the passage does not answer is answered with just that. Its row always carries
    the passage, because another document may well answer it.
    """

    shape: ClassVar[type[BaseModel]] = Pair

    name: Literal["qa"] = "qa"
    styles: tuple[Style, ...] = Field(STYLES, min_length=1)
    """Sorts of questions, spread evenly over the pairs of all passages."""
    with_passage: bool = False
    """Whether the row shows the passage beside the question; else it is asked closed-book."""

    def told(self, passage: Passage, n: int) -> dict[str, str]:
        """The styles in turn, so that chunks with one pair each do not all get the same."""
        place = f"{passage.document}:{passage.start}".encode("utf-8", "surrogatepass")
        first = int.from_bytes(hashlib.sha256(place).digest()[:4])
        chosen = Counter(self.styles[(first + i) % len(self.styles)] for i in range(n))
        return {"styles": ", ".join(f"{style} × {count}" for style, count in chosen.items())}

    def form(self, n: int) -> dict[str, Any]:
        """With the names of the styles."""
        schema = super().form(n)
        styles = list(dict.fromkeys(self.styles))
        schema["properties"]["items"]["items"]["properties"]["style"]["enum"] = styles
        return schema

    def draft(self, item: Mapping[str, Any], passage: Passage) -> Draft:
        """Takes a pair; a style that is not known is no reason to lose it."""
        pair = read_item(Pair, item)
        question, answer = stripped(question=pair.question, answer=pair.answer)
        style = pair.style.strip().lower()
        if style == UNANSWERABLE:
            if UNANSWERABLE not in self.styles:
                raise ValueError("an unanswerable question, which was not asked for")
            if not denies(answer):
                raise ValueError("an unanswerable question whose answer does not say so")
            return Draft(self.name, (Turn(question, answer),), style=style)
        (quote,) = stripped(quote=pair.quote)
        known = style if style in STYLES else ""
        return Draft(self.name, (Turn(question, answer),), (quote,), known)

    def claims(self, draft: Draft) -> tuple[str, ...]:
        """The answer, unless it says that there is none."""
        return () if self.is_unanswerable(draft) else tuple(turn.answer for turn in draft.turns)

    def needs_quote(self, draft: Draft) -> bool:
        """All but unanswerable ones."""
        return not self.is_unanswerable(draft)

    def is_unanswerable(self, draft: Draft) -> bool:
        """By its style."""
        return draft.style == UNANSWERABLE

    def example(self, draft: Draft, passage: Passage, span: Span | None) -> Conversation:
        """A request and its answer."""
        (turn,) = draft.turns
        shows = self.with_passage or self.is_unanswerable(draft)
        asked = Message("user", turn.request, input=material(passage) if shows else "")
        messages = (asked, Message("assistant", turn.answer))
        return Conversation(messages, origin(passage, span), group=passage.document)
