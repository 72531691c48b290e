"""Task: what an example means as tokens, and what counts as its answer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self

import numpy as np

from tunesmith.core.answers import Answer, Prediction, Road, shown
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Example
from tunesmith.core.part import Part
from tunesmith.templates.shorten import Side
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.model.head import Head
    from tunesmith.objectives.objective import Objective
    from tunesmith.tasks.collate import EncodedRows
    from tunesmith.tasks.preference_rows import PreferenceRows
    from tunesmith.tasks.store import EncodedSplit

TooLong = Literal["cut", "drop", "error"]
JudgedBy = Literal["answers", "running-text", "preferences"]
Fate = Literal["kept", "cut", "dropped", "rejected"]


@dataclass(frozen=True, slots=True)
class EncodedExample:
    """One example as the model sees it.

    Attributes:
        input_ids: [T] int32.
        weights: [T] float32; of each token as a target of the loss, 0 where it is only context.
        origin: the place it was read from.
        values: numbers the task keeps beside the tokens: a place of an answer, a grade.
        labels: names it keeps, of classes for example.
    """

    input_ids: np.ndarray
    weights: np.ndarray
    origin: str
    values: tuple[float, ...] = ()
    labels: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.input_ids)

    @property
    def supervised(self) -> np.ndarray:
        """[T] bool; True where the token is a target of the loss."""
        return self.weights > 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one example."""

    rows: tuple[EncodedExample, ...] = ()
    """None where it was dropped or rejected; several where it is read in windows."""
    fate: Fate = "kept"
    reason: str = ""
    n_cut: int = 0
    """Tokens left out."""
    lacks_end: bool = False
    """Whether the token that ends its answer is missing."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long an example may be, and what happens to a longer one."""

    max_tokens: int
    too_long: TooLong = "cut"
    cut_from: Side = "end"
    cut_answers: bool = False


class Task(Part):
    """One kind of work a model is tuned for."""

    example_type: ClassVar[type[Example]]
    further_types: ClassVar[tuple[type[Example], ...]] = ()
    """Other kinds that it learns from as well."""
    uses_template: ClassVar[bool]
    objectives: ClassVar[tuple[str, ...]] = ("tokens",)
    """Names of the objectives that understand its targets; the first is the default."""

    judged_by: ClassVar[JudgedBy] = "answers"
    """What of a model is scored: its ``answers`` to examples; how well it foretells
    ``running-text``, where there is nothing to ask; or how it ranks answers by ``preferences``."""

    metrics: ClassVar[tuple[str, ...]] = ()
    """Names of the metrics its answers are scored by where a recipe names none."""

    roads: ClassVar[tuple[Road, ...]] = ()
    """How models can answer it, the best known first; none: it has no answers to score."""

    answers_freely: ClassVar[bool] = False
    """Whether answers are running text, alike by their words rather than equal."""

    only_trains: ClassVar[frozenset[str]] = frozenset()
    """Fields that change what is learnt, and neither what is asked nor how answers are read."""

    @abstractmethod
    def encode(
        self, examples: Sequence[Example], template: Template, tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """Makes the token ids of many examples at once.

        Args:
            examples: all of :attr:`example_type`.
            template: lays conversations out.
            tokenizer: of the model.
            limits: how long one may be.

        Returns:
            One outcome for each example, in order.

        Raises:
            DataError: one is too long and must not be.
        """

    def settled(self, training: EncodedSplit, known: Sequence[str] = ()) -> Self:
        """This task with what it leaves to the data decided, such as the classes there are.

        Args:
            training: the training rows, encoded by this task; at least one.
            known: names of the classes that the head tells apart it starts from, in order.

        Raises:
            DataError: these rows leave it undecided.
        """
        return self

    def unfit(self, split: EncodedSplit, training: EncodedSplit) -> dict[int, str]:
        """Encoded rows that the settled task cannot use: their place in the split, and why.

        Args:
            split: the rows.
            training: those that settled the task.
        """
        return {}

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of which every answer of the settled task is one; none where answers are others."""
        return ()

    @property
    def weighs_no_answer(self) -> bool:
        """Whether its head weighs "no answer" too, so that a threshold for it can be found."""
        return False

    def head(self) -> Head | None:
        """The output of its own that the settled task needs; None: over the vocabulary."""
        return None

    def planned_head(self) -> Head | None:
        """The head as far as it is known before any data is read, for plans of memory."""
        return self.head()

    def arranged(self, split: EncodedSplit, limits: Limits) -> EncodedSplit:
        """The rows that are trained on, made of the encoded ones of a split.

        Args:
            split: encoded by this task.
            limits: how long a row may be.
        """
        return split

    def rows(self, split: EncodedSplit, pad_id: int) -> EncodedRows:
        """The encoded rows of a split as the batches that the task's objectives take.

        Args:
            split: encoded by this task.
            pad_id: fills rows up.
        """
        from tunesmith.tasks.collate import EncodedRows

        return EncodedRows(split, pad_id)

    def answer_rows(self, split: EncodedSplit, pad_id: int) -> PreferenceRows:
        """The same of a task that is judged by preferences: its rows are whole answers."""
        raise NotImplementedError(f"task {self.name!r} is not judged by preferences")

    def inputs(
        self, examples: Sequence[Example], tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """What the task's own head reads of each example; no label or answer is needed for it.

        Returns:
            For each example one row of tokens, or several windows. What :meth:`conclude` needs to
            know of a window stands in its ``values``.
        """
        raise NotImplementedError(f"task {self.name!r} has no head of its own")

    def conclude(
        self, example: Example, rows: Sequence[EncodedExample], outputs: Sequence[np.ndarray]
    ) -> Prediction:
        """What the head's outputs for one example come to.

        Args:
            example: the example.
            rows: what :meth:`inputs` made of it.
            outputs: for each row what the head gave, float32: [outputs] of a classification, and
                [T, 2] of places in the text.
        """
        raise NotImplementedError(f"task {self.name!r} has no head of its own")

    def unanswered(self, record: Mapping[str, Any], origin: str) -> Example:
        """An example without its answer, to be predicted.

        Args:
            record: fields of a file's record.
            origin: its place.

        Raises:
            DataError: what the task needs is not in it, or the task predicts nothing.
        """
        raise DataError(f"{origin}: task {self.name!r} predicts nothing. Use: tunesmith chat")

    def lengths(self, split: EncodedSplit) -> np.ndarray:
        """Tokens of each row that the trainer asks for, as :meth:`rows` has it; needs no torch."""
        return split.lengths

    def picked(self, split: EncodedSplit, rows: np.ndarray) -> EncodedSplit:
        """Some rows of a split, in the order that is asked for.

        Args:
            split: as :meth:`arranged` gives it.
            rows: places as :meth:`lengths` counts them, int64.
        """
        return replace(split, rows=split.rows[rows])

    def told(self, row: EncodedExample) -> str:
        """What a preview says of an encoded row beside its place; nothing by default."""
        return ""

    def objective_for(self, kind: type[Example]) -> str:
        """The objective that learns from a kind of example; the first one by default."""
        return self.objectives[0]

    def require_rows(self, split: EncodedSplit, objective: Objective) -> None:
        """Checks that encoded rows are what an objective learns from.

        Raises:
            DataError: they are not.
        """

    def ask(self, example: Example) -> Conversation | None:
        """What a chat model is asked, so that it does this task on an example.

        Returns:
            A conversation without an answer; None where this task asks nothing.
        """
        return None

    def read(self, text: str, example: Example) -> Answer:
        """What a chat model's text answers to :meth:`ask`; None where it cannot be read."""
        return text

    def write(self, answer: Answer) -> str:
        """An answer as a chat model is to write it, so that :meth:`read` understands it."""
        return shown(answer)

    def references(self, example: Example) -> list[Answer]:
        """The answers that are right; none where the example has no reference answer."""
        return []

    def candidates(self, example: Example) -> list[str]:
        """All that can be answered to :meth:`ask`, to be compared by their likelihood.

        Returns:
            Texts that :meth:`read` understands; none where answers cannot be listed.
        """
        return []

    @classmethod
    def takes(cls, kind: type[Example]) -> bool:
        """Whether it learns from examples of a kind."""
        return issubclass(kind, (cls.example_type, *cls.further_types))

    def require(self, example: Example) -> None:
        """Checks that an example is of the kind this task takes.

        Raises:
            DataError: it is not.
        """
        if not self.takes(type(example)):
            raise DataError(
                f"{example.origin}: a {_kind(type(example))}, and task {self.name!r} takes a "
                f"{_kind(self.example_type)}. Choose another task, or set data.format."
            )


def _kind(cls: type[object]) -> str:
    return "".join(f" {c.lower()}" if c.isupper() else c for c in cls.__name__).strip()
