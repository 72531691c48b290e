"""Fused layers: a model's linear modules told in tensors; frozen weights are cast once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from tunesmith.model.fused import Linear
from tunesmith.model.fused.dropout import SharedDropout
from tunesmith.model.fused.int8 import Int8Weight, Rows
from tunesmith.model.lora_linear import LoRALinear
from tunesmith.model.quantised import is_quantised, rounds_inputs
from tunesmith.model.trained_copy import TrainedCopy


@dataclass(frozen=True, slots=True)
class _FourBit:
    """A weight that bitsandbytes holds in four bits."""

    layer: Any
    dtype: torch.dtype

    @torch.no_grad()
    def dense(self) -> Tensor:
        import bitsandbytes.functional as bnb  # installed, or there were no such layer

        weight = self.layer.weight
        return bnb.dequantize_4bit(weight.data, weight.quant_state).to(self.dtype)


class FusedLayers:
    """Linear modules -> :class:`tunesmith.model.fused.Linear`, as they are at the moment."""

    def __init__(self) -> None:
        self._casts: dict[int, tuple[Tensor, int, Tensor]] = {}
        self._head: nn.Linear | None = None
        self._int8: dict[int, tuple[Tensor, int, Int8Weight]] = {}
        self._rows = Rows()
        self.rounds: Literal["never", "in training", "always"] = "never"
        """When products with frozen weights are in eight bits."""

    def of(self, module: nn.Module) -> Linear | None:
        """What a module multiplies by; None: only the module itself knows (DoRA, eight bits)."""
        if isinstance(module, LoRALinear):
            if module.lora_magnitude_vector is not None and module.enabled:
                return None
            base = self._plain(module.base)
            if base is None or not module.enabled:
                return base
            return Linear(
                base.weight,
                base.bias,
                module.lora_A,
                module.lora_B,
                module.scale,
                module.dropout.p if isinstance(module.dropout, nn.Dropout) else 0.0,
                module.start_A,
                module.start_B,
                module.dropout.masks if isinstance(module.dropout, SharedDropout) else None,
            )
        if isinstance(module, TrainedCopy):
            if not module.enabled:
                return self._plain(module.original)
            trained: Any = module.trained
            bias = trained.bias
            return Linear(module.weight, None if bias is None else bias.to(module.weight.dtype))
        return self._plain(module)

    def _plain(self, module: Any) -> Linear | None:
        if rounds_inputs(module):
            return None
        if is_quantised(module):
            return Linear(_FourBit(module, self._dtype(module, module.compute_dtype)), module.bias)
        weight: Tensor = module.weight
        rounds = self.rounds == "always" or (self.rounds == "in training" and module.training)
        if rounds and not weight.requires_grad:
            return Linear(self._rounded(weight), module.bias)
        return Linear(self.cast(weight), module.bias)

    def _rounded(self, weight: Tensor) -> Int8Weight:
        """A frozen weight in eight bits, rounded at its first use."""
        held, dtype = self._int8.get(id(weight)), self._dtype_of(weight)
        if held is None or held[0] is not weight or held[1] != weight._version:
            held = (weight, weight._version, Int8Weight(lambda: weight, dtype, self._rows))
            self._int8[id(weight)] = held
        held[2].dtype = dtype
        return held[2]

    @property
    def n_rounded(self) -> int:
        """Weights that are held in eight bits beside themselves."""
        return len(self._int8)

    @property
    def rounded_mb(self) -> float:
        """What these take."""
        held = (weight for _, _, weight in self._int8.values())
        return round(sum(w.levels.numel() + 4 * w.scales.numel() for w in held) / 1e6, 1)

    def cast(self, weight: Tensor) -> Tensor:
        """A frozen weight in the type of the products, cast at its first use; a trained one."""
        dtype = self._dtype_of(weight)
        if weight.requires_grad or weight.dtype == dtype:
            return weight
        held = self._casts.get(id(weight))
        # A weight that was written to since, or another at its address, is cast again.
        if held is None or held[0] is not weight or held[1] != weight._version:
            held = (weight, weight._version, weight.detach().to(dtype))
            self._casts[id(weight)] = held
        return held[2]

    def cast_head(self, head: nn.Linear) -> nn.Linear:
        """An output head whose frozen weight is in the type of the products; a trained one as is.

        The loss multiplies by it for every few rows, and would cast all of it each time.
        """
        if not isinstance(head, nn.Linear) or head.bias is not None or is_quantised(head):
            return head
        weight = self.cast(head.weight)
        if weight is head.weight:
            return head
        if self._head is None or self._head.weight.data_ptr() != weight.data_ptr():
            self._head = nn.Linear(head.in_features, head.out_features, bias=False, device="meta")
            self._head.weight = nn.Parameter(weight, requires_grad=False)
        return self._head

    @staticmethod
    def _dtype_of(weight: Tensor) -> torch.dtype:
        device = weight.device.type
        if torch.is_autocast_enabled(device):
            return torch.get_autocast_dtype(device)
        return weight.dtype

    @staticmethod
    def _dtype(module: Any, held: torch.dtype | None) -> torch.dtype:
        device = module.weight.device.type
        if torch.is_autocast_enabled(device):
            return torch.get_autocast_dtype(device)
        return held or torch.float32
