"""Weights & Biases: curves and answers at wandb.ai, at a server of one's own, or in local files."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tunesmith.core.extras import require
from tunesmith.trackers.service import Connection, Record, Service, settings_of
from tunesmith.trackers.tracker import points

INIT_TIMEOUT_S = 15.0
"""For its server to answer; the sending thread tries again by itself."""


class WeightsAndBiases(Service):
    """Logs to a W&B project; who you are comes from ``wandb login`` or ``WANDB_API_KEY``."""

    name: Literal["wandb"] = "wandb"
    project: str = "tunesmith"
    """Project the run belongs to."""
    entity: str | None = None
    """User or team; None: your own."""
    mode: Literal["online", "offline"] | None = None
    """``offline`` writes under ``wandb/`` in the run's directory, for ``wandb sync``; None: as
    ``WANDB_MODE`` says, else online."""

    def require_library(self) -> None:
        """Checks that wandb is there."""
        require("wandb", extra="trackers", purpose="tracker 'wandb'")

    def connect(self, folder: Path, run_id: str | None) -> Connection:
        """Opens the run, or goes on with it."""
        import wandb

        run_id = run_id or secrets.token_hex(4)
        run = wandb.init(
            project=self.project,
            entity=self.entity,
            name=folder.resolve().name,
            dir=str(folder),
            id=run_id,
            resume="allow",
            mode=self.mode,
            config=settings_of(folder),
            settings=wandb.Settings(silent=True, console="off", init_timeout=INIT_TIMEOUT_S),
        )
        # A resumed run may come back to a step, which W&B's own counter would refuse.
        run.define_metric("step")
        run.define_metric("*", step_metric="step")
        return _Run(run, run_id)


class _Run:
    def __init__(self, run: Any, run_id: str) -> None:
        self.run, self.id = run, run_id

    def send(self, records: Sequence[Record]) -> None:
        import wandb

        for record in records:
            values: dict[str, Any]
            if record.kind == "samples":
                columns: list[Any] = ["origin", "prompt", "answer", "reference", "is_cut"]
                rows: list[Any] = [[sample.get(c) for c in columns] for sample in record.samples]
                values = {"samples": wandb.Table(columns=columns, data=rows)}
            else:
                values = points(record.kind, record.values)
            self.run.log({"step": record.step, **values})

    def close(self, *, finished: bool) -> None:
        self.run.finish(exit_code=0 if finished else 1)
