"""Classification in words: a language model learns to answer with the name of the label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, ClassVar, Literal, Self, cast

from tunesmith.core.answers import Road
from tunesmith.core.errors import RecipeError
from tunesmith.core.examples import Example, Labelled, Message
from tunesmith.tasks.classify import Classify
from tunesmith.tasks.sft import SupervisedFineTuning
from tunesmith.tasks.task import Limits, Outcome
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.tasks.collate import EncodedRows
    from tunesmith.tasks.store import EncodedSplit


class ClassifyInWords(Classify):
    """Learns to write labels of texts, asked as any chat model is asked; the head stays."""

    name: Literal["classify-in-words"] = "classify-in-words"  # type: ignore[assignment]
    uses_template: ClassVar[bool] = True
    objectives: ClassVar[tuple[str, ...]] = ("tokens",)
    roads: ClassVar[tuple[Road, ...]] = ("generate", "likelihood")

    def check(self) -> None:
        """Checks that the request can be written without looking at the data.

        Raises:
            RecipeError: it cannot; says what to name.
        """
        if self.problem is None:
            raise RecipeError("task.problem: set single, multi or regression; the request says it.")
        if self.problem != "regression" and self.labels is None:
            raise RecipeError("task.labels: name the classes; the request lists them.")
        if self.class_weights is not None:
            raise RecipeError("task.class_weights: go with task classify alone.")

    def encode(
        self, examples: Sequence[Example], template: Template, tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """Renders request and label as a conversation; a long text is cut, never the label."""
        self.check()
        labelled = cast("Sequence[Labelled]", examples)
        outcomes = [self._refused(example) for example in labelled]
        sound = [e for e, refused in zip(labelled, outcomes, strict=True) if refused is None]
        asked = [(self.ask(example), self.references(example)[0]) for example in sound]
        written = [
            replace(
                conversation,
                messages=(*conversation.messages, Message("assistant", self.write(answer))),
            )
            for conversation, answer in asked
            if conversation is not None
        ]
        encoded = iter(SupervisedFineTuning().encode(written, template, tokenizer, limits))
        return [next(encoded) if refused is None else refused for refused in outcomes]

    def settled(self, training: EncodedSplit, known: Sequence[str] = ()) -> Self:
        """Itself: nothing is left to the data."""
        return self

    def unfit(self, split: EncodedSplit, training: EncodedSplit) -> dict[int, str]:
        """None: they were all looked at before."""
        return {}

    def head(self) -> None:
        """None: the output is the vocabulary."""
        return None

    def planned_head(self) -> None:
        """None likewise."""
        return None

    def rows(self, split: EncodedSplit, pad_id: int) -> EncodedRows:
        """Batches whose targets are tokens."""
        from tunesmith.tasks.collate import EncodedRows

        return EncodedRows(split, pad_id)

    def _refused(self, example: Labelled) -> Outcome | None:
        refused = self.refused(example)
        return Outcome(fate="rejected", reason=refused) if refused else None
