"""Causal language modelling: the model learns to continue running text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.examples import Document, Example
from tunesmith.tasks.joined import JoinedSplit, PickedJoined
from tunesmith.tasks.store import EncodedSplit
from tunesmith.tasks.task import EncodedExample, JudgedBy, Limits, Outcome, Task
from tunesmith.templates.render import Rendered, render_documents
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer


class CausalLM(Task):
    """Learns every token of a document; a longer one is read window by window."""

    name: Literal["causal-lm"] = "causal-lm"
    documents: Literal["apart", "joined"] = "apart"
    """``apart``: none sees another; ``train.packing`` puts short ones into one line all the same.
    ``joined``: all of a split are one stream, cut into rows of ``data.max_tokens``, and a token
    sees whatever stands before it in its row."""
    example_type: ClassVar[type[Example]] = Document
    uses_template: ClassVar[bool] = False
    judged_by: ClassVar[JudgedBy] = "running-text"

    def encode(
        self, examples: Sequence[Example], template: Template, tokenizer: Tokenizer, limits: Limits
    ) -> list[Outcome]:
        """Splits documents into windows that share one token, so that every token is learnt once.

        Nothing is cut: each row of the source counts as one kept row however many windows it makes.
        """
        documents = [e for e in examples if isinstance(e, Document)]
        return [
            Outcome(tuple(_windows(rendered, limits.max_tokens, document.origin)))
            for document, rendered in zip(
                documents, render_documents(documents, tokenizer), strict=True
            )
        ]

    def arranged(self, split: EncodedSplit, limits: Limits) -> EncodedSplit:
        """Documents as they are, or one stream of them."""
        if self.documents == "apart":
            return split
        return JoinedSplit(split.store, split.rows, limits.max_tokens)

    def picked(self, split: EncodedSplit, rows: np.ndarray) -> EncodedSplit:
        """Some documents or windows of them, or some full rows of a stream."""
        if not isinstance(split, JoinedSplit):
            return super().picked(split, rows)
        return PickedJoined(split.store, split.rows, split.tokens_per_row, picked=rows)


def _windows(rendered: Rendered, max_tokens: int, origin: str) -> list[EncodedExample]:
    windows: list[EncodedExample] = []
    for start in range(0, max(1, len(rendered) - 1), max_tokens - 1):
        ids = rendered.input_ids[start : start + max_tokens]
        weights = np.ones(len(ids), np.float32)
        weights[0] = 0.0
        windows.append(EncodedExample(ids, weights, origin))
    return windows
