"""Optim: the optimizer over the trained weights, and the learning rate of each step."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn

from tunesmith.core.errors import TunesmithError
from tunesmith.core.extras import require
from tunesmith.training.settings import Optim


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that require gradients, by name, in the model's order."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


LRFactor = Callable[[str, nn.Parameter], float]
"""What the rate is multiplied by for a parameter, from its name and itself."""


def one_lr(name: str, parameter: nn.Parameter) -> float:
    """The same rate for all."""
    return 1.0


def build_optimizer(
    model: nn.Module, optim: Optim, lr: float, lr_factor: LRFactor = one_lr
) -> torch.optim.Optimizer:
    """An AdamW over the trained parameters; matrices decay, vectors do not.

    Args:
        model: whose trained parameters are updated.
        optim: kind of updates.
        lr: peak rate.
        lr_factor: what that is multiplied by; each group keeps its own as ``lr_factor``.

    Raises:
        TunesmithError: nothing is trained.
    """
    parameters = trained_parameters(model)
    if not parameters:
        raise TunesmithError("the method leaves no weight to train. Choose other method.targets.")
    members: dict[tuple[bool, float], list[nn.Parameter]] = {}
    for name, parameter in parameters.items():
        key = (parameter.ndim < 2, lr_factor(name, parameter))
        members.setdefault(key, []).append(parameter)
    groups: list[dict[str, Any]] = [
        {
            "params": members[is_vector, factor],
            "weight_decay": 0.0 if is_vector else optim.weight_decay,
            "lr": lr * factor,
            "lr_factor": factor,
        }
        for is_vector, factor in sorted(members)
    ]
    options: dict[str, Any] = {
        "lr": lr,
        "betas": (optim.beta1, optim.beta2),
        "eps": optim.eps,
    }
    if optim.name != "adamw" and next(iter(parameters.values())).is_cuda:
        bitsandbytes = require("bitsandbytes", extra="qlora", purpose=f"optim {optim.name!r}")
        kinds = {"paged_adamw_32bit": "PagedAdamW32bit", "paged_adamw_8bit": "PagedAdamW8bit"}
        return getattr(bitsandbytes.optim, kinds[optim.name])(groups, **options)
    # One fused kernel over all tensors where the device has it; the same formula.
    return torch.optim.AdamW(groups, fused=True, **options)


def lr_schedule(optim: Optim, lr: float, n_steps: int) -> Callable[[int], float]:
    """The learning rate as a function of the step, counted from 0.

    The same values as transformers' schedules of these names: the rate of step 0 is zero when there
    is a warm-up, and of step ``n_steps`` it would be zero again.
    """
    n_warmup = math.ceil(n_steps * optim.warmup_fraction)

    def rate(step: int) -> float:
        if step < n_warmup:
            return lr * step / n_warmup
        progress = (step - n_warmup) / max(1, n_steps - n_warmup)
        match optim.schedule:
            case "cosine":
                return lr * max(0.0, 0.5 * (1.0 + math.cos(math.pi * progress)))
            case "linear":
                return lr * max(0.0, 1.0 - progress)
            case "constant":
                return lr

    return rate
