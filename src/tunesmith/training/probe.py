"""Probe: which size of micro-batches is the fastest; what is tried, and what counts. No torch."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

import numpy as np

SIZES = {"cpu": (512, 1024, 2048, 4096), "cuda": (2048, 4096, 8192, 16384)}
"""Tokens of a micro-batch that are tried, by device."""
PASSES = 2
"""Through each size, in turn, so that other work on the machine meets all of them; the faster one
counts, so that the first may warm the memory up."""
SHARE = 0.01
"""Of a run's tokens, what a probe may take at most."""
LIMIT_S = 20.0
"""After which no further pass is begun: what is not known by then is not worth the wait."""
ALIKE = 0.03
"""By how much a larger micro-batch must be faster than a smaller one, which takes less memory."""


def sizes_worth_trying(
    device: str,
    lengths: Sequence[int] | np.ndarray,
    batch_size: int,
    n_steps: int,
    fixed: int | None = None,
) -> tuple[int, ...]:
    """The sizes that a run can tell apart and pay for; a pure function, so that runs are alike.

    Args:
        device: ``cpu`` or ``cuda``.
        lengths: tokens of each row.
        batch_size: rows of a step.
        n_steps: of the run.
        fixed: the size of a run that measures nothing; a larger one than all is tried too.

    Returns:
        Sizes of :data:`SIZES` up to the first that holds a whole step; none where there is
        nothing to choose, or the run is too short.
    """
    sizes = SIZES.get(device, SIZES["cuda"])
    if fixed is not None and fixed > sizes[-1]:
        sizes = (*sizes, fixed)
    step = float(np.mean(lengths)) * min(batch_size, len(lengths)) if len(lengths) else 0.0
    found: list[int] = []
    for size in sizes:
        if found and found[-1] >= step:
            break
        found.append(size)
    pays = PASSES * sum(found) <= SHARE * step * n_steps
    return tuple(found) if pays and len(found) > 1 else ()


def speeds(
    sizes: Sequence[int],
    speed: Callable[[int], float | None],
    has_room: Callable[[int], bool] = lambda size: True,
) -> dict[int, float]:
    """Tokens per second by size, from the smallest on as far as memory goes.

    Args:
        sizes: that are tried, in rising order.
        speed: tokens per second of one pass at a size; None: it found no memory.
        has_room: whether a size may be tried after those before it.
    """
    found: dict[int, float] = {}
    spent_s = 0.0
    for size, is_first in [(size, turn == 0) for turn in range(PASSES) for size in sizes]:
        if is_first and found and not has_room(size):
            sizes = tuple(found)
        if size not in sizes:
            continue
        if spent_s + size / max(found.values(), default=float("inf")) > LIMIT_S:
            break
        tokens_per_s = speed(size)
        if tokens_per_s is None:
            found.pop(size, None)
            sizes = tuple(found)
            continue
        spent_s += size / tokens_per_s
        found[size] = max(tokens_per_s, found.get(size, 0.0))
    return found


def fastest(found: Mapping[int, float]) -> int | None:
    """The smallest of the sizes that are about as fast as the fastest; None of less than two."""
    if len(found) < 2:
        return None
    enough = max(found.values(), default=0.0) / (1 + ALIKE)
    return min((size for size, speed in found.items() if speed >= enough), default=None)
