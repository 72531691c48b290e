"""Recorder: keeps what a trainer reports: figures with the trackers, checkpoints on disk."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunesmith.trackers.tracker import OpenTracker
from tunesmith.training.checkpoint import Checkpoint, rotate, save_checkpoint


class Recorder:
    """The trainer's watcher in a real run."""

    def __init__(
        self,
        folder: Path,
        trackers: Sequence[OpenTracker],
        *,
        keep_checkpoints: int,
        identity: dict[str, str],
    ) -> None:
        """Takes what it needs to keep a run.

        Args:
            folder: where checkpoints go.
            trackers: open ones.
            keep_checkpoints: latest ones kept, beside the best.
            identity: what must be the same for a resume, stored in every checkpoint.
        """
        self.folder = folder
        self.trackers = trackers
        self.keep_checkpoints = keep_checkpoints
        self.identity = identity
        self.n_tokens = 0
        self.step_seconds = 0.0

    @property
    def tokens_per_s(self) -> float:
        """Tokens of text per second of stepping, since this process began."""
        return self.n_tokens / self.step_seconds if self.step_seconds else 0.0

    def step_done(self, values: dict[str, Any]) -> None:
        """Adds a step up and passes it on."""
        self.n_tokens += values["n_tokens"]
        self.step_seconds += values["seconds"]
        for tracker in self.trackers:
            tracker.step(values)

    def evaluated(self, values: dict[str, Any]) -> None:
        """Passes an evaluation on."""
        for tracker in self.trackers:
            tracker.evaluation(values)

    def sampled(self, step: int, samples: list[dict[str, Any]]) -> None:
        """Passes answers on."""
        for tracker in self.trackers:
            tracker.samples(step, samples)

    def save(self, checkpoint: Checkpoint) -> None:
        """Writes a checkpoint with the run's identity, and takes old ones away."""
        checkpoint.state["identity"] = self.identity
        step = checkpoint.state["step"]
        save_checkpoint(self.folder, step, checkpoint)
        best_step = checkpoint.state["best_step"]
        rotate(self.folder, keep=self.keep_checkpoints, best_step=best_step)

    def close(self, *, finished: bool) -> None:
        """Ends all trackers."""
        for tracker in self.trackers:
            tracker.close(finished=finished)
