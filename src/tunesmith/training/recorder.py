"""Recorder: keeps what a trainer reports: figures with the trackers, checkpoints on disk."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

from tunesmith.core.available import available_memory_mb
from tunesmith.trackers.tracker import OpenTracker
from tunesmith.training.background import Background
from tunesmith.training.checkpoint import Checkpoint, rotate, save_checkpoint
from tunesmith.training.fit import is_out_of_memory
from tunesmith.training.host_copy import HostCopy

SHARE_OF_MEMORY = 0.5
"""Of what is free, that a copy of a checkpoint may take."""
PINNED_ROOM = 2
"""Times its size, that a copy takes at the most in pinned memory: torch gives that out in powers of
two, and keeps it for the next one."""


class Recorder:
    """The trainer's watcher in a real run.

    A checkpoint is copied, and written while training goes on. Where there is no memory for a copy,
    training waits for it instead. One is written at a time, so that there is never a second copy,
    and they appear in the order of their steps.
    """

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
        self.writing = Background("checkpoint")

    @property
    def tokens_per_s(self) -> float:
        """Tokens of text per second of stepping, since this process began."""
        return self.n_tokens / self.step_seconds if self.step_seconds else 0.0

    def step_done(self, values: dict[str, Any]) -> None:
        """Adds a step up and passes it on.

        Raises:
            RunError: the checkpoint before it could not be written.
        """
        self.writing.check()
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
        """Has a checkpoint written with the run's identity, and old ones taken away.

        Raises:
            RunError: the one before it, or this one, could not be written.
        """
        self.writing.wait()
        checkpoint.state["identity"] = self.identity
        found = _copied(checkpoint)
        if found is None:
            self._write(checkpoint)
        else:
            self.writing.start(partial(self._write, *found))

    def settle(self) -> None:
        """Waits until all that was to be saved is.

        Raises:
            RunError: it could not be written.
        """
        self.writing.wait()

    def close(self, *, finished: bool) -> None:
        """Ends all trackers; after an error too, when what is being written is written first."""
        reason = sys.exception()
        if reason is None:
            self.writing.wait()
        else:
            try:
                self.writing.wait()
            except Exception as error:  # what came first is what is told; this is why no more is
                print(f"the last checkpoint was not written: {error}", file=sys.stderr)
        for tracker in self.trackers:
            tracker.close(finished=finished)

    def _write(self, checkpoint: Checkpoint, copies: HostCopy | None = None) -> None:
        if copies is not None:
            copies.wait()
        save_checkpoint(self.folder, checkpoint.state["step"], checkpoint)
        best_step = checkpoint.state["best_step"]
        rotate(self.folder, keep=self.keep_checkpoints, best_step=best_step)


def _copied(checkpoint: Checkpoint) -> tuple[Checkpoint, HostCopy] | None:
    """A copy in main memory, and what says when it is whole; None where there is too little."""
    free, needed = available_memory_mb(), checkpoint.n_bytes / 1e6
    if free is None or needed > free * SHARE_OF_MEMORY:
        return None
    copies = HostCopy(pins=PINNED_ROOM * needed <= free * SHARE_OF_MEMORY)
    try:
        return checkpoint.copied(copies), copies
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        return None
