"""SpanModel: answers questions with stretches of their contexts, through a head of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from tunesmith.core.examples import SpanQuestion
from tunesmith.model.head import output_head
from tunesmith.tasks.best_spans import SpanAnswer, best_answer
from tunesmith.tasks.collate import pad
from tunesmith.tasks.extractive_qa import ExtractiveQA
from tunesmith.tasks.task import Limits
from tunesmith.tasks.windows import Window, Windows
from tunesmith.templates.tokenizer import Tokenizer

QUESTIONS_AT_ONCE = 256
"""Questions whose scores are held together."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A question with what the head says of every token of its windows."""

    question: SpanQuestion
    windows: tuple[Window, ...]
    logits: list[np.ndarray]
    """Of each window [T, 2] float32: start and end."""
    n_question_cut: int
    """Tokens of the question that had to be left out."""


class SpanModel:
    """A transformers model with a head for question answering, LoRA layers included."""

    def __init__(
        self,
        network: Any,
        tokenizer: Tokenizer,
        task: ExtractiveQA,
        limits: Limits,
        *,
        batch_size: int = 32,
    ) -> None:
        """Takes a loaded model.

        Args:
            network: with ``qa_outputs``, as ``LlamaForQuestionAnswering`` has it.
            tokenizer: its tokenizer.
            task: settled; how contexts are read, and which answers count.
            limits: of a window.
            batch_size: windows at once.
        """
        self.network = network.eval()
        self.tokenizer = tokenizer
        self.task = task
        self.limits = limits
        self.batch_size = batch_size

    def answer(self, questions: Sequence[SpanQuestion]) -> list[SpanAnswer]:
        """Answers questions; the order is kept."""
        return [
            best_answer(
                scored.question.context,
                scored.windows,
                scored.logits,
                n_best=self.task.n_best,
                max_answer_tokens=self.task.max_answer_tokens,
                no_answer=bool(self.task.no_answer),
                null_threshold=self.task.null_threshold,
            )
            for scored in self.score(questions)
        ]

    def score(self, questions: Sequence[SpanQuestion]) -> Iterator[Scored]:
        """What the head says of each question, in order; windows of similar length go together."""
        for start in range(0, len(questions), QUESTIONS_AT_ONCE):
            portion = questions[start : start + QUESTIONS_AT_ONCE]
            read = self.task.windows(portion, self.tokenizer, self.limits)
            yield from self._score(portion, read)

    @torch.no_grad()
    def _score(
        self, questions: Sequence[SpanQuestion], read: Sequence[Windows]
    ) -> Iterator[Scored]:
        device = next(self.network.parameters()).device
        head = output_head(self.network)
        windows = [window for of_question in read for window in of_question.windows]
        order = sorted(range(len(windows)), key=lambda i: -len(windows[i].input_ids))
        logits: dict[int, np.ndarray] = {}
        for start in range(0, len(order), self.batch_size):
            group = order[start : start + self.batch_size]
            # Padding stands on the right and attention is causal, so no mask is needed.
            ids = pad([windows[i].input_ids for i in group], self.tokenizer.pad_id).to(device)
            hidden = self.network.base_model(input_ids=ids, use_cache=False).last_hidden_state
            found = head(hidden).float().cpu().numpy()  # [B, T, 2]
            for place, scores in zip(group, found, strict=True):
                logits[place] = scores[: len(windows[place].input_ids)]
        done = 0
        for question, of_question in zip(questions, read, strict=True):
            n = len(of_question.windows)
            yield Scored(
                question,
                of_question.windows,
                [logits[i] for i in range(done, done + n)],
                of_question.n_cut,
            )
            done += n
