"""Progress: a live line in a terminal; one line per evaluation where there is none."""

from __future__ import annotations

import sys
from collections import deque
from pathlib import Path
from typing import Any, Literal

from tunesmith.core.memory import peak_memory_mb
from tunesmith.trackers.tracker import OpenTracker, Tracker


class ProgressDisplay(Tracker):
    """Shows loss, speed, time to go and memory on standard error."""

    name: Literal["progress"] = "progress"

    def open(self, folder: Path, *, n_steps: int, from_step: int) -> OpenTracker:
        """Begins to show."""
        if sys.stderr.isatty():
            return _Live(n_steps, from_step)
        return _Lines(n_steps)


class _Lines(OpenTracker):
    def __init__(self, n_steps: int) -> None:
        self.n_steps = n_steps

    def evaluation(self, values: dict[str, Any]) -> None:
        loss = f"  eval loss {values['eval_loss']:.4f}" if "eval_loss" in values else ""
        print(f"step {values['step']}/{self.n_steps}{loss}", file=sys.stderr, flush=True)


class _Live(OpenTracker):
    def __init__(self, n_steps: int, from_step: int) -> None:
        from rich.console import Console
        from rich.progress import (
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        self.recent: deque[tuple[int, float]] = deque(maxlen=20)
        self.eval_loss = ""
        self.progress = Progress(
            TextColumn("tuning"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[figures]}"),
            TimeRemainingColumn(),
            console=Console(stderr=True),
        )
        self.progress.start()
        self.task = self.progress.add_task(
            "", total=n_steps, completed=max(0, from_step), figures=""
        )

    def step(self, values: dict[str, Any]) -> None:
        self.recent.append((values["n_tokens"], values["seconds"]))
        n_tokens, seconds = (sum(column) for column in zip(*self.recent, strict=True))
        figures = (
            f"loss {values['loss']:.3f}{self.eval_loss}  {n_tokens / max(seconds, 1e-9):,.0f} tok/s"
            f"  {peak_memory_mb():,.0f} MB"
        )
        self.progress.update(self.task, completed=values["step"], figures=figures)

    def evaluation(self, values: dict[str, Any]) -> None:
        if "eval_loss" in values:
            self.eval_loss = f"  eval {values['eval_loss']:.3f}"

    def close(self, *, finished: bool) -> None:
        self.progress.stop()
