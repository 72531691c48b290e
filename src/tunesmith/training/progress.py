"""Progress: where a run stands, and who is told of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from tunesmith.training.checkpoint import Checkpoint


class Watcher(Protocol):
    """Is told what happens, and keeps what must be kept."""

    def step_done(self, values: dict[str, Any]) -> None:
        """One step is over."""

    def evaluated(self, values: dict[str, Any]) -> None:
        """The evaluation set was scored."""

    def save(self, checkpoint: Checkpoint) -> None:
        """Here is the state to go on from."""


@dataclass
class Progress:
    """Where a run stands; all of it is in a checkpoint."""

    step: int = 0
    n_tokens: int = 0
    eval_losses: list[tuple[int, float]] = field(default_factory=list)

    @property
    def best(self) -> tuple[int, float] | None:
        """Step and loss of the best evaluation, the earliest of equals."""
        return min(self.eval_losses, key=lambda pair: pair[1], default=None)
