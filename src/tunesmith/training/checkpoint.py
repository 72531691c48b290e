"""Checkpoint: everything needed to go on as if never stopped; a crash while writing harms nothing.

A checkpoint is a folder ``step-00000123``. It is written beside its place, flushed to disk,
renamed, and only then gets its marker: the sizes and SHA-256 of its files. Without a marker that
fits, a folder is no checkpoint. One that is written anew stands aside until then.
"""

from __future__ import annotations

import copy
import errno
import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from tunesmith.core.errors import RunError
from tunesmith.training.host_copy import HostCopy

MARKER = "VERIFIED.json"
TENSORS = ("weights", "optimizer", "random")
STATE = "state.json"
NEEDED_STATE = ("step", "n_tokens", "evaluations", "unmoved", "portions", "batching", "identity")
UNFINISHED = "its marker was never written"


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

    @property
    def n_bytes(self) -> int:
        """Of its tensors."""
        return sum(t.numel() * t.element_size() for t in self._tensors())

    def copied(self, copies: HostCopy) -> Checkpoint:
        """The same in main memory, whatever becomes of the model.

        Args:
            copies: makes them; what comes from a GPU is there when it has waited.
        """
        kinds = {
            kind: {name: copies.of(tensor) for name, tensor in getattr(self, kind).items()}
            for kind in TENSORS
        }
        copies.end()
        return Checkpoint(**kinds, state=copy.deepcopy(self.state))

    def _tensors(self) -> list[Tensor]:
        return [tensor for kind in TENSORS for tensor in getattr(self, kind).values()]


def save_checkpoint(folder: Path, step: int, checkpoint: Checkpoint) -> Path:
    """Writes ``folder/step-N``.

    Raises:
        RunError: the disk is full or not writable; what was there before is untouched.
    """
    final = folder / f"step-{step:08d}"
    draft = folder / f".draft-{step:08d}"
    replaced = folder / f".replaced-{step:08d}"
    try:
        _put_back(folder)
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
        if final.exists():
            final.rename(replaced)
        draft.rename(final)
        marker = final / (MARKER + ".draft")
        marker.write_text(json.dumps(entries, indent=1), "utf-8")
        flush(marker)
        marker.rename(final / MARKER)
        flush(final)
        flush(folder)
        _remove(replaced)
    except (OSError, SafetensorError) as error:
        with suppress(OSError):
            _remove(draft)
            if not (final / MARKER).is_file():
                _remove(final)
            _put_back(folder)
        if _is_full(error):
            free = shutil.disk_usage(folder).free / 1e6
            raise RunError(
                f"{folder}: the disk is full: the checkpoint of step {step} needs "
                f"{checkpoint.n_bytes / 1e6:.1f} MB, {free:.1f} MB are free. The earlier "
                "checkpoints are intact; make room and go on with --resume."
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
        Its folder, or None; and a sentence for each damaged or unfinished one that was set aside.
    """
    notes: list[str] = []
    _put_back(folder)
    for place in checkpoints(folder)[::-1]:
        problem = _problem(place)
        if problem is None:
            return place, notes
        kind = "unfinished" if problem == UNFINISHED else "damaged"
        aside = place.with_name(f"{kind}-{place.name}")
        _remove(aside)
        place.rename(aside)
        notes.append(f"{place.name} is {kind} ({problem}); set aside as {aside.name}.")
    return None, notes


def damaged_checkpoints(folder: Path) -> list[str]:
    """Names of those that were set aside although they had been finished."""
    return sorted(place.name for place in folder.glob("damaged-step-*"))


def load_checkpoint(place: Path) -> Checkpoint:
    """Reads a verified checkpoint.

    Raises:
        RunError: it is damaged; the message says where.
    """
    problem = _problem(place)
    if problem is not None:
        raise RunError(f"{place}: no checkpoint: {problem}.")
    tensors = {name: load_file(place / f"{name}.safetensors") for name in TENSORS}
    return Checkpoint(**tensors, state=json.loads((place / STATE).read_text("utf-8")))


def load_state(place: Path) -> dict[str, Any]:
    """What a verified checkpoint holds beside its tensors.

    Raises:
        RunError: it lacks what a resume needs.
    """
    state: dict[str, Any] = json.loads((place / STATE).read_text("utf-8"))
    missing = [key for key in NEEDED_STATE if key not in state]
    if missing:
        raise RunError(
            f"{place}: {STATE} holds no {missing[0]!r}; it was made by another version. "
            "Resume with that one, or start a new run with out=..."
        )
    return state


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
    """Puts torch's random generators where :func:`random_state` found them.

    Raises:
        RunError: there is no state for one of them, so what follows would be another draw.
    """
    missing = sorted(random_state().keys() - states.keys())
    if missing:
        raise RunError(
            f"the checkpoint holds no random state for {missing[0]!r}, only for {sorted(states)}. "
            "Resume on a machine like the one it was made on."
        )
    torch.set_rng_state(states["cpu"])
    if torch.cuda.is_available():
        for i in range(torch.cuda.device_count()):
            torch.cuda.set_rng_state(states[f"cuda{i}"], i)


def flush(path: Path) -> None:
    """Has the operating system write a file or a folder to the disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _problem(place: Path) -> str | None:
    """Why a folder is no checkpoint; None if it is one."""
    if not place.is_dir():
        return "it is not there"
    try:
        entries: Any = json.loads((place / MARKER).read_text("utf-8"))
    except FileNotFoundError:
        return UNFINISHED
    except (OSError, ValueError):
        return "its marker cannot be read"
    if not isinstance(entries, dict):
        return "its marker cannot be read"
    for name in (STATE, *(f"{n}.safetensors" for n in TENSORS)):
        if name not in entries:
            return f"{name} is not in its marker"
    for name, entry in entries.items():
        file = place / name
        if not file.is_file():
            return f"{name} is missing"
        if not isinstance(entry, dict) or not {"bytes", "sha256"} <= entry.keys():
            return "its marker cannot be read"
        if file.stat().st_size != entry["bytes"]:
            return f"{name} has {file.stat().st_size} bytes instead of {entry['bytes']}"
        if _sha256(file) != entry["sha256"]:
            return f"{name} is not what was written"
    return None


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _put_back(folder: Path) -> None:
    """Ends a replacement that was cut off: the new checkpoint if it is whole, else the old one."""
    for replaced in folder.glob(".replaced-*"):
        place = folder / replaced.name.replace(".replaced-", "step-")
        if place.exists() and _problem(place) is None:
            _remove(replaced)
        else:
            _remove(place)
            replaced.rename(place)


def _remove(folder: Path) -> None:
    if folder.exists():
        shutil.rmtree(folder)
