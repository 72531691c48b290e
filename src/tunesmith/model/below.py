"""Below: states that frozen layers give, so that a batch begins above them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor


@dataclass(frozen=True, slots=True)
class Below:
    """States of a batch that were computed before.

    Attributes:
        states: [T, D] below ``layer``, of the batch's tokens without padding, row after row; or,
            where ``layer`` is None, [N, D] under the head, at the batch's target rows.
        layer: the first one that is still to be computed; ``n_layers``: only the norm is; None:
            nothing but the head.
    """

    states: Tensor
    layer: int | None

    def mapped(self, change: Callable[[Tensor], Tensor]) -> Below:
        """The same with its states changed, as they are where they go to another device."""
        return replace(self, states=change(self.states))
