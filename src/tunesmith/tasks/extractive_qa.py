"""Extractive question answering: the answer to a question is a stretch of a given context."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast

import numpy as np
from pydantic import Field

from tunesmith.core.answers import Answer, Prediction, Road, shown
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Example, Message, Span, SpanQuestion
from tunesmith.tasks.best_spans import best_answer
from tunesmith.tasks.task import EncodedExample, Limits, Outcome, Task
from tunesmith.tasks.windows import (
    Reach,
    Windows,
    as_row,
    as_window,
    place_in,
    read_in_windows,
)
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer

if TYPE_CHECKING:
    from tunesmith.model.head import Head
    from tunesmith.tasks.collate import EncodedRows
    from tunesmith.tasks.store import EncodedSplit

ANSWER, NO_ANSWER = "answer", "no answer"
"""What is kept of an encoded question: whether its context holds the answer."""
UNANSWERABLE = "unanswerable"
"""What a chat model is to say where the context holds no answer."""
QUOTES = "\"'`“”‘’「」『』《》"


class ExtractiveQA(Task):
    """Learns where an answer begins and ends (Devlin et al. 2018, section 4.2, arXiv:1810.04805).

    A long context is read in overlapping windows. A window that lacks the answer, or a part of it,
    has its first token for a target: "no answer here".
    """

    name: Literal["extractive-qa"] = "extractive-qa"
    doc_stride: int = Field(default=128, ge=0)
    """Tokens of the context that a window shares with the one before it, as in transformers'
    ``run_qa``; at most half of what a window holds of the context."""
    max_question_tokens: int = Field(default=128, gt=0)
    """Longest question; of a longer one ``data.cut_from`` is cut off, and counted. At most half of
    ``data.max_tokens``."""
    no_answer: bool | None = None
    """Whether a model may say that the context holds no answer (SQuAD v2); None: where training
    questions have none."""
    null_threshold: float = 0.0
    """"No answer" is given where its score is larger than the best answer's by more than this;
    ``tunesmith eval`` tells which threshold would be best."""
    n_best: int = Field(default=20, gt=0)
    """Answers kept for each question, over which probabilities are taken."""
    max_answer_tokens: int = Field(default=128, gt=0)
    """Longest answer that is given. 30 is usual for English; a Chinese character can take three
    tokens."""
    instruction: str = (
        "Answer the question in words of the text, as briefly as they allow and without a sentence "
        "around them."
    )
    """What a chat model is asked, in front of question and context."""
    example_type: ClassVar[type[Example]] = SpanQuestion
    uses_template: ClassVar[bool] = False
    objectives: ClassVar[tuple[str, ...]] = ("spans",)
    metrics: ClassVar[tuple[str, ...]] = ("squad",)
    roads: ClassVar[tuple[Road, ...]] = ("head", "generate")

    def encode(
        self, examples: Sequence[Example], template: Template, tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """Makes one row of each window; of several answers the first is learnt.

        Each row keeps first and last token of the answer as ``values``. A question counts as one
        kept row however many windows it makes; the tokens that windows share count in each.
        """
        questions = cast("Sequence[SpanQuestion]", examples)
        return [
            self._outcome(question, read, limits)
            for question, read in zip(
                questions, self.windows(questions, tokenizer, limits), strict=True
            )
        ]

    def windows(
        self, questions: Sequence[SpanQuestion], tokenizer: Tokenizer, limits: Limits
    ) -> list[Windows]:
        """The windows of each question, in training as in use."""
        reach = Reach(limits.max_tokens, self.max_question_tokens, self.doc_stride, limits.cut_from)
        return read_in_windows(questions, tokenizer, reach)

    def settled(self, training: EncodedSplit, known: Sequence[str] = ()) -> Self:
        """Decides whether "no answer" can be said: where a training question has none."""
        if self.no_answer is not None:
            return self
        found = any(NO_ANSWER in training.labels_of(place) for place in range(len(training)))
        return self.model_copy(update={"no_answer": found})

    @property
    def weighs_no_answer(self) -> bool:
        """Whether questions may have no answer, and the head says so."""
        return bool(self.no_answer) and self.head() is not None

    def head(self) -> Head | None:
        """Two numbers for each token: how well an answer begins, and ends, there."""
        from tunesmith.model.head import Head

        return Head("question-answering")

    def rows(self, split: EncodedSplit, pad_id: int) -> EncodedRows:
        """Windows as the batches that ``spans`` takes."""
        from tunesmith.tasks.span_rows import SpanRows

        return SpanRows(split, pad_id)

    def inputs(
        self, examples: Sequence[Example], tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """The same windows as in training, with the places of their tokens."""
        questions = cast("Sequence[SpanQuestion]", examples)
        found = zip(questions, self.windows(questions, tokenizer, limits), strict=True)
        return [
            _outcome([as_row(window, question.origin) for window in read.windows], read, limits)
            for question, read in found
        ]

    def conclude(
        self, example: Example, rows: Sequence[EncodedExample], outputs: Sequence[np.ndarray]
    ) -> Prediction:
        """The best stretch of the context, or an empty answer; of equal texts the best counts."""
        found = best_answer(
            cast("SpanQuestion", example).context,
            [as_window(row) for row in rows],
            outputs,
            n_best=self.n_best,
            max_answer_tokens=self.max_answer_tokens,
            no_answer=bool(self.no_answer),
            null_threshold=self.null_threshold,
        )
        weighed: dict[str, float] = {}
        for span in found.best:
            weighed.setdefault(span.text, span.probability)
        return Prediction(found.text, tuple(weighed.items()))

    def unanswered(self, record: Mapping[str, Any], origin: str) -> Example:
        """A question with its context."""
        if absent := [k for k in ("question", "context") if not isinstance(record.get(k), str)]:
            raise DataError(
                f"{origin}: no text under {absent[0]!r}; the record has {sorted(record)}. "
                "Name it so."
            )
        return SpanQuestion(record["question"], record["context"], (), origin)

    def ask(self, example: Example) -> Conversation | None:
        """The instruction and the question, with the context as material."""
        asked = cast("SpanQuestion", example)
        told = [self.instruction]
        if self.no_answer:
            told.append(f"If the text does not hold the answer, say: {UNANSWERABLE}")
        told.append(f"Question: {asked.question}")
        message = Message("user", "\n".join(told), asked.context)
        return Conversation((message,), asked.origin, group=asked.group)

    def write(self, answer: Answer) -> str:
        """The answer, or that there is none."""
        return UNANSWERABLE if answer == "" else shown(answer)

    def read(self, text: str, example: Example) -> Answer:
        """The first line that says something, without quotation marks and a final full stop.

        "Unanswerable" is an empty answer, as where there is none; silence is no answer at all.
        """
        line = next((stripped for part in text.splitlines() if (stripped := part.strip())), "")
        said = line.strip(QUOTES)
        if said not in cast("SpanQuestion", example).context:
            said = said.rstrip(".。").strip(QUOTES)
        said = said.strip()
        if not said:
            return None
        return "" if said.lower() == UNANSWERABLE else said

    def references(self, example: Example) -> list[Answer]:
        """The texts of all answers; where there is none an empty one."""
        return [span.text for span in cast("SpanQuestion", example).answers] or [""]

    def _outcome(self, question: SpanQuestion, read: Windows, limits: Limits) -> Outcome:
        if read.n_cut and limits.too_long == "drop":
            return Outcome(fate="dropped", reason="question longer than the limit")
        if read.n_cut and limits.too_long == "error":
            raise DataError(
                f"{question.origin}: the question has {read.n_question_tokens} tokens, and "
                f"{read.n_question_tokens - read.n_cut} fit. Raise task.max_question_tokens or "
                "data.max_tokens, or set data.too_long=cut|drop."
            )
        answer = question.answers[0] if question.answers else None
        places = [None if answer is None else place_in(window, answer) for window in read.windows]
        if answer is not None and not any(places):
            return self._never_whole(question, answer, limits)
        kind = (NO_ANSWER if answer is None else ANSWER,)
        rows: list[EncodedExample] = []
        for window, place in zip(read.windows, places, strict=True):
            first, last = place or (0, 0)
            weights = np.zeros(len(window.input_ids), np.float32)
            weights[first : last + 1] = 1.0
            values = (float(first), float(last))
            rows.append(EncodedExample(window.input_ids, weights, question.origin, values, kind))
        return _outcome(rows, read, limits)

    def _never_whole(self, question: SpanQuestion, answer: Span, limits: Limits) -> Outcome:
        """What becomes of a question that every window would teach to have no answer."""
        if limits.too_long == "error":
            raise DataError(
                f"{question.origin}: no window holds the whole answer, {len(answer.text)} "
                "characters long. Raise data.max_tokens or task.doc_stride, or set "
                "data.too_long=cut|drop, which leave such questions out."
            )
        return Outcome(fate="dropped", reason="answer longer than any window holds of it")


def _outcome(rows: Sequence[EncodedExample], read: Windows, limits: Limits) -> Outcome:
    if read.n_cut:
        return Outcome(tuple(rows), "cut", f"{limits.cut_from} of the question", read.n_cut)
    return Outcome(tuple(rows))
