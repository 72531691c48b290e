"""Rotary: positions turned into angles of queries and keys (Su et al. 2021, arXiv:2104.09864)."""

from __future__ import annotations

import torch
from torch import Tensor


def rotate(q: Tensor, k: Tensor, cos: Tensor, sin: Tensor) -> tuple[Tensor, Tensor]:
    """Queries [T, H, D] and keys [T, Hkv, D] turned by the angles of their positions.

    Args:
        q: [T, H, D].
        k: [T, Hkv, D].
        cos: [T, D] of every place; the second half of D is the first again.
        sin: [T, D].
    """
    return rotate_one(q, cos, sin), rotate_one(k, cos, sin)


def rotate_one(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """One of them alone, [T, H, D]: the last layer's queries are fewer than its keys."""
    half = x.shape[-1] // 2
    turned = torch.cat([-x[..., half:], x[..., :half]], -1)
    return x * cos[:, None] + turned * sin[:, None]
