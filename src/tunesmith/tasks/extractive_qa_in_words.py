"""Extractive question answering in words: a language model learns to write the answer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self, cast

from tunesmith.core.answers import Road
from tunesmith.core.examples import Conversation, Example, Message, SpanQuestion
from tunesmith.tasks.extractive_qa import UNANSWERABLE, ExtractiveQA
from tunesmith.tasks.sft import SupervisedFineTuning
from tunesmith.tasks.task import Limits, Outcome
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.tasks.collate import EncodedRows
    from tunesmith.tasks.store import EncodedSplit


class ExtractiveQAInWords(ExtractiveQA):
    """Learns to write answers, asked as any chat model is asked; the head stays.

    Windows and their settings mean nothing here: a context that is too long is cut.
    """

    name: Literal["extractive-qa-in-words"] = "extractive-qa-in-words"  # type: ignore[assignment]
    no_answer: bool | None = True
    """Whether the request says what to say where the context holds no answer."""
    uses_template: ClassVar[bool] = True
    objectives: ClassVar[tuple[str, ...]] = ("tokens",)
    roads: ClassVar[tuple[Road, ...]] = ("generate",)

    def encode(
        self, examples: Sequence[Example], template: Template, tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """Renders question, context and first answer as a conversation."""
        written = [self._written(question) for question in cast("Sequence[SpanQuestion]", examples)]
        return SupervisedFineTuning().encode(written, template, tokenizer, limits)

    def settled(self, training: EncodedSplit, known: Sequence[str] = ()) -> Self:
        """Itself: the request is written before the data is seen."""
        return self

    def head(self) -> None:
        """None: the output is the vocabulary."""
        return None

    def rows(self, split: EncodedSplit, pad_id: int) -> EncodedRows:
        """Batches whose targets are tokens."""
        from tunesmith.tasks.collate import EncodedRows

        return EncodedRows(split, pad_id)

    def _written(self, question: SpanQuestion) -> Conversation:
        asked = self.ask(question)
        assert asked is not None
        said = question.answers[0].text if question.answers else UNANSWERABLE
        return replace(asked, messages=(*asked.messages, Message("assistant", said)))
