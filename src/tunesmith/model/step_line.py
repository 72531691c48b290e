"""Step line: the tokens of a decoder's step in their order, where their keys go, what they see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tunesmith.model.kv_cache import SharedPrefix
from tunesmith.model.stretch import Behind, SlotLook, Stretch, sights


@dataclass(frozen=True, slots=True)
class Slots:
    """What a line has to know of the slots that its keys go to.

    Attributes:
        n_kv: heads of keys.
        capacity: positions of a slot.
        dtype: of scores.
        device: where they are.
    """

    n_kv: int
    capacity: int
    dtype: torch.dtype
    device: torch.device


@dataclass(frozen=True, slots=True)
class StepLine:
    """The tokens of a step: those alone in their slots, then longer stretches.

    Attributes:
        ids: [T] int64.
        positions: [T] int64, in their rows.
        n_singles: tokens that are alone.
        places: [M * Hkv] int64, where keys of those that go to slots go, in the flattened slots;
            these M come first.
        n_slotted: M.
        filled: (first, behind the last, prefix, its first place) of stretches that are prefixes.
        longs: first and behind the last of longer stretches.
        sights: what these see beside themselves.
        look: of the single tokens; None: there are none.
        last: of all tokens whose next one is wanted.
        asked: [N] int64, these in the line; None: all of it, in order.
    """

    ids: Tensor
    positions: Tensor
    n_singles: int
    places: Tensor
    n_slotted: int
    filled: tuple[tuple[int, int, SharedPrefix, int], ...]
    longs: tuple[tuple[int, int], ...]
    sights: tuple[Behind, ...]
    look: SlotLook | None
    last: SlotLook | None
    asked: Tensor | None

    @classmethod
    def of(cls, stretches: Sequence[Stretch], slots: Slots) -> StepLine:
        """The line of stretches.

        Args:
            stretches: in the order of :func:`in_line`.
            slots: with room for all of them.
        """
        lengths = np.array([len(one.ids) for one in stretches])
        starts = np.cumsum(lengths) - lengths
        within = np.arange(lengths.sum()) - np.repeat(starts, lengths)
        positions = within + np.repeat([one.begin for one in stretches], lengths)
        n_slotted, places = _places(stretches, lengths, within, slots)
        singles = [one for one in stretches if one.is_single]
        asked = [one for one in stretches if one.is_asked]
        each = list(zip(starts.tolist(), stretches, strict=True))
        longs = [(start, one) for start, one in each if not one.is_single]
        is_all = len(singles) == len(stretches) == len(asked)
        rows = [start + len(one.ids) - 1 for start, one in each if one.is_asked]
        look = _look(singles, slots)
        return cls(
            torch.tensor([token for one in stretches for token in one.ids], device=slots.device),
            torch.from_numpy(positions).to(slots.device),
            len(singles),
            torch.from_numpy(places).to(slots.device),
            n_slotted,
            tuple((a, a + len(s.ids), s.prefix, s.first) for a, s in longs if s.prefix is not None),
            tuple((a, a + len(one.ids)) for a, one in longs),
            tuple(sights(longs)),
            look,
            look if is_all else _look(asked, slots),
            None if is_all else torch.tensor(rows, dtype=torch.int64, device=slots.device),
        )


def in_line(stretches: Sequence[Stretch]) -> list[int]:
    """Their numbers in the order of a line: what is alone, longer ones in slots, prefixes."""
    order = sorted(range(len(stretches)), key=lambda i: (not stretches[i].is_single, i))
    order.sort(key=lambda i: stretches[i].prefix is not None)
    return order


def _places(
    stretches: Sequence[Stretch], lengths: np.ndarray, within: np.ndarray, slots: Slots
) -> tuple[int, np.ndarray]:
    """How many tokens go to slots, and their places [M * Hkv] int64 in the flattened slots."""
    slotted = [one for one in stretches if one.prefix is None]
    lengths = lengths[: len(slotted)]
    n_slotted = int(lengths.sum())
    slot = np.repeat([one.slot for one in slotted], lengths)
    own = within[:n_slotted] + np.repeat([one.first for one in slotted], lengths)
    found = (slot[:, None] * slots.n_kv + np.arange(slots.n_kv)) * slots.capacity + own[:, None]
    return n_slotted, found.reshape(-1).astype(np.int64)


def _look(rows: Sequence[Stretch], slots: Slots) -> SlotLook | None:
    return SlotLook.of(rows, slots.n_kv, slots.dtype, slots.device) if rows else None
