"""Dialogue: {"turns": [{"question": "How long?", "answer": "24 months.", "quote": "..."}, ...]}."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, Field

from tunesmith.core.examples import Conversation, Message
from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.kinds.kind import Item, Kind, material, origin, read_item, stripped
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.sentences import Span

FEWEST = 2


class Exchange(Item):
    """A question of the user and the answer to it."""

    question: str
    answer: str
    quote: str


class Exchanges(Item):
    """A dialogue."""

    turns: list[Exchange]


class Dialogue(Kind):
    """Dialogues of a user and an assistant; later questions lean on what was said before."""

    shape: ClassVar[type[BaseModel]] = Exchanges
    chars_per_item: ClassVar[int] = 1500
    at_most: ClassVar[int] = 2
    room: ClassVar[int] = 1000

    name: Literal["dialogue"] = "dialogue"
    most_exchanges: int = Field(4, ge=FEWEST, le=20)
    """Questions with their answers in one dialogue; the fewest are 2."""
    with_passage: bool = False
    """Whether the row shows the passage beside the first question; else it is held closed-book."""

    def told(self, passage: Passage, n: int) -> dict[str, str]:
        """How long a dialogue may be."""
        return {"fewest": str(FEWEST), "most": str(self.most_exchanges)}

    def form(self, n: int) -> dict[str, Any]:
        """With the number of exchanges."""
        form = super().form(n)
        turns = form["properties"]["items"]["items"]["properties"]["turns"]
        turns |= {"minItems": FEWEST, "maxItems": self.most_exchanges}
        return form

    def draft(self, item: Mapping[str, Any], passage: Passage) -> Draft:
        """Takes a dialogue; each answer needs its own quote."""
        exchanges = read_item(Exchanges, item).turns
        if not FEWEST <= len(exchanges) <= self.most_exchanges:
            raise ValueError(
                f"a dialogue of {len(exchanges)} exchanges, not of {FEWEST} to "
                f"{self.most_exchanges}"
            )
        read = [stripped(question=e.question, answer=e.answer, quote=e.quote) for e in exchanges]
        if len({question for question, _, _ in read}) < len(read):
            raise ValueError("a dialogue that asks the same twice")
        turns = tuple(Turn(question, answer) for question, answer, _ in read)
        return Draft(self.name, turns, tuple(quote for _, _, quote in read))

    def claims(self, draft: Draft) -> tuple[str, ...]:
        """All answers."""
        return tuple(turn.answer for turn in draft.turns)

    def example(self, draft: Draft, passage: Passage, span: Span | None) -> Conversation:
        """Requests and answers in turn."""
        shown = material(passage) if self.with_passage else ""
        messages: list[Message] = []
        for number, turn in enumerate(draft.turns):
            messages.append(Message("user", turn.request, input="" if number else shown))
            messages.append(Message("assistant", turn.answer))
        return Conversation(tuple(messages), origin(passage, span), group=passage.document)
