"""Classification: a head on the last token of a text gives its class, its classes, or a number."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self, cast

import numpy as np
from pydantic import Field, model_validator

from tunesmith.core.answers import Answer, Prediction, Road, shown
from tunesmith.core.errors import DataError, did_you_mean
from tunesmith.core.examples import Conversation, Example, Labelled, Message
from tunesmith.data.formats.labels import TEXTS
from tunesmith.tasks.classes import NUMBER, Classes, Problem, balanced_weights, settle, unfit
from tunesmith.tasks.read_label import first_label, first_number, mentioned_labels
from tunesmith.tasks.task import EncodedExample, Limits, Outcome, Task
from tunesmith.tasks.text_row import count_lead, text_ids, text_row
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.model.head import Head
    from tunesmith.model.head import Problem as HeadProblem
    from tunesmith.tasks.collate import EncodedRows
    from tunesmith.tasks.store import EncodedSplit

HEAD_PROBLEMS: dict[Problem, HeadProblem] = {
    "single": "single_label_classification",
    "multi": "multi_label_classification",
    "regression": "regression",
}
OUR_PROBLEMS: dict[HeadProblem, Problem] = {theirs: ours for ours, theirs in HEAD_PROBLEMS.items()}
REQUESTS = {
    "single": "Which label fits the text? Answer with one of these labels alone:",
    "multi": "Which labels fit the text? Answer with those of these labels alone, separated by "
    "commas, or with none:",
    "regression": "Which number fits the text? Answer with the number alone.",
}
NONE = "none"
"""What is written where no label fits."""
LIKELY = 0.5
"""A class of several is given from this probability on."""


class Classify(Task):
    """Learns labels of texts with a head on the last token, as transformers' models have it."""

    name: Literal["classify"] = "classify"
    problem: Problem | None = None
    """``single``: one class each. ``multi``: any number of classes. ``regression``: a number.
    None: told from the training rows."""
    labels: list[str] | None = None
    """Names of the classes, in the order of the head's outputs; a row with another is bad. None:
    all of the training rows, sorted, and a label that looks misspelt makes its row bad."""
    class_weights: Literal["balanced"] | dict[str, Annotated[float, Field(gt=0)]] | None = None
    """Weight of the loss of each class of ``single``; ``balanced``: all classes together weigh the
    same."""
    instruction: str | None = None
    """What a chat model is asked, before the labels and the text; None: which label fits."""
    example_type: ClassVar[type[Example]] = Labelled
    uses_template: ClassVar[bool] = False
    objectives: ClassVar[tuple[str, ...]] = ("classes",)
    roads: ClassVar[tuple[Road, ...]] = ("head", "likelihood", "generate")
    only_trains: ClassVar[frozenset[str]] = frozenset({"class_weights"})

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.labels is not None and len(set(self.labels)) != len(self.labels):
            raise ValueError("labels: a name comes twice.")
        if self.problem == "regression" and self.labels not in (None, [NUMBER]):
            raise ValueError("labels: a regression has none. Take them or the problem away.")
        if self.problem == "single" and self.labels is not None and len(self.labels) < 2:
            raise ValueError("labels: name two classes at least.")
        if self.class_weights is not None and self.problem not in (None, "single"):
            raise ValueError("class_weights: go with problem=single alone.")
        if isinstance(self.class_weights, dict) and self.labels is not None:
            odd = set(self.class_weights) ^ set(self.labels)
            if odd:
                raise ValueError(f"class_weights: {min(odd)!r} is not in both of it and labels.")
        return self

    @property
    def metrics(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the problem."""
        if self.problem == "regression":
            return ("squared-error", "correlation")
        return ("accuracy", "label-f1")

    @property
    def classes(self) -> tuple[str, ...]:
        """The labels, where one alone is right."""
        return tuple(self.labels or ()) if self.problem == "single" else ()

    def encode(
        self, examples: Sequence[Example], template: Template, tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """Encodes texts behind a bos token, cut to the limit where that is allowed.

        The end is not marked: the head reads the state of the last token of the text.
        """
        labelled = cast("Sequence[Labelled]", examples)
        return [
            self._labelled(example, ids, limits, count_lead(tokenizer))
            for example, ids in zip(labelled, text_ids(labelled, tokenizer), strict=True)
        ]

    def settled(self, training: EncodedSplit, known: Sequence[str] = ()) -> Self:
        """Decides problem, labels and weights, as far as they are open.

        Open labels are those of the head it starts from, in its order, where that has them all.
        """
        found = settle(training, self.problem, self.labels)
        weights = self.class_weights
        more = set(known) - set(found.labels)
        if self.labels is None and len(known) - len(more) == len(found.labels):
            if not (more and isinstance(weights, dict)):
                found = replace(found, labels=tuple(known))
        if weights == "balanced":
            if found.problem != "single":
                raise DataError("task.class_weights: go with one class a row. Take them away.")
            weights = balanced_weights(found)
        fields = {"problem": found.problem, "labels": list(found.labels), "class_weights": weights}
        return type(self).model_validate({**self.model_dump(), **fields})

    def unfit(self, split: EncodedSplit, training: EncodedSplit) -> dict[int, str]:
        """Rows with a label that is not one of the settled ones."""
        assert self.problem is not None and self.labels is not None
        counts = Counter(
            name for place in range(len(training)) for name in training.labels_of(place)
        )
        classes = Classes(self.problem, tuple(self.labels), counts)
        found = (
            (place, unfit(split.labels_of(place), len(split.values_of(place)), classes))
            for place in range(len(split))
        )
        return {place: reason for place, reason in found if reason}

    def head(self) -> Head | None:
        """One output for each label, or one for the number."""
        from tunesmith.model.head import Head

        assert self.problem is not None and self.labels is not None
        return Head("sequence-classification", tuple(self.labels), HEAD_PROBLEMS[self.problem])

    def planned_head(self) -> Head | None:
        """With two labels where they are not named."""
        from tunesmith.model.head import Head, unnamed_labels

        n_outputs = 1 if self.problem == "regression" else 2
        labels = unnamed_labels(n_outputs) if self.labels is None else tuple(self.labels)
        return Head("sequence-classification", labels, HEAD_PROBLEMS[self.problem or "single"])

    def rows(self, split: EncodedSplit, pad_id: int) -> EncodedRows:
        """Batches whose targets are classes, flags of classes, or numbers."""
        from tunesmith.tasks.classified_rows import ClassifiedRows

        assert self.problem is not None and self.labels is not None
        weights = self.class_weights if isinstance(self.class_weights, dict) else None
        return ClassifiedRows(split, pad_id, self.problem, self.labels, weights)

    def inputs(
        self, examples: Sequence[Example], tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """The same token ids as in training."""
        texts = cast("Sequence[Labelled]", examples)
        return [
            text_row(example, ids, limits, count_lead(tokenizer), (), ())
            for example, ids in zip(texts, text_ids(texts, tokenizer), strict=True)
        ]

    def conclude(
        self, example: Example, rows: Sequence[EncodedExample], outputs: Sequence[np.ndarray]
    ) -> Prediction:
        """The likeliest class, all classes from one half on, or the number."""
        assert self.labels is not None
        logits = outputs[0].astype(np.float64)
        if self.problem == "regression":
            return Prediction(float(logits[0]))
        if self.problem == "multi":
            likely = 1 / (1 + np.exp(-logits))
            answer: Answer = tuple(
                n for n, p in zip(self.labels, likely, strict=True) if p >= LIKELY
            )
        else:
            likely = np.exp(logits - logits.max())
            likely /= likely.sum()
            answer = self.labels[int(logits.argmax())]
        order = np.argsort(-likely, kind="stable")
        return Prediction(answer, tuple((self.labels[i], float(likely[i])) for i in order))

    def unanswered(self, record: Mapping[str, Any], origin: str) -> Example:
        """A text under one of its usual names."""
        key = next((key for key in TEXTS if isinstance(record.get(key), str)), None)
        if key is None:
            raise DataError(
                f"{origin}: no text; the record has {sorted(record)}. Name it 'text'. "
                f"Known: {', '.join(TEXTS)}."
            )
        return Labelled(record[key], (), origin)

    def ask(self, example: Example) -> Conversation | None:
        """The request, with the labels there are, and the text."""
        text = cast("Labelled", example)
        request = self.instruction or REQUESTS[self.problem or "single"]
        if self.problem != "regression":
            request = f"{request} {', '.join(self.labels or ())}."
        return Conversation(
            (Message("user", request, text.text),), example.origin, group=text.group
        )

    def read(self, text: str, example: Example) -> Answer:
        """The first label that is mentioned, all of them, or the first number."""
        if self.problem == "regression":
            return first_number(text)
        labels = self.labels or []
        if self.problem != "multi":
            return first_label(text, labels)
        found = mentioned_labels(text, labels)
        return tuple(found) if found or first_label(text, [NONE]) else None

    def write(self, answer: Answer) -> str:
        """An answer as a chat model is to write it."""
        return NONE if answer == () else shown(answer)

    def references(self, example: Example) -> list[Answer]:
        """The label; none where it is not one of the settled ones."""
        label = cast("Labelled", example).label
        if self.problem == "regression":
            number = _number(label)
            return [] if number is None else [number]
        if not isinstance(label, str | tuple):
            return []
        names = (label,) if isinstance(label, str) else label
        if not set(names) <= set(self.labels or ()):
            return []
        if self.problem == "multi":
            return [tuple(name for name in self.labels or () if name in names)]
        return [names[0]] if len(names) == 1 else []

    def candidates(self, example: Example) -> list[str]:
        """The classes."""
        return list(self.classes)

    def refused(self, example: Labelled) -> str:
        """Why the task as the recipe has it cannot use an example; empty where it can."""
        label = example.label
        if self.problem == "regression":
            is_number = _number(label) is not None
            return "" if is_number else f"{label!r} is no number, and task.problem is regression"
        if not isinstance(label, str | tuple):
            told = f"the label {label:g} is a number, and task.problem is {self.problem}"
            return told if self.problem is not None else ""
        names = _names(label)
        if self.problem == "single" and len(names) != 1:
            return f"{len(names)} labels, and task.problem is single"
        unknown = next((n for n in names if n not in self.labels), None) if self.labels else None
        if unknown is None:
            return ""
        told = did_you_mean(unknown, self.labels or ())
        return f"label {unknown!r} is not in task.labels. {told}"

    def _labelled(self, example: Labelled, ids: np.ndarray, limits: Limits, n_lead: int) -> Outcome:
        if refused := self.refused(example):
            return Outcome(fate="rejected", reason=refused)
        label = example.label
        if isinstance(label, str | tuple) and self.problem != "regression":
            return text_row(example, ids, limits, n_lead, (), _names(label))
        number = _number(label)
        assert number is not None
        return text_row(example, ids, limits, n_lead, (number,), ())


def _names(label: str | tuple[str, ...]) -> tuple[str, ...]:
    return (label,) if isinstance(label, str) else tuple(dict.fromkeys(label))


def _number(label: str | tuple[str, ...] | float) -> float | None:
    """A label as a number: a table may hold it as text."""
    try:
        number = math.nan if isinstance(label, tuple) else float(label)
    except ValueError:
        return None
    return number if math.isfinite(number) else None
