"""Activations: states of rows, computed once; in memory, or in a file read through the memory map.

A folder holds the states of all units one behind the other, the columns that say which unit is
where, and a marker that is written last: what is in it, and the size and SHA-256 of each file.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from tunesmith.training.checkpoint import flush

STATES, COLUMNS, MARKER = "states.bin", "columns.npz", "VERIFIED.json"
HELD: dict[torch.dtype, type[np.generic]] = {
    torch.float32: np.float32,
    torch.bfloat16: np.uint16,
    torch.float16: np.float16,
}
"""How numbers are written: numpy has no bfloat16, so its bits are kept."""
DIGEST_BYTES = 16


@dataclass(frozen=True)
class Layout:
    """Which unit is where.

    Attributes:
        digests: [U, 16] uint8, what each unit is known by, in the order of their states.
        starts: [U + 1] int64; unit u has states ``starts[u]`` to ``starts[u + 1]``.
        width: of a state.
        dtype: of its numbers.
    """

    digests: np.ndarray
    starts: np.ndarray
    width: int
    dtype: torch.dtype

    @property
    def n_bytes(self) -> int:
        """Of all states."""
        return int(self.starts[-1]) * self.width * self.dtype.itemsize

    def places(self) -> dict[bytes, int]:
        """Place of each unit by its digest."""
        return {digest.tobytes(): place for place, digest in enumerate(self.digests)}


@dataclass(frozen=True)
class Activations:
    """States that were computed before.

    Attributes:
        layout: which unit is where.
        states: [R, D], as numpy holds them.
        sha256: of all of them.
        folder: None: they are in memory.
    """

    layout: Layout
    states: np.ndarray
    sha256: str
    folder: Path | None

    def of(self, places: Sequence[int]) -> Tensor:
        """The states of some units one behind the other, [n, D], on the host."""
        starts = self.layout.starts
        parts = [self.states[starts[place] : starts[place + 1]] for place in places]
        return _as_tensor(np.concatenate(parts), self.layout.dtype)

    @classmethod
    def open(cls, folder: Path, tell: Callable[[str], None]) -> Activations | None:
        """Opens and verifies what was kept.

        Args:
            folder: where.
            tell: is told of damage.

        Returns:
            None where there is nothing, or nothing whole.
        """
        try:
            marker: dict[str, Any] = json.loads((folder / MARKER).read_text("utf-8"))
            files = marker["files"]
            for name in (STATES, COLUMNS):
                if _sha256(folder / name) != files[name]["sha256"]:
                    tell(f"{folder / name}: damaged; its activations are computed again.")
                    return None
            columns = np.load(folder / COLUMNS, allow_pickle=False)
            layout = Layout(
                columns["digests"],
                columns["starts"],
                int(marker["width"]),
                getattr(torch, marker["dtype"]),
            )
            if (folder / STATES).stat().st_size != layout.n_bytes:
                raise ValueError("the marker tells of another size")
            shape = int(layout.starts[-1]), layout.width
            states = np.memmap(folder / STATES, HELD[layout.dtype], mode="r", shape=shape)
        except (FileNotFoundError, NotADirectoryError):
            if folder.is_dir():
                tell(f"{folder}: damaged; its activations are computed again.")
            return None
        except (OSError, ValueError, KeyError, AttributeError):
            tell(f"{folder}: damaged; its activations are computed again.")
            return None
        return cls(layout, states, files[STATES]["sha256"], folder)


class ActivationWriter:
    """Takes states in the order of a layout."""

    def __init__(self, layout: Layout, folder: Path | None) -> None:
        """Starts empty.

        Args:
            layout: of all that will come.
            folder: exists and is empty; None: they are kept in memory.
        """
        self.layout = layout
        self.folder = folder
        self._n_written = 0
        self._digest = hashlib.sha256()
        self._file: IO[bytes] | None = None
        self._held: np.ndarray | None = None
        if folder is None:
            n_states = int(layout.starts[-1])
            self._held = np.empty((n_states, layout.width), HELD[layout.dtype])
        else:
            self._file = (folder / STATES).open("wb")

    def add(self, states: Tensor) -> None:
        """Adds states [n, D]."""
        assert states.dtype == self.layout.dtype and states.shape[1] == self.layout.width
        held = _as_array(states.detach().cpu().contiguous())
        self._digest.update(held.data)
        if self._held is not None:
            self._held[self._n_written : self._n_written + len(held)] = held
        if self._file is not None:
            self._file.write(held.data)
        self._n_written += len(held)

    def close(self) -> None:
        """Lets the file go."""
        if self._file is not None:
            self._file.close()

    def done(self, about: dict[str, Any]) -> Activations:
        """What was taken in; on a disk its marker is written.

        Args:
            about: for whoever looks at the folder, ready for JSON.

        Raises:
            OSError: the disk is full.
        """
        layout = self.layout
        assert self._n_written == layout.starts[-1]
        self.close()
        sha256 = self._digest.hexdigest()
        if self._held is not None:
            return Activations(layout, self._held, sha256, None)
        assert self.folder is not None
        np.savez(
            self.folder / COLUMNS, allow_pickle=False, digests=layout.digests, starts=layout.starts
        )
        sums = {STATES: sha256, COLUMNS: _sha256(self.folder / COLUMNS)}
        files = {
            name: {"bytes": (self.folder / name).stat().st_size, "sha256": digest}
            for name, digest in sums.items()
        }
        for name in files:
            flush(self.folder / name)
        dtype = str(layout.dtype).removeprefix("torch.")
        marker = {"about": about, "dtype": dtype, "width": layout.width, "files": files}
        (self.folder / MARKER).write_text(json.dumps(marker, indent=1), "utf-8")
        flush(self.folder / MARKER)
        states = np.memmap(
            self.folder / STATES,
            HELD[layout.dtype],
            mode="r",
            shape=(self._n_written, layout.width),
        )
        return Activations(layout, states, sha256, self.folder)


def _as_array(states: Tensor) -> np.ndarray:
    if states.dtype == torch.bfloat16:
        return states.view(torch.int16).numpy().view(np.uint16)
    return states.numpy()


def _as_tensor(held: np.ndarray, dtype: torch.dtype) -> Tensor:
    if dtype == torch.bfloat16:
        return torch.from_numpy(held.view(np.int16)).view(torch.bfloat16)
    return torch.from_numpy(held)


def _sha256(file: Path) -> str:
    with file.open("rb", buffering=0) as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()
