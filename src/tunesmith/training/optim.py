"""Optim: the optimizer over the trained weights, and the learning rate of each step."""

from __future__ import annotations

import math
import sys
from collections.abc import Callable, Collection, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from tunesmith.core.errors import RunError, TunesmithError
from tunesmith.core.extras import require
from tunesmith.training.adamw import AdamW
from tunesmith.training.settings import Optim

Optimizer = torch.optim.Optimizer | AdamW


def trained_parameters(model: nn.Module) -> dict[str, nn.Parameter]:
    """The parameters that require gradients, by name, in the model's order."""
    return {name: p for name, p in model.named_parameters() if p.requires_grad}


LRFactor = Callable[[str, nn.Parameter], float]
"""What the rate is multiplied by for a parameter, from its name and itself."""
BITSANDBYTES = {
    "adamw_8bit": "AdamW8bit",
    "paged_adamw_32bit": "PagedAdamW32bit",
    "paged_adamw_8bit": "PagedAdamW8bit",
}
"""Optimizers that bitsandbytes has."""
CODES = ("qmap1", "qmap2")
"""Tables of its codes, which bitsandbytes keeps once and shows with every parameter."""
UNPAGED = {"paged_adamw_32bit": "adamw", "paged_adamw_8bit": "adamw_8bit"}
"""The same update with a state that stays where it is."""


def one_lr(name: str, parameter: nn.Parameter) -> float:
    """The same rate for all."""
    return 1.0


def build_optimizer(
    model: nn.Module, optim: Optim, lr: float, lr_factor: LRFactor = one_lr
) -> Optimizer:
    """An optimizer over the trained parameters; matrices decay, vectors do not.

    On a processor there is nothing to page a state out of; that it stays is said.

    Args:
        model: whose trained parameters are updated.
        optim: kind of updates.
        lr: peak rate.
        lr_factor: what that is multiplied by; each group keeps its own as ``lr_factor``.

    Raises:
        TunesmithError: nothing is trained, or a library for this kind is missing.
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
    kind: str = optim.name
    if kind in UNPAGED and not next(iter(parameters.values())).is_cuda:
        kind = UNPAGED[kind]
        print(
            f"optim.name={optim.name}: there is no GPU whose memory could be paged; {kind} makes "
            "the same updates with its state in main memory.",
            file=sys.stderr,
        )
    if kind == "sgd":
        return torch.optim.SGD(groups, lr=lr, foreach=True)
    if kind == "adafactor":
        return torch.optim.Adafactor(groups, lr=lr)
    options: dict[str, Any] = {
        "lr": lr,
        "betas": (optim.beta1, optim.beta2),
        "eps": optim.eps,
    }
    if kind in BITSANDBYTES:
        bitsandbytes = require("bitsandbytes", extra="qlora", purpose=f"optim.name={kind}")
        return getattr(bitsandbytes.optim, BITSANDBYTES[kind])(groups, **options)
    # One fused kernel over all tensors where the device has it; the same formula.
    return AdamW(groups, **options)


def optimizer_state(
    optimizer: Optimizer, parameters: Mapping[str, nn.Parameter]
) -> dict[str, Tensor]:
    """What an optimizer remembers, as ``<parameter>/<key>``."""
    return {
        f"{name}/{key}": value if isinstance(value, Tensor) else torch.tensor(value)
        for name, parameter in parameters.items()
        for key, value in optimizer.state.get(parameter, {}).items()
        if key not in CODES
    }


def restore_optimizer_state(
    optimizer: Optimizer,
    parameters: Mapping[str, nn.Parameter],
    tensors: Mapping[str, Tensor],
    unmoved: Collection[str],
) -> None:
    """Has an optimizer remember what :func:`optimizer_state` gave.

    Args:
        optimizer: over the parameters.
        parameters: by name.
        tensors: what it remembered.
        unmoved: names of parameters of which it had nothing to remember.

    Raises:
        RunError: there is nothing for one of the other parameters.
    """
    states: dict[str, dict[str, Tensor]] = {}
    for key, value in tensors.items():
        name, _, kind = key.rpartition("/")
        states.setdefault(name, {})[kind] = value
    is_ours = not type(optimizer).__module__.startswith("bitsandbytes.")
    for name, parameter in parameters.items():
        found = states.get(name, {})
        if not found and name not in unmoved:
            raise RunError(
                f"the checkpoint holds no optimizer state for {name!r}; without it the run would "
                "be another one."
            )
        if is_ours:
            # The fused kernel wants its step counter on the device too.
            optimizer.state[parameter] = {k: v.to(parameter.device) for k, v in found.items()}
        elif found:
            _restore_bitsandbytes(optimizer, parameter, found)


def _restore_bitsandbytes(
    optimizer: Any, parameter: nn.Parameter, found: dict[str, Tensor]
) -> None:
    """Fills buffers that bitsandbytes makes itself, so that paged ones are paged again.

    It counts steps in a plain number, and makes buffers when a parameter is first updated.
    """
    for group, entry in enumerate(optimizer.param_groups):
        for index, member in enumerate(entry["params"]):
            if member is parameter:
                optimizer.init_state(entry, parameter, group, index)
    state = optimizer.state[parameter]
    if set(state) - set(CODES) != set(found):
        raise RunError(
            f"the checkpoint keeps {sorted(found)} of a weight, and this version of bitsandbytes "
            f"{sorted(set(state) - set(CODES))}. Resume with the version it was made with."
        )
    for key, value in found.items():
        if isinstance(state[key], Tensor):
            state[key].copy_(value)
        else:
            state[key] = value.item()


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
