"""Forgetting: how much worse a model becomes at text that has nothing to do with its tuning."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Document
from tunesmith.evaluation.settings import FORGETTING, GENERAL
from tunesmith.model.batch import Batch, LossSum
from tunesmith.tasks.causal_lm import CausalLM
from tunesmith.tasks.collate import collate
from tunesmith.tasks.task import EncodedExample, Limits
from tunesmith.templates.template import Template
from tunesmith.templates.tokenizer import Tokenizer
from tunesmith.training.evaluation import longest_first, mean_loss
from tunesmith.training.fit import Portion

BUNDLED = Path(__file__).parent / "texts" / "general.txt"


def general_text(name: str) -> str:
    """The text to measure by.

    Args:
        name: ``general``, or a text file.

    Raises:
        DataError: the file cannot be read, or is empty.
    """
    file = BUNDLED if name == GENERAL else Path(name).expanduser()
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is no text in UTF-8"
        raise DataError(
            f"evaluate.forgetting: {file} cannot be read ({reason}). Name a text file, "
            f"{GENERAL!r}, or null."
        ) from None
    if not text.strip():
        raise DataError(f"evaluate.forgetting: {file} is empty. Name another text file.")
    return text


class TextRows:
    """One text as rows, which it is read in from start to end."""

    def __init__(self, text: str, tokenizer: Tokenizer, template: Template, limits: Limits) -> None:
        document = Document(text, origin="evaluate.forgetting")
        [outcome] = CausalLM().encode([document], template, tokenizer, limits)
        self.rows: tuple[EncodedExample, ...] = outcome.rows
        self.pad_id = tokenizer.pad_id

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row."""
        return np.array([len(row) for row in self.rows])

    def batch(self, rows: Sequence[int]) -> Batch:
        """The padded batch of some rows."""
        return collate([(self.rows[i].input_ids, self.rows[i].weights) for i in rows], self.pad_id)

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some rows were read."""
        return [self.rows[row].origin for row in rows]


class GeneralText:
    """Scores a model by its perplexity on a text."""

    def __init__(
        self, rows: TextRows, forward: Callable[[Batch], LossSum], portion: Portion
    ) -> None:
        """Takes what it needs to measure again and again.

        Args:
            rows: the text.
            forward: gives the loss sum of a batch with the model as it is now.
            portion: rows at once, for as long as memory allows.
        """
        self.rows = rows
        self.forward = forward
        self.portion = portion

    def score(self) -> dict[str, float]:
        """Perplexity per token of the text."""
        loss = self.portion.run(len(self.rows.rows), self._mean_loss, lambda: None)
        return {FORGETTING: math.exp(min(loss, 700.0))}

    def _mean_loss(self, batch_size: int) -> float:
        parts = longest_first(self.rows, batch_size)
        return mean_loss(map(self.rows.batch, parts), self.forward)[0]
