"""Stretch: tokens of one row that a step of the decoder computes, and what they stand behind."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tunesmith.model.kv_cache import SharedPrefix


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some tokens behind those that were computed before.

    Attributes:
        ids: the tokens, at least one.
        begin: how many tokens of its row stand before it.
        slot: where its keys and values go, behind what the slot has; of a prefix, none.
        before: shared prefixes that its row begins with, from the first on.
        prefix: where its keys and values go instead of a slot; None: into the slot.
        is_asked: whether the token behind it is wanted.
    """

    ids: Sequence[int]
    begin: int
    slot: int = -1
    before: tuple[SharedPrefix, ...] = ()
    prefix: SharedPrefix | None = None
    is_asked: bool = True

    @property
    def first(self) -> int:
        """Its first place in its slot or prefix."""
        return self.begin - sum(shared.length for shared in self.before)

    @property
    def behind(self) -> int:
        """The place behind its last one."""
        return self.first + len(self.ids)

    @property
    def is_single(self) -> bool:
        """Whether it is one token of a slot: what is written, a token a step."""
        return len(self.ids) == 1 and self.prefix is None


@dataclass(frozen=True, slots=True)
class SlotLook:
    """One token in each of some slots, each of which sees its slot and its row's prefixes.

    Attributes:
        n_slots: the slots looked at: the first ones.
        n_positions: of each of them.
        places: [B] int64, the tokens' slots; None: all of the first ones in order.
        unseen: [n_slots * Hkv, 1, n_positions], minus infinity at what is not the token's.
        prefixes: each with the numbers of the tokens that see it, [N] int64; None: all do.
    """

    n_slots: int
    n_positions: int
    places: Tensor | None
    unseen: Tensor
    prefixes: tuple[tuple[SharedPrefix, Tensor | None], ...]

    @classmethod
    def of(
        cls, rows: Sequence[Stretch], n_kv: int, dtype: torch.dtype, device: torch.device
    ) -> SlotLook:
        """Of the last token of each of some stretches that are in slots.

        Args:
            rows: at least one, of different slots.
            n_kv: heads of keys.
            dtype: of scores.
            device: where the slots are.
        """
        slots = [row.slot for row in rows]
        n_slots = max(slots) + 1
        lengths = np.ones(n_slots, np.int64)  # of a slot without a token, whatever stands first
        lengths[slots] = [row.behind for row in rows]
        n_positions = int(lengths.max())
        seen = torch.from_numpy(np.arange(n_positions) < lengths[:, None])
        unseen = torch.zeros(seen.shape, dtype=dtype).masked_fill_(~seen, -torch.inf)
        is_dense = slots == list(range(n_slots))
        seeing: dict[SharedPrefix, list[int]] = {}
        for number, row in enumerate(rows):
            for shared in row.before:
                seeing.setdefault(shared, []).append(number)
        prefixes = tuple(
            (shared, None if len(own) == len(rows) else torch.tensor(own).to(device))
            for shared, own in seeing.items()
        )
        return cls(
            n_slots,
            n_positions,
            None if is_dense else torch.tensor(slots).to(device),
            unseen.to(device)[:, None, None].expand(-1, n_kv, -1, -1).flatten(0, 1),
            prefixes,
        )


@dataclass(frozen=True, slots=True)
class Behind:
    """Tokens of a line that see all of something computed before.

    Attributes:
        first: of the tokens in the line.
        end: behind the last.
        prefix: what they see; None: places of a slot.
        slot: whose first places they see.
        n_positions: how many.
    """

    first: int
    end: int
    prefix: SharedPrefix | None
    slot: int
    n_positions: int


def sights(longs: Iterable[tuple[int, Stretch]]) -> list[Behind]:
    """What stretches see beside themselves; those side by side see a prefix together.

    Args:
        longs: each with its first place in the line, in its order.
    """
    found: list[Behind] = []
    seeing: dict[SharedPrefix, list[list[int]]] = {}
    for start, one in longs:
        end = start + len(one.ids)
        if one.first and one.prefix is None:
            found.append(Behind(start, end, None, one.slot, one.first))
        elif one.first:
            found.append(Behind(start, end, one.prefix, -1, one.first))
        for shared in one.before:
            known = seeing.setdefault(shared, [])
            if known and known[-1][1] == start:
                known[-1][1] = end
            else:
                known.append([start, end])
    for shared, known in seeing.items():
        found += [Behind(first, end, shared, -1, shared.length) for first, end in known]
    return found
