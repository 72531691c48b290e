"""TensorBoard: event files under ``tensorboard/`` in the run's directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from tunesmith.core.extras import require
from tunesmith.trackers.tracker import OpenTracker, Tracker, as_markdown, points


class TensorBoard(Tracker):
    """Writes scalars for ``tensorboard --logdir``."""

    name: Literal["tensorboard"] = "tensorboard"

    def require_library(self) -> None:
        """Checks that tensorboard is there."""
        require("tensorboard", extra="train", purpose="tracker 'tensorboard'")

    def open(self, folder: Path, *, n_steps: int, from_step: int) -> OpenTracker:
        """Begins to write; points after ``from_step`` are taken back."""
        from torch.utils.tensorboard import SummaryWriter

        return _Events(SummaryWriter(str(folder / "tensorboard"), purge_step=from_step + 1))


class _Events(OpenTracker):
    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def step(self, values: dict[str, Any]) -> None:
        self._write("train", values)

    def evaluation(self, values: dict[str, Any]) -> None:
        self._write("eval", values)

    def samples(self, step: int, samples: list[dict[str, Any]]) -> None:
        for number, sample in enumerate(samples, 1):
            self.writer.add_text(f"samples/{number}", as_markdown(sample), step)

    def _write(self, kind: str, values: dict[str, Any]) -> None:
        for name, value in points(kind, values).items():
            self.writer.add_scalar(name, value, values["step"])

    def close(self, *, finished: bool) -> None:
        self.writer.close()
