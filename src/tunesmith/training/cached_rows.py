"""Cached rows: a task's rows with the states that frozen layers give of them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from tunesmith.model.batch import Batch
from tunesmith.model.below import Below
from tunesmith.model.packed import packed
from tunesmith.model.task_model import TaskModel
from tunesmith.training.activations import DIGEST_BYTES, Activations

if TYPE_CHECKING:
    from tunesmith.training.passes import Rows

LINE_TOKENS = {"cpu": 1024, "cuda": 16384}
"""Tokens of rows that are computed together."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One row, and what there is to compute of it.

    Attributes:
        rows: that it is one of.
        row: its number there.
        digest: of all that decides its states, given the weights.
        n_tokens: without padding.
        n_states: that are kept.
    """

    rows: Rows
    row: int
    digest: bytes
    n_tokens: int
    n_states: int

    @classmethod
    def of(cls, rows: Rows, row: int, layer: int | None) -> Unit:
        """Looks at one row.

        Args:
            rows: that it is one of; their batches tell lengths.
            row: its number.
            layer: that its states lie below; None: those under the head, at its target rows.
        """
        batch = rows.batch([row])
        digest = hashlib.sha256(repr((batch.lengths, batch.parents)).encode())
        digest.update(batch.input_ids.numpy().data)
        n_tokens = sum(batch.lengths)
        n_states = n_tokens
        if layer is None:
            digest.update(batch.target_rows.numpy().data)
            n_states = len(batch.target_rows)
        return cls(rows, row, digest.digest()[:DIGEST_BYTES], n_tokens, n_states)


class CachedRows:
    """Rows whose batches begin above the frozen layers."""

    def __init__(
        self, source: Rows, activations: Activations, units: Sequence[bytes], layer: int | None
    ) -> None:
        """Takes rows and their states.

        Args:
            source: the rows.
            activations: states of all of them.
            units: digest of each row.
            layer: that the states lie below; None: they are those under the head.
        """
        self.source = source
        self.activations = activations
        known = activations.layout.places()
        self._places = [known[unit] for unit in units]
        self.layer = layer

    @property
    def lengths(self) -> Sequence[int] | np.ndarray:
        """Tokens of each row."""
        return self.source.lengths

    def batch(self, rows: Sequence[int]) -> Batch:
        """The batch of some rows, with their states."""
        batch = self.source.batch(rows)
        states = self.activations.of([self._places[row] for row in rows])
        n_states = len(batch.target_rows) if self.layer is None else sum(batch.lengths)
        assert len(states) == n_states
        return replace(batch, below=Below(states, self.layer))

    def places(self, rows: Sequence[int]) -> list[str]:
        """Where some rows were read."""
        return self.source.places(rows)


def needs_no_layer(rows: object) -> bool:
    """Whether the batches of rows, however they are wrapped, begin under the head."""
    while not isinstance(rows, CachedRows):
        if not hasattr(rows, "source"):
            return False
        rows = rows.source  # pyright: ignore[reportAttributeAccessIssue]
    return rows.layer is None


def in_order(units: Mapping[bytes, Unit]) -> list[Unit]:
    """The order in which units are computed and kept: the longest first.

    It depends on nothing but what is in them, and so do the lines they are computed in: products of
    another shape may differ in their last bits.
    """
    return sorted(units.values(), key=lambda unit: (-unit.n_tokens, unit.digest))


def in_lines(units: Sequence[Unit], n_tokens: int) -> Iterator[list[Unit]]:
    """Divides units, in their order, into lines of at most so many tokens or of one unit."""
    line: list[Unit] = []
    room = n_tokens
    for unit in units:
        if line and unit.n_tokens > room:
            yield line
            line, room = [], n_tokens
        line.append(unit)
        room -= unit.n_tokens
    if line:
        yield line


@torch.no_grad()
def states_of(model: TaskModel, units: Sequence[Unit], layer: int | None) -> Tensor:
    """States of some units, one behind the other.

    Args:
        model: in evaluation mode.
        units: computed in one line.
        layer: below which they are; None: under the head, at target rows.

    Returns:
        [n, D] on the model's device.
    """
    device = next(model.parameters()).device
    batch = _line([packed(unit.rows.batch([unit.row])) for unit in units]).to(device)
    if layer is None:
        return model.states(batch)
    trunk = model.trunk
    assert trunk is not None
    return trunk.through(trunk.embed(batch), batch, 0, layer)


def _line(lines: Sequence[Batch]) -> Batch:
    """Several packed lines as one, without targets."""
    n_tokens = [line.input_ids.shape[1] for line in lines]
    n_pieces = [len(line.lengths) for line in lines]
    places = np.cumsum([0, *n_tokens[:-1]]).tolist()
    pieces = np.cumsum([0, *n_pieces[:-1]]).tolist()
    lengths = tuple(length for line in lines for length in line.lengths)
    parents: tuple[int, ...] = ()
    if any(line.parents for line in lines):
        parents = tuple(
            parent if parent < 0 else parent + piece
            for line, piece in zip(lines, pieces, strict=True)
            for parent in (line.parents or (-1,) * len(line.lengths))
        )
    position_ids = [line.position_ids for line in lines if line.position_ids is not None]
    targets = [line.target_rows + at for line, at in zip(lines, places, strict=True)]
    return Batch(
        torch.cat([line.input_ids for line in lines], 1),
        torch.cat(targets),
        {},
        n_targets=0,
        n_tokens=sum(n_tokens),
        lengths=lengths,
        position_ids=torch.cat(position_ids, 1),
        cu_seqlens=torch.tensor([0, *np.cumsum(lengths).tolist()], dtype=torch.int32),
        parents=parents,
    )
