"""AdamW: the fused update of torch, without what its optimizer classes bring along.

``torch.optim.Optimizer`` imports torch's compiler when the first one is built, which takes longer
than the rest of a start (a second of a processor, torch 2.13) and serves nothing here.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.adamw import adamw


class AdamW:
    """Decoupled weight decay (Loshchilov and Hutter 2019, arXiv:1711.05101).

    It has the groups, the state and the formula of ``torch.optim.AdamW(fused=True)``, so that a
    checkpoint of one is a checkpoint of the other.

    Attributes:
        param_groups: ``params``, ``lr``, ``weight_decay`` and whatever else a group was given.
        state: parameter -> ``step``, ``exp_avg`` and ``exp_avg_sq``, once it had a gradient.
    """

    def __init__(
        self,
        groups: list[dict[str, Any]],
        *,
        lr: float,
        betas: tuple[float, float],
        eps: float,
    ) -> None:
        self.param_groups = [{"lr": lr, "weight_decay": 0.0, **group} for group in groups]
        self.state: dict[nn.Parameter, dict[str, Tensor]] = {}
        self.betas, self.eps = betas, eps

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Lets all gradients go, or fills them with zeros."""
        for group in self.param_groups:
            for parameter in group["params"]:
                if set_to_none or parameter.grad is None:
                    parameter.grad = None
                else:
                    parameter.grad.zero_()

    @torch.no_grad()
    def step(self) -> None:
        """One update of every parameter that has a gradient; nothing waits for the device."""
        for group in self.param_groups:
            moved = [p for p in group["params"] if p.grad is not None]
            states = [self._state_of(p) for p in moved]
            if not moved:
                continue
            adamw(
                moved,
                [p.grad for p in moved],
                [state["exp_avg"] for state in states],
                [state["exp_avg_sq"] for state in states],
                [],
                [state["step"] for state in states],
                fused=True,
                amsgrad=False,
                beta1=self.betas[0],
                beta2=self.betas[1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=self.eps,
                maximize=False,
            )

    def _state_of(self, parameter: nn.Parameter) -> dict[str, Tensor]:
        state = self.state.get(parameter)
        if not state:
            state = {
                "step": torch.zeros((), dtype=torch.float32, device=parameter.device),
                "exp_avg": torch.zeros_like(parameter),
                "exp_avg_sq": torch.zeros_like(parameter),
            }
            self.state[parameter] = state
        return state
