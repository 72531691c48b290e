"""Goal: which evaluation is the best, and when there is no use in going on."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from tunesmith.core.errors import RecipeError, did_you_mean

Evaluation = tuple[int, dict[str, float]]
"""A step, and what was found after it, by name."""


@dataclass(frozen=True, slots=True)
class Goal:
    """A figure to be as low or as high as can be.

    It keeps nothing: all it says is a function of the evaluations so far, so that a resumed run
    stops where the whole one does.

    Attributes:
        metric: name of the figure.
        higher_is_better: its direction.
        patience: evaluations in a row without improvement after which training ends; None: it
            goes to its end.
        min_delta: what an improvement must be more than.
    """

    metric: str = "eval_loss"
    higher_is_better: bool = False
    patience: int | None = None
    min_delta: float = 0.0

    def best(self, evaluations: Sequence[Evaluation]) -> tuple[int, float] | None:
        """Step and value of the best evaluation, the earliest of equals; None where there is none.

        A value that is no number is never the best.
        """
        best: tuple[int, float] | None = None
        for step, value in self._values(evaluations):
            if best is None or self._gain(value, best[1]) > 0:
                best = (step, value)
        return best

    def n_without_gain(self, evaluations: Sequence[Evaluation]) -> int:
        """Evaluations since the last one that was better by more than ``min_delta``.

        The first one is where it starts from. One whose value is no number counts as no gain.
        """
        reached: float | None = None
        waited = 0
        values = dict(self._values(evaluations))
        for step, found in evaluations:
            if self.metric not in found:
                continue
            value = values.get(step)
            gain = value is not None and (
                reached is None or self._gain(value, reached) > self.min_delta
            )
            waited = 0 if gain else waited + 1
            reached = value if gain else reached
        return waited

    def is_hopeless(self, evaluations: Sequence[Evaluation]) -> bool:
        """Whether patience is at its end."""
        return self.patience is not None and self.n_without_gain(evaluations) >= self.patience

    def require(self, found: dict[str, float]) -> None:
        """Checks that an evaluation gives the figure that matters.

        Raises:
            RecipeError: it does not; names those it gives.
        """
        if self.metric not in found:
            raise RecipeError(
                f"train.best_metric={self.metric!r} is not among what an evaluation of this run "
                f"finds. {did_you_mean(self.metric, found)} Scores of answers come with "
                "train.score_rows."
            )

    def _values(self, evaluations: Sequence[Evaluation]) -> list[tuple[int, float]]:
        pairs = [(step, found.get(self.metric, math.nan)) for step, found in evaluations]
        return [(step, value) for step, value in pairs if math.isfinite(value)]

    def _gain(self, value: float, before: float) -> float:
        return value - before if self.higher_is_better else before - value
