"""PiSSA: an update that starts with the principal part of the weight it stands beside."""

from __future__ import annotations

import torch

from tunesmith.core.errors import RecipeError
from tunesmith.model.lora_linear import LoRALinear
from tunesmith.model.quantised import dense_weight


@torch.no_grad()
def start_principal(layer: LoRALinear, n_iterations: int, name: str) -> None:
    """Starts A and B with the r largest singular values and their vectors.

    The base's weight stays whole; the layer takes off what it started with. Training is that of a
    residual base, and what is learnt can still be written as an update of the base.

    Args:
        layer: a new layer; changed.
        n_iterations: of the fast, randomised decomposition, seeded by torch's generator; -1: exact.
        name: of the layer, for the error.

    Raises:
        RecipeError: the layer has fewer singular values than the rank.

    Source: Meng et al. 2024, arXiv:2404.02948, eq. 2 to 4.
    """
    weight = dense_weight(layer.base)  # [out, in]
    if layer.rank > min(weight.shape):
        raise RecipeError(
            f"method.rank: {name} has {min(weight.shape)} singular values, fewer than "
            f"{layer.rank}. Lower the rank, or set method.init=zero."
        )
    if n_iterations < 0:
        left, values, right = torch.linalg.svd(weight, full_matrices=False)
    else:
        left, values, columns = torch.svd_lowrank(weight, q=layer.rank, niter=n_iterations)
        right = columns.T
    roots = (values[: layer.rank] / layer.scale).sqrt()  # [r]
    layer.start_from(roots[:, None] * right[: layer.rank], left[:, : layer.rank] * roots)
