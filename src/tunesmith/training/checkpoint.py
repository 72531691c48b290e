"""Checkpoint: everything needed to go on as if never stopped; a crash while writing harms nothing.

A checkpoint is a folder ``step-00000123``. It is written beside its place, flushed to disk,
renamed, and only then gets its marker: the sizes and SHA-256 of its files. Without a marker that
fits, a folder is no checkpoint.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from tunesmith.core.errors import RunError

MARKER = "VERIFIED.json"
TENSORS = ("weights", "optimizer", "random")
STATE = "state.json"


@dataclass(frozen=True)
class Checkpoint:
    """What a checkpoint holds.

    Attributes:
        weights: trained parameters by name.
        optimizer: optimizer state as ``<parameter>/<key>``.
        random: states of the random generators.
        state: step, best evaluation and the identity of the run, ready for JSON.
    """

    weights: dict[str, Tensor]
    optimizer: dict[str, Tensor]
    random: dict[str, Tensor]
    state: dict[str, Any]


def save_checkpoint(folder: Path, step: int, checkpoint: Checkpoint) -> Path:
    """Writes ``folder/step-N``.

    Raises:
        RunError: the disk is full or not writable; what was there before is untouched.
    """
    final = folder / f"step-{step:08d}"
    draft = folder / f".draft-{step:08d}"
    try:
        _remove(draft)
        draft.mkdir(parents=True)
        for name in TENSORS:
            tensors = {
                key: value.detach().cpu().contiguous()
                for key, value in getattr(checkpoint, name).items()
            }
            save_file(tensors, draft / f"{name}.safetensors")
        text = json.dumps(checkpoint.state, indent=1, sort_keys=True)
        (draft / STATE).write_text(text, "utf-8")
        entries: dict[str, dict[str, Any]] = {}
        for file in sorted(draft.iterdir()):
            flush(file)
            entries[file.name] = {"bytes": file.stat().st_size, "sha256": _sha256(file)}
        flush(draft)
        _remove(final)
        draft.rename(final)
        marker = final / (MARKER + ".draft")
        marker.write_text(json.dumps(entries, indent=1), "utf-8")
        flush(marker)
        marker.rename(final / MARKER)
        flush(final)
        flush(folder)
    except (OSError, SafetensorError) as error:
        _remove(draft)
        if _is_full(error):
            tensors = [t for name in TENSORS for t in getattr(checkpoint, name).values()]
            needed = sum(t.numel() * t.element_size() for t in tensors) / 1e6
            free = shutil.disk_usage(folder).free / 1e6
            raise RunError(
                f"{folder}: the disk is full: the checkpoint of step {step} needs "
                f"{needed:.1f} MB, {free:.1f} MB are free. The earlier checkpoints are intact; "
                "make room and go on with --resume."
            ) from None
        raise RunError(
            f"{final}: cannot be written ({error}). The earlier checkpoints are intact."
        ) from error
    return final


def _is_full(error: OSError | SafetensorError) -> bool:
    """Whether an error says that the disk is full; safetensors gives it as text only."""
    if isinstance(error, OSError):
        return error.errno in (errno.ENOSPC, errno.EDQUOT)
    return any(f"os error {code}" in str(error) for code in (errno.ENOSPC, errno.EDQUOT))


def newest_checkpoint(folder: Path) -> tuple[Path | None, list[str]]:
    """The verified checkpoint of the highest step.

    Returns:
        Its folder, or None; and a sentence for each damaged one that was set aside.
    """
    notes: list[str] = []
    for place in checkpoints(folder)[::-1]:
        problem = _problem(place)
        if problem is None:
            return place, notes
        aside = place.with_name(f"damaged-{place.name}")
        _remove(aside)
        place.rename(aside)
        notes.append(f"{place.name} is damaged ({problem}); set aside as {aside.name}.")
    return None, notes


def load_checkpoint(place: Path) -> Checkpoint:
    """Reads a verified checkpoint.

    Raises:
        RunError: it is damaged; the message says where.
    """
    problem = _problem(place)
    if problem is not None:
        raise RunError(f"{place}: damaged: {problem}.")
    tensors = {name: load_file(place / f"{name}.safetensors") for name in TENSORS}
    return Checkpoint(**tensors, state=json.loads((place / STATE).read_text("utf-8")))


def checkpoints(folder: Path) -> list[Path]:
    """Checkpoint folders in the order of their steps, verified or not."""
    return sorted(folder.glob("step-*"))


def rotate(folder: Path, *, keep: int, best_step: int | None) -> None:
    """Deletes all but the ``keep`` latest checkpoints and the best one, by step, never by time."""
    for place in checkpoints(folder)[:-keep]:
        if best_step is None or place.name != f"step-{best_step:08d}":
            shutil.rmtree(place)


def random_state() -> dict[str, Tensor]:
    """States of torch's random generators."""
    states = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        states |= {f"cuda{i}": s for i, s in enumerate(torch.cuda.get_rng_state_all())}
    return states


def restore_random_state(states: dict[str, Tensor]) -> None:
    """Puts torch's random generators where :func:`random_state` found them."""
    torch.set_rng_state(states["cpu"])
    gpus = [states[key] for key in sorted(states) if key.startswith("cuda")]
    if gpus and torch.cuda.is_available():
        torch.cuda.set_rng_state_all(gpus)


def flush(path: Path) -> None:
    """Has the operating system write a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _problem(place: Path) -> str | None:
    """Why a folder is no checkpoint; None if it is one."""
    try:
        entries = json.loads((place / MARKER).read_text("utf-8"))
    except FileNotFoundError:
        return "its marker was never written"
    except (OSError, ValueError):
        return "its marker cannot be read"
    for name in (STATE, *(f"{n}.safetensors" for n in TENSORS)):
        if name not in entries:
            return f"{name} is not in its marker"
    for name, entry in entries.items():
        file = place / name
        if not file.is_file():
            return f"{name} is missing"
        if file.stat().st_size != entry["bytes"]:
            return f"{name} has {file.stat().st_size} bytes instead of {entry['bytes']}"
        if _sha256(file) != entry["sha256"]:
            return f"{name} is not what was written"
    return None


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
