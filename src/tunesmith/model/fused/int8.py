"""int8: products with frozen weights in eight bits, as processors with VNNI have them.

A weight is rounded once, with a scale for each of its outputs; what meets it is rounded row by row
at each product: ``x W^T = (q_x q_W^T) * s_x s_W``, the sum in whole numbers without any rounding.
For gradients of inputs the same weight serves, its scales taken into the gradient before that is
rounded: ``g W = (q_h q_W) * s_h`` with ``h = g * s_W``.

Source: Dettmers et al. 2022, arXiv:2208.07339, section 2.1 (vector-wise quantisation, symmetric;
outliers are not taken out here).
"""

from __future__ import annotations

import weakref
from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

LARGEST = 127
TILE_ROWS = 512
"""Rows at once, so that sums of whole numbers are scaled while they are in the cache."""
TINY = 1e-30
"""Scale of a row of zeros."""

Rounded = tuple[Tensor, Tensor]
"""Levels [N, in] int8 and scales [N, 1] float32: of each row its largest entry is 127."""


def round_rows(x: Tensor) -> Rounded:
    """Rounds each row of [N, in] to 255 levels."""
    x = x.float()  # in bfloat16 each of these passes takes longer
    scales = x.abs().amax(1, keepdim=True).mul_(1 / LARGEST).clamp_(min=TINY)
    return torch.mul(x, 1 / scales).round_().to(torch.int8), scales


@dataclass(slots=True)
class Rows:
    """The rows that were rounded last: queries, keys and values read the same, and so on."""

    _last: Callable[[], Tensor | None] = field(default=lambda: None)
    _version: int = -1
    _found: list[Rounded] = field(default_factory=list)

    def rounded(self, x: Tensor) -> list[Rounded]:
        """Tiles of [T, in], rounded."""
        if self._last() is not x or self._version != x._version:
            self._found = [round_rows(tile) for tile in x.split(TILE_ROWS)]
            self._last, self._version = weakref.ref(x), x._version
        return self._found


class Int8Weight:
    """A frozen weight, [out, in], that multiplies in eight bits."""

    def __init__(self, exact: Callable[[], Tensor], dtype: torch.dtype, rows: Rows) -> None:
        """Rounds it.

        Args:
            exact: gives the weight itself.
            dtype: of the products' results.
            rows: shared by weights that may read the same rows.
        """
        self._exact, self.dtype, self.rows = exact, dtype, rows
        self.levels, scales = round_rows(exact().detach())
        self.scales = scales[:, 0]  # [out]

    def dense(self) -> Tensor:
        """The weight itself, not rounded."""
        return self._exact()

    def outputs(self, x: Tensor) -> Tensor:
        """``x W^T``, [T, out] in x's type."""
        found = torch.empty(len(x), len(self.levels), dtype=x.dtype)
        tiles = zip(found.split(TILE_ROWS), self.rows.rounded(x), strict=True)
        for out, (levels, scales) in tiles if len(x) else ():
            sums = torch.ops.aten._int_mm(levels, self.levels.t())
            torch.mul(torch.mul(sums, scales), self.scales, out=out)
        return found

    def input_gradient(self, grad: Tensor) -> Tensor:
        """``grad W``, [T, in] in grad's type, of grad [T, out]."""
        found = torch.empty(len(grad), self.levels.shape[1], dtype=grad.dtype)
        tiles = zip(found.split(TILE_ROWS), grad.split(TILE_ROWS), strict=True)
        for out, own in tiles if len(grad) else ():
            levels, scales = round_rows(own * self.scales)
            torch.mul(torch.ops.aten._int_mm(levels, self.levels), scales, out=out)
        return found
