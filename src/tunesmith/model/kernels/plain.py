"""Plain: what each kernel computes, in torch alone; in float32 inside, rounded once at the end."""

from __future__ import annotations

import torch
from torch import Tensor


def rms_norm(x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """See :func:`tunesmith.model.kernels.rms_norm`."""
    wide = x.float()
    scale = wide.square().mean(1).add_(eps).rsqrt_()  # [T]
    return (wide * scale[:, None] * weight.float()).to(dtype), scale


def rms_norm_backward(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    scale: Tensor,
    added: Tensor | None,
    wants_weight: bool,
) -> tuple[Tensor, Tensor | None]:
    """See :func:`tunesmith.model.kernels.rms_norm_backward`."""
    normed = x.float() * scale[:, None]
    wide = grad.float()
    grad_weight = (wide * normed).sum(0) if wants_weight else None
    inner = wide * weight.float()
    share = (inner * normed).mean(1, keepdim=True)
    grad_x = (inner - normed * share).mul_(scale[:, None])
    if added is not None:
        grad_x += added
    return grad_x.to(x.dtype), grad_weight


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """See :func:`tunesmith.model.kernels.swiglu`."""
    wide = gate.float()
    return (wide * wide.sigmoid() * up.float()).to(gate.dtype)


def swiglu_backward_(grad: Tensor, gate: Tensor, up: Tensor, wants_product: bool) -> None:
    """See :func:`tunesmith.model.kernels.swiglu_backward_`."""
    wide, other, given = gate.float(), up.float(), grad.float()
    share = wide.sigmoid()
    active = wide * share
    # All of it before anything is written: in float32 these are the tensors themselves.
    grad_up, product = given * active, active * other if wants_product else None
    grad_gate = given * other * share * (1 + wide * (1 - share))
    gate.copy_(grad_gate)
    up.copy_(grad_up)
    if product is not None:
        grad.copy_(product)


def rotate(x: Tensor, cos: Tensor, sin: Tensor, out: Tensor) -> None:
    """One of the two of :func:`tunesmith.model.kernels.rotate`, ``sin`` with its sign."""
    half = x.shape[-1] // 2
    first, second = x[..., :half].float(), x[..., half:].float()
    c, s = cos[:, None, :half].float(), sin[:, None, :half].float()
    turned = first * c - second * s
    out[..., half:] = second * c + first * s
    out[..., :half] = turned


def label_sums(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """See :func:`tunesmith.model.kernels.label_sums`."""
    wide = logits.float()
    picked = wide.gather(1, labels[:, None])[:, 0]
    return wide.logsumexp(1), picked, wide.argmax(1) == labels


def softmax_gradient_(
    logits: Tensor, labels: Tensor, normalisers: Tensor, row_weights: Tensor | None
) -> None:
    """See :func:`tunesmith.model.kernels.softmax_gradient_`."""
    wide = logits.float()
    wide.sub_(normalisers[:, None]).exp_()
    wide.scatter_add_(1, labels[:, None], wide.new_full((1, 1), -1.0).expand(len(labels), 1))
    if row_weights is not None:
        wide *= row_weights[:, None]
    if wide is not logits:
        logits.copy_(wide)
