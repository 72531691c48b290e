"""Below: states that frozen layers give, so that a batch begins above them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
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

    def to(self, device: torch.device) -> Below:
        """The same states on ``device``."""
        return replace(self, states=self.states.to(device, non_blocking=True))
