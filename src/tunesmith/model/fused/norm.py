"""Norm: root mean square normalisation (Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4)."""

from __future__ import annotations

import torch
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float) -> Tensor:
    """``weight * x / sqrt(mean(x^2) + eps)``, the mean in float32.

    Args:
        x: [T, D].
        weight: [D].
        eps: added to the mean.

    Returns:
        [T, D] in the wider of both types.
    """
    wide = x.float()
    normed = wide * torch.rsqrt(wide.pow(2).mean(-1, keepdim=True) + eps)
    return weight * normed.to(x.dtype)
