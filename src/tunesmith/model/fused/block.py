"""Block: a norm with the layers that read it, a layer added to the residual, the gated MLP."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional

from tunesmith.model.fused.linear import Linear, apply_linear
from tunesmith.model.fused.norm import rms_norm


def normed_linears(
    x: Tensor, norm_weight: Tensor, eps: float, layers: Sequence[Linear], training: bool
) -> tuple[Tensor, ...]:
    """Layers that read the same normalised states: queries, keys, values.

    Args:
        x: [T, D], the residual.
        norm_weight: [D].
        eps: of the norm.
        layers: each from D to its own width.
        training: whether dropout is on.

    Returns:
        [T, out] of each layer.
    """
    normed = rms_norm(x, norm_weight, eps)
    return tuple(apply_linear(normed, layer, training) for layer in layers)


def add_linear(residual: Tensor, x: Tensor, layer: Linear, training: bool) -> Tensor:
    """``residual + layer(x)``.

    Args:
        residual: [T, D].
        x: [T, in].
        layer: from in to D.
        training: whether dropout is on.

    Returns:
        [T, D].
    """
    return residual + apply_linear(x, layer, training)


def gated_mlp(
    x: Tensor,
    norm_weight: Tensor,
    eps: float,
    gate: Linear,
    up: Linear,
    down: Linear,
    training: bool,
) -> Tensor:
    """``x + down(silu(gate(n)) * up(n))``, n being the normalised x.

    Args:
        x: [T, D], the residual.
        norm_weight: [D].
        eps: of the norm.
        gate: from D to the width of the MLP, F.
        up: from D to F.
        down: from F to D.
        training: whether dropout is on.

    Returns:
        [T, D].

    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """
    gates, ups = normed_linears(x, norm_weight, eps, (gate, up), training)
    return add_linear(x, functional.silu(gates) * ups, down, training)
