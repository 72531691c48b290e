"""TensorBoard: event files under ``tensorboard/`` in the run's directory."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

from tunesmith.core.extras import require
from tunesmith.trackers.tracker import OpenTracker, Tracker


class TensorBoard(Tracker):
    """Writes scalars for ``tensorboard --logdir``."""

    name: Literal["tensorboard"] = "tensorboard"

    def open(self, folder: Path, *, n_steps: int, from_step: int) -> OpenTracker:
        """Begins to write; points after ``from_step`` are taken back."""
        require("tensorboard", extra="train", purpose="tracker 'tensorboard'")
        from torch.utils.tensorboard import SummaryWriter

        return _Events(SummaryWriter(str(folder / "tensorboard"), purge_step=from_step + 1))


class _Events(OpenTracker):
    def __init__(self, writer: Any) -> None:
        self.writer = writer

    def step(self, values: dict[str, Any]) -> None:
        for name in ("loss", "lr", "grad_norm", "token_accuracy"):
            if name in values:
                self.writer.add_scalar(f"train/{name}", values[name], values["step"])
        speed = values["n_tokens"] / max(values["seconds"], 1e-9)
        self.writer.add_scalar("train/tokens_per_s", speed, values["step"])

    def evaluation(self, values: dict[str, Any]) -> None:
        self.writer.add_scalar("eval/loss", values["eval_loss"], values["step"])

    def close(self) -> None:
        self.writer.close()
