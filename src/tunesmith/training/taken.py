"""Taken: steps whose figures the device still has; at a log point they are read together.

Reading one number makes the host wait until the device has done all that was asked of it. So the
loop reads none of them in between: it goes on asking for work.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tunesmith.core.errors import DivergedError
from tunesmith.training.passes import Sums

LOG_EVERY_STEPS = {"cpu": 1}
"""Where nothing is gained by waiting; other devices are read less often."""
SELDOM = 10


@dataclass(frozen=True, slots=True)
class Taken:
    """A step that was taken.

    Attributes:
        values: what the host knows of it, ``step``, ``n_targets`` and ``rows`` among it.
        loss: [] float32, summed over its targets.
        grad_norm: [] of all gradients together, before it was limited.
        sums: the objective's other figures.
    """

    values: dict[str, Any]
    loss: Tensor
    grad_norm: Tensor
    sums: Sums


def log_every(wanted: int | None, device: torch.device) -> int:
    """Steps from one log point to the next.

    Args:
        wanted: by the recipe; None: 1 on a processor, 10 on a GPU.
        device: that trains.
    """
    return wanted or LOG_EVERY_STEPS.get(device.type, SELDOM)


def read(steps: Sequence[Taken]) -> list[dict[str, Any]]:
    """The figures of some steps as plain numbers; the device is waited for once.

    Returns:
        Of each step ``values`` with ``loss`` (per target), ``grad_norm`` and the other means.
    """
    found = _numbers(
        [
            figure
            for taken in steps
            for figure in (
                taken.loss,
                taken.grad_norm,
                *(part for pair in taken.sums.entries.values() for part in pair),
            )
        ]
    )
    numbers = iter(found)
    read_steps: list[dict[str, Any]] = []
    for taken in steps:
        loss, grad_norm = next(numbers), next(numbers)
        pairs = {name: (next(numbers), next(numbers)) for name in taken.sums.entries}
        means = {name: value / count for name, (value, count) in pairs.items() if count}
        own = {"loss": loss / taken.values["n_targets"], "grad_norm": grad_norm}
        read_steps.append({**taken.values, **own, **means})
    return read_steps


def require_finite(values: dict[str, Any], places: Callable[[Sequence[int]], list[str]]) -> None:
    """Checks the figures of a step.

    Args:
        values: as :func:`read` gives them.
        places: where rows were read.

    Raises:
        DivergedError: the loss or the gradient is no number; names the step's rows.
    """
    loss, grad_norm = values["loss"], values["grad_norm"]
    if math.isfinite(loss) and math.isfinite(grad_norm):
        return
    rows = places(values["rows"])
    what = f"the loss is {loss}" if not math.isfinite(loss) else f"the gradient is {grad_norm}"
    raise DivergedError(
        f"step {values['step']}: {what}. Nothing of this step is saved. Its rows: "
        f"{', '.join(rows[:8])}{' ...' if len(rows) > 8 else ''}. "
        "Lower optim.lr, or look at these rows with: tunesmith data preview"
    )


def _numbers(figures: Sequence[Any]) -> list[float]:
    """Plain numbers of tensors and numbers; in float64, which holds every float32 and count."""
    tensors = [f.detach().double() for f in figures if isinstance(f, Tensor)]
    away = [tensor for tensor in tensors if not tensor.is_cpu]
    brought = iter(torch.stack(away).tolist() if away else [])
    at_hand = (float(tensor) if tensor.is_cpu else next(brought) for tensor in tensors)
    return [next(at_hand) if isinstance(f, Tensor) else float(f) for f in figures]
