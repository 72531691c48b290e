"""Trackio: curves and answers in a local database, shown by ``trackio show``."""

from __future__ import annotations

import contextlib
import secrets
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

from tunesmith.core.extras import require
from tunesmith.trackers.service import Connection, Record, Service, settings_of
from tunesmith.trackers.tracker import points


class Trackio(Service):
    """Logs to a Trackio project; where it is kept, ``TRACKIO_DIR`` says."""

    name: Literal["trackio"] = "trackio"
    project: str = "tunesmith"
    """Project the run belongs to."""
    space: str | None = None
    """Space on the Hugging Face hub to log to, as ``owner/name``; None: this machine."""

    def require_library(self) -> None:
        """Checks that trackio is there."""
        require("trackio", extra="trackers", purpose="tracker 'trackio'")

    def connect(self, folder: Path, run_id: str | None) -> Connection:
        """Opens the run, or goes on with it."""
        import trackio

        run_id = run_id or f"{folder.resolve().name}-{secrets.token_hex(3)}"
        # What it prints must not stand in a command's output.
        with contextlib.redirect_stdout(sys.stderr):
            run = trackio.init(
                project=self.project,
                name=run_id,
                space_id=self.space,
                config=settings_of(folder),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )
        return _Run(run, run_id)


class _Run:
    def __init__(self, run: Any, run_id: str) -> None:
        self.run, self.id = run, run_id

    def send(self, records: Sequence[Record]) -> None:
        for record in records:
            self.run.log(_values(record), step=record.step)

    def close(self, *, finished: bool) -> None:
        with contextlib.redirect_stdout(sys.stderr):
            self.run.finish()


def _values(record: Record) -> dict[str, Any]:
    if record.kind != "samples":
        return points(record.kind, record.values)
    import trackio

    columns = ["origin", "prompt", "answer", "reference", "is_cut"]
    rows = [[sample.get(column) for column in columns] for sample in record.samples]
    return {"samples": trackio.Table(columns=columns, data=rows)}
