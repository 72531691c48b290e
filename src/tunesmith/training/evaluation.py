"""Evaluation: what a model is worth: its loss over held-out rows, and what scorers find."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

import torch
from torch import Tensor

from tunesmith.model.batch import Batch, LossSum
from tunesmith.training.checkpoint import random_state, restore_random_state
from tunesmith.training.fit import Portion
from tunesmith.training.passes import Passes, Rows, Sums


class Scorer(Protocol):
    """Finds out more of a model than its loss, whenever it is evaluated."""

    def score(self) -> dict[str, float]:
        """Figures of the model as it is now, by name; the model is in evaluation mode."""
        ...


class Stopped(Exception):
    """An evaluation was told to stop."""


class Evaluator:
    """Evaluates the model that is being trained; the training does not notice it."""

    def __init__(self, passes: Passes, rows: Rows | None, *, batch_size: int) -> None:
        """Takes what it evaluates.

        Args:
            passes: through the model.
            rows: held out; None: only scorers are asked.
            batch_size: rows at once, for as long as memory allows.
        """
        self.passes = passes
        self.rows = rows
        self.portion = Portion(batch_size, "evaluation")
        self.scorers: Sequence[Scorer] = ()

    @property
    def has_work(self) -> bool:
        """Whether there is anything to find out."""
        return self.rows is not None and len(self.rows.lengths) > 0 or bool(self.scorers)

    @torch.no_grad()
    def evaluate(self, should_stop: Callable[[], bool]) -> dict[str, float]:
        """Figures by name; where one has two sources, that of all held-out rows counts.

        Args:
            should_stop: asked before every batch, and before the scorers.

        Raises:
            Stopped: it was told to stop; nothing was kept.
        """
        model = self.passes.model
        model.eval()
        found: dict[str, float] = {}
        rows = self.rows
        if rows is not None and len(rows.lengths):
            loss, means = self.portion.run(
                len(rows.lengths),
                lambda most: self._mean_loss(rows, most, should_stop),
                lambda: None,
            )
            is_likelihood = getattr(model, "is_likelihood", True)
            perplexity = {"perplexity": math.exp(min(loss, 700.0))} if is_likelihood else {}
            found = {"eval_loss": loss, **perplexity, **means}
        if self.scorers and should_stop():
            raise Stopped
        # Whatever a scorer draws, training goes on with the numbers it would have had.
        before = random_state()
        for scorer in self.scorers:
            found = {**found, **{k: v for k, v in scorer.score().items() if k not in found}}
        restore_random_state(before)
        return found

    def _mean_loss(
        self, rows: Rows, batch_size: int, should_stop: Callable[[], bool]
    ) -> tuple[float, dict[str, float]]:
        def forward(batch: Batch) -> LossSum:
            if should_stop():
                raise Stopped
            return self.passes.forward(batch)

        return mean_loss(self.passes.batches(rows, longest_first(rows, batch_size)), forward)


def longest_first(rows: Rows, batch_size: int) -> list[list[int]]:
    """All rows in batches, the longest first, so that a lack of memory shows at once."""
    lengths = rows.lengths
    order = sorted(range(len(lengths)), key=lambda row: -lengths[row])
    return [order[start : start + batch_size] for start in range(0, len(order), batch_size)]


@torch.no_grad()
def mean_loss(
    batches: Iterable[Batch], forward: Callable[[Batch], LossSum]
) -> tuple[float, dict[str, float]]:
    """The loss per target over batches, at least one, and the objective's other means by name.

    Args:
        batches: on the host.
        forward: gives the loss sum of a batch; the model behind it is in evaluation mode.
    """
    n_targets, sums = 0.0, Sums()
    total: float | Tensor = 0.0
    for batch in batches:
        loss = forward(batch)
        total = total + loss.total.double()  # read once, at the end
        n_targets += batch.n_targets
        sums.add(loss.metrics)
    return float(total) / n_targets, sums.means()
