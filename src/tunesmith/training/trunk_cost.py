"""Trunk cost: whether states of frozen layers are worth keeping; needs no torch."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from tunesmith.training.settings import Train

FLOP_PER_S = {"cpu": 1e11, "cuda": 3e14}
BYTES_PER_S = 5e8
"""Of writing to a disk, hashing and reading again. Rough: what is decided with it differs by orders
of magnitude."""


@dataclass(frozen=True, slots=True)
class Load:
    """What is asked of the frozen layers for one split.

    Attributes:
        n_tokens: of all rows.
        n_bytes: their states take.
        n_passes: times each row is seen in a run.
    """

    n_tokens: int
    n_bytes: int
    n_passes: float


def pays(load: Load, n_frozen: int, device: str) -> bool:
    """Whether computing the states once, keeping and reading them takes less time than it saves.

    Args:
        load: of the split.
        n_frozen: matrix weights in the frozen layers; each is two operations for a token.
        device: ``cpu`` or ``cuda``.
    """
    saved = 2 * n_frozen * load.n_tokens * (load.n_passes - 1) / FLOP_PER_S.get(device, 1e11)
    moved = load.n_bytes * (2 + load.n_passes) / BYTES_PER_S
    return saved > moved


def n_passes(train: Train, n_rows: int, n_steps: int) -> dict[str, float]:
    """How often a run sees each row of a split.

    Args:
        train: settings of the loop.
        n_rows: training rows.
        n_steps: of the whole run.
    """
    every = max(1, round(n_steps * train.eval_every_fraction))
    n_evaluations = 1 + math.ceil(n_steps / every)
    return {"train": n_steps * train.batch_size / max(1, n_rows), "validation": n_evaluations}


def worth_keeping(loads: Mapping[str, Load], n_frozen: int, device: str) -> tuple[str, ...]:
    """The splits whose states are worth keeping."""
    return tuple(name for name, load in loads.items() if pays(load, n_frozen, device))


def no_room(
    place: str,
    n_bytes: int,
    limit: int,
    free_memory: float | None,
    free_disk: int,
    *,
    share: float = 0.5,
    needed: int = 0,
) -> str:
    """Why states cannot be kept in a place; empty where they can.

    Args:
        place: ``memory`` or ``disk``.
        n_bytes: of all of them.
        limit: that the recipe sets.
        free_memory: bytes; None: the system does not tell.
        free_disk: bytes, where the cache is.
        share: of what is free that may be taken; the rest stays free for the run itself.
        needed: bytes of that which the run itself is known to need.
    """
    if n_bytes > limit:
        return f"they take {n_bytes / 1e9:,.2f} GB, and train.trunk_cache_gb allows {limit / 1e9:g}"
    free = free_disk if place == "disk" else free_memory
    if free is None or n_bytes <= share * (free - needed):
        return ""
    own = f", without {needed / 1e9:,.2f} GB that the run itself needs," if needed else ""
    return (
        f"they take {n_bytes / 1e9:,.2f} GB, and of {free / 1e9:,.2f} GB of free {place}{own} "
        f"{share:.0%} may be taken"
    )
