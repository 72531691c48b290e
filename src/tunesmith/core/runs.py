"""Run: one directory that holds everything about one training, locked while it is written."""

from __future__ import annotations

import json
import os
import shutil
import socket
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tunesmith.core.errors import RunError

RECIPE, LOCK, SUMMARY, LEDGER = "recipe.yaml", "lock.json", "summary.json", "ledger.json"
METRICS, TIMES, SAMPLES = "metrics.jsonl", "times.jsonl", "samples.jsonl"
REPORT, SCORES, PREDICTIONS = "report.html", "scores.json", "predictions.jsonl"
PERPLEXITY = "perplexity.json"
HOLDER = "holder"


class Run:
    """One run's directory.

    ``recipe.yaml`` (resolved), ``lock.json`` (hashes and versions), ``ledger.json``,
    ``metrics.jsonl`` (the same to the byte for the same run), ``times.jsonl``, ``samples.jsonl``,
    ``checkpoints/``, ``model/`` (the artefact), ``summary.json`` (written last), ``scores.json``,
    ``report.html``.
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

    The lock is the operating system's, so a crash or a reboot releases it.

    Args:
        path: the directory; made if it is not there.
        resume: whether a run is to be there already.

    Raises:
        RunError: another process holds it, it cannot be written, or a run is (not) there.
    """
    import fcntl

    run = Run(path)
    is_new = not path.exists()
    if resume and not (path / HOLDER).exists():
        raise RunError(f"{path}: no run to resume here. Start it without --resume.")
    if path.is_dir() and any(path.iterdir()) and not (path / HOLDER).exists():
        raise RunError(f"{path}: not empty and no run. Choose another directory with out=...")
    try:
        path.mkdir(parents=True, exist_ok=True)
        handle = os.open(path / HOLDER, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunError(
            f"{path}: cannot be written ({error.strerror}). Choose another directory with out=..."
        ) from None
    try:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(handle, 200, 0).decode("utf-8", "replace").strip()
            raise RunError(f"{path}: in use by {holder or 'another process'}.") from None
        _check_state(run, resume)
        os.ftruncate(handle, 0)
        os.pwrite(handle, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        yield run
        os.ftruncate(handle, 0)
    finally:
        os.close(handle)
        if is_new and [entry.name for entry in path.iterdir()] == [HOLDER]:
            (path / HOLDER).unlink()
            path.rmdir()


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
    if not has_run and any(entry.name != HOLDER for entry in run.path.iterdir()):
        raise RunError(f"{run.path}: not empty and no run. Choose another directory with out=...")


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
