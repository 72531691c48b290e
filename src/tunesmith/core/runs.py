"""Run: one directory that holds everything about one training, locked while it is written."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Generator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tunesmith.core.errors import RunError
from tunesmith.core.held import HOLDER, held, written_down

RECIPE, LOCK, SUMMARY, LEDGER = "recipe.yaml", "lock.json", "summary.json", "ledger.json"
METRICS, TIMES, SAMPLES = "metrics.jsonl", "times.jsonl", "samples.jsonl"
REPORT, SCORES, PREDICTIONS = "report.html", "scores.json", "predictions.jsonl"
PERPLEXITY = "perplexity.json"
EVENTS = "events.jsonl"
BEFORE_A_RUN = {HOLDER, LOCK, LEDGER, EVENTS}
"""Files that are written before the recipe, which makes a directory a run."""


class Run:
    """One run's directory.

    ``recipe.yaml`` (resolved), ``lock.json`` (hashes and versions), ``ledger.json``,
    ``metrics.jsonl`` (the same to the byte for the same run), ``times.jsonl``, ``samples.jsonl``,
    ``events.jsonl`` (what befell it), ``checkpoints/``, ``model/`` (the artefact),
    ``summary.json`` (written last), ``scores.json``, ``report.html``.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def artifact(self) -> Path:
        """Folder of the tuned model."""
        return self.path / "model"

    @property
    def checkpoints(self) -> Path:
        """Folder of the checkpoints."""
        return self.path / "checkpoints"

    @property
    def is_finished(self) -> bool:
        """Whether training came to its end."""
        return (self.path / SUMMARY).is_file()

    @property
    def summary(self) -> dict[str, Any]:
        """What the run came to.

        Raises:
            RunError: it is not finished.
        """
        if not self.is_finished:
            raise RunError(
                f"{self.path}: the run is not finished. Go on with: tunesmith train "
                f"{self.path / RECIPE} --resume"
            )
        return self.read(SUMMARY)

    def read(self, name: str) -> dict[str, Any]:
        """One of the run's JSON files.

        Raises:
            RunError: it is missing or broken.
        """
        file = self.path / name
        try:
            return json.loads(file.read_text("utf-8"))
        except FileNotFoundError:
            raise RunError(f"{file}: missing, so this is no run, or an unfinished one.") from None
        except ValueError as error:
            raise RunError(f"{file}: broken JSON: {error}.") from None

    def write(self, name: str, value: dict[str, Any]) -> None:
        """Writes one of the run's JSON files, whole or not at all."""
        self.write_text(name, json.dumps(value, indent=2, ensure_ascii=False) + "\n")

    def write_text(self, name: str, text: str) -> None:
        """Writes a file beside its place and renames it.

        Raises:
            RunError: the disk is full or the directory not writable.
        """
        draft = self.path / f".{name}.draft"
        try:
            draft.write_text(text, "utf-8")
            draft.replace(self.path / name)
        except OSError as error:
            raise RunError(
                f"{self.path / name}: cannot be written ({error.strerror}). Make room, or set out "
                "to another directory."
            ) from None

    def note(self, text: str) -> None:
        """Says what befell the run on standard error, and keeps it in ``events.jsonl``."""
        print(text, file=sys.stderr)
        event = {"time": datetime.now(UTC).isoformat(timespec="seconds"), "text": text}
        with suppress(OSError), (self.path / EVENTS).open("a", encoding="utf-8") as file:
            file.write(json.dumps(event, ensure_ascii=False) + "\n")

    def lines(self, name: str) -> list[dict[str, Any]]:
        """The entries of one of the run's JSON lines files, none if it is not there."""
        file = self.path / name
        if not file.is_file():
            return []
        # Not splitlines: text may hold U+0085 and the like, which end no line of JSON lines.
        return [json.loads(line) for line in file.read_text("utf-8").split("\n") if line]


@contextmanager
def locked_run(path: Path, *, resume: bool) -> Generator[Run]:
    """A run's directory for writing, held by this process alone until the block ends.

    Whoever held it before and did not end well is told.

    Args:
        path: the directory; made if it is not there.
        resume: whether a run is to be there already.

    Raises:
        RunError: another process holds it, it cannot be written, or a run is (not) there.
    """
    run = Run(path)
    if resume and not (path / HOLDER).exists():
        raise RunError(f"{path}: no run to resume here. Start it without --resume.")
    if path.is_dir() and any(path.iterdir()) and not (path / HOLDER).exists():
        raise RunError(f"{path}: not empty and no run. Choose another directory with out=...")
    with held(path, choose="Choose another directory with out=...") as left_by:
        _check_state(run, resume)
        if left_by:
            run.note(f"{path}: was held by {left_by}, which is gone; taken over.")
        with written_down(path):
            yield run


def _check_state(run: Run, resume: bool) -> None:
    has_run = (run.path / RECIPE).exists()
    if has_run and not resume:
        state = "a finished" if run.is_finished else "an unfinished"
        raise RunError(
            f"{run.path}: holds {state} run already; nothing was touched. Choose another directory "
            "with out=..., or go on with it: --resume."
        )
    if resume and not has_run:
        raise RunError(f"{run.path}: no run to resume here. Start it without --resume.")
    if has_run:
        return
    found = {entry.name for entry in run.path.iterdir()}
    left = {name for name in found if name in BEFORE_A_RUN or _is_draft(name)}
    if found - left:
        raise RunError(f"{run.path}: not empty and no run. Choose another directory with out=...")
    for name in left - {HOLDER}:  # a start that was killed before there was a run
        (run.path / name).unlink()


def _is_draft(name: str) -> bool:
    return name.startswith(".") and name.endswith(".draft")


def require_space(path: Path, n_bytes: int) -> None:
    """Checks that a disk has room.

    Raises:
        RunError: it has not; both figures are given.
    """
    free = shutil.disk_usage(path).free
    if free < n_bytes:
        raise RunError(
            f"{path}: about {n_bytes / 1e6:,.0f} MB are needed for checkpoints and the tuned "
            f"model, and {free / 1e6:,.0f} MB are free. Make room, or set out to another disk."
        )


def find_runs(root: Path) -> list[Run]:
    """Every run below a directory, by path."""
    if not root.is_dir():
        return []
    return [Run(file.parent) for file in sorted(root.glob(f"**/{LOCK}"))]
