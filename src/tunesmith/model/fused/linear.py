"""Linear: what a linear layer multiplies by, told in tensors: weight, bias, low-rank update."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from tunesmith.model.fused.dropout import Masks, drop_mask


class DenseWeight(Protocol):
    """A frozen weight that is held in few bits, and written out where it is used."""

    @property
    def dtype(self) -> torch.dtype:
        """The type it is written out in."""
        ...

    def dense(self) -> Tensor:
        """The weight, [out, in], in the type of the products; made anew at every call."""
        ...


@dataclass(frozen=True, slots=True)
class Linear:
    """``y = W x + bias + scale * B(A(dropout(x)))``, less what an update started with.

    Attributes:
        weight: [out, in]; a frozen one in the type of the products, a trained one in its own, or
            one that is written out at its use.
        bias: [out]; None: none.
        a: [r, in] float32; None: there is no update.
        b: [out, r] float32.
        scale: of the update.
        dropout: probability of zeroing an input of the update, in training.
        start_a: [r, in] of the update that is taken off again (PiSSA); None: none.
        start_b: [out, r].
        masks: shared by layers that drop the same of what they read; None: each has its own.
    """

    weight: Tensor | DenseWeight
    bias: Tensor | None = None
    a: Tensor | None = None
    b: Tensor | None = None
    scale: float = 1.0
    dropout: float = 0.0
    start_a: Tensor | None = None
    start_b: Tensor | None = None
    masks: Masks | None = None

    def drop_mask(self, read: Tensor) -> tuple[Tensor, float]:
        """Which inputs of the update are left, [T, in] bool, and the probability of that.

        Args:
            read: [T, in], the very tensor that all readers are given.
        """
        if self.masks is not None:
            return self.masks.of(read, self.dropout)
        return drop_mask(read, self.dropout)

    @property
    def trainable(self) -> tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]:
        """What may have gradients: weight, bias, A and B."""
        weight = self.weight if isinstance(self.weight, Tensor) else None
        return weight, self.bias, self.a, self.b

    def dense(self, dtype: torch.dtype) -> Tensor:
        """The weight, [out, in] in ``dtype``."""
        weight = self.weight if isinstance(self.weight, Tensor) else self.weight.dense()
        return weight.to(dtype)

    def dtypes(self, device: str) -> tuple[torch.dtype, torch.dtype]:
        """Types of the product and of the update's: autocast's where it is on, or their own."""
        if torch.is_autocast_enabled(device):
            lowered = torch.get_autocast_dtype(device)
            return lowered, lowered
        return self.weight.dtype, self.weight.dtype if self.a is None else self.a.dtype
