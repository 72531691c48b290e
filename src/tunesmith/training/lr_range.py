"""Range test: the loss while the learning rate rises, and the rate that it suggests.

Source: Smith 2015, arXiv:1506.01186, section 3.3; with an exponential rise and a smoothed loss.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LOWEST, HIGHEST = 1e-7, 1.0
N_STEPS = 100
SMOOTHING = 0.9
"""Weight of the past in the running mean of the loss."""
EXPLODED = 1.5
"""Times the lowest smoothed loss, and above that of the start: there the test ends."""
FIRST_STEPS = 10
"""Of the test, in which nothing counts as an explosion."""
SAFE_SHARE = 0.1
"""The suggestion is this share of the rate at which the smoothed loss is lowest."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What one rate gave.

    Attributes:
        lr: of the step.
        loss: before its update, in nats.
        smoothed: running mean of the losses so far, without a bias to its start.
    """

    lr: float
    loss: float
    smoothed: float


def rising(step: int, n_steps: int) -> float:
    """The rate of a step counted from 0: from the lowest to the highest by equal factors."""
    return LOWEST * (HIGHEST / LOWEST) ** (step / max(1, n_steps - 1))


def smoothed(losses: Sequence[float]) -> list[float]:
    """Running means, each divided by the weight it has so far."""
    found: list[float] = []
    mean = 0.0
    for place, loss in enumerate(losses, 1):
        mean = SMOOTHING * mean + (1 - SMOOTHING) * loss
        found.append(mean / (1 - SMOOTHING**place))
    return found


def has_exploded(losses: Sequence[float]) -> bool:
    """Whether the loss is no number or so far above its lowest that a higher rate tells nothing."""
    if losses and not math.isfinite(losses[-1]):
        return True
    if len(losses) <= FIRST_STEPS:
        return False
    means = smoothed(losses)
    return means[-1] > max(means[0], EXPLODED * min(means))


def suggested(readings: Sequence[Reading]) -> float | None:
    """A tenth of the rate at which the smoothed loss is lowest, in two digits.

    Returns:
        None where the loss never fell.
    """
    known = [r for r in readings if math.isfinite(r.smoothed)]
    if not known:
        return None
    lowest = min(known, key=lambda reading: reading.smoothed)
    if lowest is known[0] or lowest.smoothed > 0.99 * known[0].smoothed:
        return None
    return float(f"{lowest.lr * SAFE_SHARE:.1e}")
