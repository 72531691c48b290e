"""Kind: what a teacher is asked to make of a passage, and how an item of its reply is a row."""

from __future__ import annotations

import re
from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tunesmith.chat.chat_model import Sampling
from tunesmith.chat.request import Request
from tunesmith.core.examples import Conversation, Example
from tunesmith.core.part import Part
from tunesmith.synthesize.draft import Draft
from tunesmith.synthesize.parse_reply import reply_schema
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.prompts import Prompts
from tunesmith.synthesize.prompts.prompts import language_of
from tunesmith.synthesize.sentences import Span

WIDE = re.compile(r"[\u1100-\u11ff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff]")
WIDE_LETTER = 2.5
"""Latin letters that a character of Chinese, Japanese or Korean says as much as, roughly."""
ROOM_AROUND = 200
"""Tokens of a reply beside its items."""


class Item(BaseModel):
    """One item of a reply; it is checked strictly and further fields are left out."""

    model_config = ConfigDict(frozen=True)


class Kind(Part):
    """What is made of a passage.

    ``request`` asks for items of ``shape``, ``draft`` takes one of them, ``example`` is the row of
    a draft that was found good. A kind that asks no teacher makes its draft of an empty item.
    """

    asks_teacher: ClassVar[bool] = True
    shape: ClassVar[type[BaseModel]]
    """Of one item of a reply."""
    makes: ClassVar[type[Example]] = Conversation
    """What its rows are."""
    chars_per_item: ClassVar[int] = 400
    """Latin letters of a passage that one item is made of, where ``per_chunk`` is null."""
    at_most: ClassVar[int] = 8
    """Items of one passage, where ``per_chunk`` is null."""
    room: ClassVar[int] = 300
    """Tokens of one item in a reply; generous, for a reply that is cut has to be asked again."""

    per_chunk: int | None = Field(None, ge=1, le=50)
    """Items asked for of each chunk. None: by its length, at least one."""

    def wanted(self, passage: Passage) -> int:
        """Items to be made of a passage."""
        if self.per_chunk is not None:
            return self.per_chunk
        return max(1, min(self.at_most, round(weight(passage.text) / self.chars_per_item)))

    def request(
        self, passage: Passage, n: int, prompts: Prompts, language: str, sampling: Sampling
    ) -> Request:
        """What the teacher is asked.

        Args:
            passage: is shown between tags, as a quotation.
            n: items wanted.
            prompts: texts.
            language: of the items; ``same``: the passage's.
            sampling: its room is made larger where ``n`` items need more.
        """
        text = prompts.fill(
            self.name,
            language_of(passage, language),
            {"passage": passage.shown(), "n": str(n), **self.told(passage, n)},
        )
        room = max(sampling.max_new_tokens, ROOM_AROUND + n * self.room)
        return Request(
            ({"role": "user", "content": text},),
            replace(sampling, max_new_tokens=room),
            self.form(n),
        )

    def told(self, passage: Passage, n: int) -> dict[str, str]:
        """Further placeholders of its prompt, and what stands there."""
        return {}

    def form(self, n: int) -> dict[str, Any]:
        """JSON schema of a reply with at most ``n`` items."""
        return reply_schema(self.shape, at_most=n)

    @abstractmethod
    def draft(self, item: Mapping[str, Any], passage: Passage) -> Draft:
        """Takes one item of a reply.

        Args:
            item: of this kind's shape, or anything else.
            passage: that it was made of.

        Raises:
            ValueError: it is no draft; says why.
        """

    @abstractmethod
    def claims(self, draft: Draft) -> tuple[str, ...]:
        """Texts whose numbers and names must occur in the passage."""

    def needs_quote(self, draft: Draft) -> bool:
        """Whether a draft without a quote that is found in the passage is rejected."""
        return self.asks_teacher

    def is_unanswerable(self, draft: Draft) -> bool:
        """Whether the passage is not to answer it, so that a verdict must say the same."""
        return False

    @abstractmethod
    def example(self, draft: Draft, passage: Passage, span: Span | None) -> Example:
        """The row of a draft.

        Args:
            draft: of this kind.
            passage: that it was made of.
            span: where its evidence stands in ``passage.text``; None: only above it, or nowhere.
        """


AnItem = TypeVar("AnItem", bound=Item)


def read_item(shape: type[AnItem], item: Any) -> AnItem:
    """An item as its shape.

    Raises:
        ValueError: it has another one; says where.
    """
    try:
        return shape.model_validate(item, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(step) for step in first["loc"])
        raise ValueError(f"{place}: {first['msg']}".removeprefix(": ")) from None


def weight(text: str) -> float:
    """How much a text says, in letters of the Latin script."""
    return len(text) + (WIDE_LETTER - 1) * len(WIDE.findall(text))


def origin(passage: Passage, span: Span | None) -> str:
    """The place of a row: ``name:start-end``, in characters of the document's text."""
    start, end = span if span is not None else (0, len(passage.text))
    return f"{passage.name}:{passage.start + start}-{passage.start + end}"


def material(passage: Passage) -> str:
    """A passage as a row holds it: with all that its answers may rest on."""
    above = [" > ".join(passage.headings)] if passage.headings else []
    parts = [*above, *([passage.context] if passage.context else []), passage.text.strip()]
    return "\n".join(parts)


def stripped(**texts: str) -> tuple[str, ...]:
    """Texts without space around them.

    Raises:
        ValueError: one is empty; says which.
    """
    for name, text in texts.items():
        if not text.strip():
            raise ValueError(f"no {name.replace('_', ' ')}")
    return tuple(text.strip() for text in texts.values())
