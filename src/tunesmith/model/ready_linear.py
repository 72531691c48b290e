"""Ready linear: a linear module as it is at one moment, for products that nothing is learnt from.

What a module is made of is found once, and not again for every token that is written.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from tunesmith.model.few_shapes import filled_length
from tunesmith.model.fused_layers import FusedLayers

FEWEST_ROWS = 8
"""Rows from which oneDNN multiplies faster than torch's own choice for float32 on a processor: 1.1
to 1.3 times (AVX-512, 2026); of fewer, both wait for the weight to be read."""
BFLOAT16_UNIT = 16
"""What rows of a product in bfloat16 on a processor are filled up to a multiple of, from
:data:`FEWEST_ROWS` on: 8 to 63 rows took 0.3 to 0.7 of the time the first time and not more later
(AVX-512, 2026); multiples of 64 took up to twice as long as those of 16 for so few rows."""
LEAST_WEIGHTS = 2**16
"""Weights of a layer from which its longer preparation pays."""


class ReadyLinear:
    """``y = W x + bias``, with the update of the adapter that is on.

    Attributes:
        is_held: whether it holds all it needs; else the module itself is asked, with whatever
            adapter is on then.
    """

    __slots__ = ("_a", "_b", "_bias", "_is_compiled", "_module", "_weight", "_wide", "is_held")

    def __init__(self, module: nn.Module, layers: FusedLayers) -> None:
        """Takes a module as it is now.

        Args:
            module: a linear one, adapter included.
            layers: tells what it multiplies by.
        """
        found = layers.of(module)
        self._module = module
        self._a: Tensor | None = None
        self._b: Tensor | None = None
        self.is_held = found is not None and isinstance(found.weight, Tensor)
        if found is None or not isinstance(found.weight, Tensor):
            return
        self._weight, self._bias = found.weight.detach(), found.bias
        self._is_compiled = (
            self._weight.device.type == "cpu" and self._weight.dtype == torch.bfloat16
        )
        self._wide = _prefers_onednn(self._weight)
        a, b = found.a, found.b
        if a is None or b is None:
            return
        if found.start_a is not None and found.start_b is not None:
            a, b = torch.cat([a, found.start_a]), torch.cat([b, -found.start_b], 1)
        self._a, self._b = a.detach(), (b.detach() * found.scale).t()  # [R, in], [R, out]

    def __call__(self, x: Tensor) -> Tensor:
        """Maps [T, in] to [T, out]."""
        if not self.is_held:
            return self._module(x)
        if self._is_compiled and len(x) >= FEWEST_ROWS:
            n_filled = filled_length(len(x), True, BFLOAT16_UNIT)
            return self._of(functional.pad(x, (0, 0, 0, n_filled - len(x))))[: len(x)]
        return self._of(x)

    def _of(self, x: Tensor) -> Tensor:
        if self._wide and len(x) >= FEWEST_ROWS:
            found = _onednn()(x, self._weight, self._bias, "none", [], "")
        else:
            found = functional.linear(x, self._weight, self._bias)
        if self._a is None or self._b is None:
            return found
        low = functional.linear(x.to(self._a.dtype), self._a)
        if low.dtype == found.dtype:
            return found.addmm_(low, self._b)
        return found.add_(torch.mm(low, self._b))


def _prefers_onednn(weight: Tensor) -> bool:
    return (
        weight.device.type == "cpu"
        and weight.dtype == torch.float32
        and weight.is_contiguous()
        and weight.numel() >= LEAST_WEIGHTS
        and _onednn() is not None
    )


@cache
def _onednn() -> Any:
    """The product of oneDNN over a plain weight; None where torch is built without it."""
    if not torch.backends.mkldnn.is_available():
        return None
    return getattr(torch.ops.mkldnn, "_linear_pointwise", None)
