"""Progress: where a run stands, and who is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

from tunesmith.training.goal import Evaluation, Goal

if TYPE_CHECKING:
    from tunesmith.training.checkpoint import Checkpoint


class Watcher(Protocol):
    """Is told what happens, and keeps what must be kept."""

    def step_done(self, values: dict[str, Any]) -> None:
        """One step is over."""

    def evaluated(self, values: dict[str, Any]) -> None:
        """The model was evaluated."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Here is the state to go on from."""


@dataclass
class Progress:
    """Where a run stands; all of it but the goal is in a checkpoint."""

    goal: Goal = Goal()
    step: int = 0
    n_tokens: int = 0
    evaluations: list[Evaluation] = field(default_factory=list)

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and figure of the best evaluation, the earliest of equals."""
        return self.goal.best(self.evaluations)

    @property
    def is_hopeless(self) -> bool:
        """Whether the goal's patience is at its end."""
        return self.goal.is_hopeless(self.evaluations)

    @property
    def eval_losses(self) -> list[tuple[int, float]]:
        """Steps and losses of all evaluations of held-out rows."""
        return self.values("eval_loss")

    def values(self, name: str) -> list[tuple[int, float]]:
        """Steps and values of one figure of the evaluations."""
        return [(step, found[name]) for step, found in self.evaluations if name in found]
