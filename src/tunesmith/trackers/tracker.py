"""Tracker: is told of every step and evaluation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tunesmith.core.part import Part


class Tracker(Part):
    """Shows or keeps a run's figures. ``open`` gives the object that does so for one run."""

    def open(self, folder: Path, *, n_steps: int, from_step: int) -> OpenTracker:
        """Begins to track.

        Args:
            folder: the run's directory.
            n_steps: steps of the whole run.
            from_step: the last step that was done before, when resumed; -1: nothing was.

        Raises:
            MissingExtraError: the library behind it is not installed.
        """
        raise NotImplementedError


class OpenTracker:
    """What a tracker does during one run; every method may be left as it is."""

    def step(self, values: dict[str, Any]) -> None:
        """One step is done: ``step``, ``loss``, ``lr``, ``n_tokens``, ``seconds`` and more."""

    def evaluation(self, values: dict[str, Any]) -> None:
        """The evaluation set was scored: ``step``, ``eval_loss``."""

    def close(self) -> None:
        """The run ended, one way or the other."""
