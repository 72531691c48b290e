"""Kernels: the element-wise parts of a block and of the loss, each in one pass over memory.

On a GPU they are Triton programs, elsewhere and without Triton plain torch with the same results.
None takes part in autograd: the functions that do call them, forward and backward.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tunesmith.model.kernels import plain
from tunesmith.model.kernels.choice import WIDEST, uses_kernel


def rms_norm(
    x: Tensor, weight: Tensor, eps: float, dtype: torch.dtype | None = None
) -> tuple[Tensor, Tensor]:
    """``x / sqrt(mean(x ** 2) + eps) * weight`` of each row, in float32 inside.

    Args:
        x: [T, D]; rows may lie apart.
        weight: [D].
        eps: added to the mean of the squares.
        dtype: of the result; None: that of ``x``.

    Returns:
        [T, D], and what each row was multiplied by, [T] float32, for the backward pass.

    Source: Zhang and Sennrich 2019, arXiv:1910.07467, eq. 4.
    """
    dtype = x.dtype if dtype is None else dtype
    if not uses_kernel("norm", x) or x.shape[1] > WIDEST:
        return plain.rms_norm(x, weight, eps, dtype)
    from tunesmith.model.kernels import triton_norm

    return triton_norm.rms_norm(_dense_rows(x), weight.contiguous(), eps, dtype)


def rms_norm_backward(
    grad: Tensor,
    x: Tensor,
    weight: Tensor,
    scale: Tensor,
    *,
    added: Tensor | None = None,
    wants_weight: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Gradients of :func:`rms_norm`.

    Args:
        grad: [T, D] of its result.
        x: [T, D] that it was given.
        weight: [D] that it was given.
        scale: [T] float32 that it gave.
        added: [T, D], added to the gradient of ``x``: what comes past the norm; None: nothing.
        wants_weight: whether the weight trains.

    Returns:
        The gradient of ``x`` in its type, and that of the weight, [D] float32, or None.
    """
    if not uses_kernel("norm", x) or x.shape[1] > WIDEST:
        return plain.rms_norm_backward(grad, x, weight, scale, added, wants_weight)
    from tunesmith.model.kernels import triton_norm

    added = None if added is None else _dense_rows(added)
    grad, x = _dense_rows(grad), _dense_rows(x)
    return triton_norm.rms_norm_backward(grad, x, weight.contiguous(), scale, added, wants_weight)


def swiglu(gate: Tensor, up: Tensor) -> Tensor:
    """``silu(gate) * up``, in float32 inside.

    Args:
        gate: [T, F]; rows may lie apart, as halves of one product do.
        up: [T, F].

    Returns:
        [T, F] in the type of ``gate``.

    Source: Shazeer 2020, arXiv:2002.05202, eq. 6.
    """
    if not uses_kernel("swiglu", gate):
        return plain.swiglu(gate, up)
    from tunesmith.model.kernels import triton_swiglu

    return triton_swiglu.swiglu(_dense_rows(gate), _dense_rows(up))


def swiglu_backward_(
    grad: Tensor, gate: Tensor, up: Tensor, *, wants_product: bool = False
) -> None:
    """Gradients of :func:`swiglu`, written over what it was given.

    Args:
        grad: [T, F] of its result; becomes ``silu(gate) * up`` again where that is wanted.
        gate: [T, F]; becomes its own gradient.
        up: [T, F]; becomes its own gradient.
        wants_product: whether ``grad`` is to become the product, as an adapter or a trained weight
            behind it needs.
    """
    assert all(t.stride(-1) == 1 for t in (grad, gate, up)), "rows in one piece"
    if uses_kernel("swiglu", gate):
        from tunesmith.model.kernels import triton_swiglu

        triton_swiglu.swiglu_backward_(grad, gate, up, wants_product)
        _have_changed(gate, up, *((grad,) if wants_product else ()))
    else:
        plain.swiglu_backward_(grad, gate, up, wants_product)


def rotate(
    x: Tensor, cos: Tensor, sin: Tensor, *, inverse: bool = False, in_place: bool = False
) -> Tensor:
    """Turns queries or keys by their positions' angles; the halves of a head are its pairs.

    Args:
        x: [T, H, D]; tokens and heads may lie apart.
        cos: [T, D] or [T, D / 2]; only the first half is read, the second repeats it.
        sin: as ``cos``.
        inverse: turns back: the backward pass.
        in_place: writes over ``x``.

    Returns:
        [T, H, D] in the type of ``x``; ``x`` itself where it was written over.

    Source: Su et al. 2021, arXiv:2104.09864, eq. 34.
    """
    assert not in_place or x.stride(-1) == 1, "heads in one piece"
    x = _dense_rows(x)
    out = x if in_place else torch.empty(x.shape, dtype=x.dtype, device=x.device)
    if uses_kernel("rotary", x):
        from tunesmith.model.kernels import triton_rotary

        triton_rotary.rotate(x, _dense_rows(cos), _dense_rows(sin), out, inverse)
        if in_place:
            _have_changed(x)
    else:
        plain.rotate(x, cos, -sin if inverse else sin, out)
    return out


def label_sums(logits: Tensor, labels: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What a loss needs of a chunk of logits.

    Args:
        logits: [N, V].
        labels: [N] int64, each in [0, V).

    Returns:
        Logarithms of the sums of exponentials, [N] float32; the logits of the labels, [N] float32;
        whether each label's is the first of the largest, [N] bool.
    """
    if not uses_kernel("loss", logits):
        return plain.label_sums(logits, labels)
    from tunesmith.model.kernels import triton_loss

    return triton_loss.label_sums(_dense_rows(logits), labels.contiguous())


def softmax_gradient_(
    logits: Tensor, labels: Tensor, normalisers: Tensor, row_weights: Tensor | None = None
) -> None:
    """Overwrites logits with the gradient of the weighted cross-entropy.

    It is ``row_weights * (softmax(logits) - one_hot(labels))``; with weights that are the negated
    gradient of log-probabilities it is the gradient of those.

    Args:
        logits: [N, V]; changed.
        labels: [N] int64.
        normalisers: [N] float32 of :func:`label_sums`.
        row_weights: [N] float32; None: all weigh 1.
    """
    assert logits.stride(-1) == 1, "rows in one piece"
    if uses_kernel("loss", logits):
        from tunesmith.model.kernels import triton_loss

        weights = None if row_weights is None else row_weights.contiguous()
        triton_loss.softmax_gradient_(logits, labels.contiguous(), normalisers, weights)
        _have_changed(logits)
    else:
        plain.softmax_gradient_(logits, labels, normalisers, row_weights)


def _dense_rows(x: Tensor) -> Tensor:
    """The same, each row in one piece of memory."""
    return x if x.stride(-1) == 1 else x.contiguous()


def _have_changed(*tensors: Tensor) -> None:
    """Tells autograd, so that a pass that still needs the old values fails instead of being wrong.

    What is written through a pointer is not seen by it.
    """
    torch.autograd.graph.increment_version(tensors)
