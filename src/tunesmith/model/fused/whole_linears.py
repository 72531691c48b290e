"""Whole linears: linear layers that share an input, over whole tensors, and their gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from tunesmith.model.fused.linear import Linear


def product_type(x: Tensor, layers: Sequence[Linear]) -> torch.dtype | None:
    """The type that all products are in; None: they are of several, as only the plain way has it.

    It is autocast's where that is on; else states, weights and updates must agree.
    """
    device = x.device.type
    if torch.is_autocast_enabled(device):
        return torch.get_autocast_dtype(device)
    held = [t for layer in layers for t in (layer.weight, layer.a) if isinstance(t, Tensor)]
    return x.dtype if all(t.dtype == x.dtype for t in held) else None


def tensors_of(layers: Sequence[Linear]) -> list[Tensor | None]:
    """What may train, four of each layer: what autograd is told of them."""
    return [
        tensor
        for layer in layers
        for tensor in (
            layer.weight if isinstance(layer.weight, Tensor) else None,
            layer.bias,
            layer.a,
            layer.b,
        )
    ]


@dataclass(frozen=True, slots=True)
class Kept:
    """What the backward pass needs beside inputs and weights.

    Attributes:
        low: [T, R] of all updates side by side: their inputs' products with A; None: no updates.
        masks: of each layer, [T, in] bool where its update's input stayed; None: all did.
    """

    low: Tensor | None
    masks: tuple[Tensor | None, ...]


def outputs(
    x: Tensor, layers: Sequence[Linear], training: bool, added: Tensor | None = None
) -> tuple[list[Tensor], Kept]:
    """Each layer's output of ``x``, plus ``added`` where there is one.

    Args:
        x: [T, in] in the type of the products.
        layers: that read it.
        training: whether dropout is on.
        added: [T, out], of one layer; its type may be wider.
    """
    masks = tuple(_mask(x, layer, training) for layer in layers)
    low = _low(x, layers, masks)
    found = []
    for layer, own in zip(layers, _shares(low, layers), strict=True):
        weight = dense(layer, x.dtype)
        bias = None if layer.bias is None else layer.bias.to(x.dtype)
        if added is None:
            out = functional.linear(x, weight, bias)
        elif added.dtype == x.dtype:
            out = torch.addmm(added, x, weight.t())
            out = out if bias is None else out.add_(bias)
        else:
            out = functional.linear(x, weight, bias)
        if own is not None and layer.b is not None:
            # Into the output itself: a tensor of its own would be written and read once more.
            out.addmm_(own, layer.b.to(x.dtype).t(), alpha=layer.scale)
        if layer.start_a is not None and layer.start_b is not None:
            first = x @ layer.start_a.to(x.dtype).t()
            out.addmm_(first, layer.start_b.to(x.dtype).t(), alpha=-layer.scale)
        if added is not None and added.dtype != x.dtype:
            out = added + out
        found.append(out)
    return found, Kept(low, masks)


def reads_input(layers: Sequence[Linear]) -> bool:
    """Whether gradients of weights or updates need the layers' input again."""
    return any(_trains(layer.weight) or _trains(layer.a) for layer in layers)


def low_gradient(grads: Sequence[Tensor], layers: Sequence[Linear], kept: Kept) -> Tensor | None:
    """The gradient of ``kept.low``, [T, R], from those of the outputs; None: no updates."""
    if kept.low is None:
        return None
    return torch.cat(
        [
            (grad @ layer.b.to(grad.dtype)).mul_(layer.scale)
            for layer, grad in zip(layers, grads, strict=True)
            if layer.b is not None
        ],
        dim=1,
    )


def input_gradient(
    grads: Sequence[Tensor], layers: Sequence[Linear], kept: Kept, grad_low: Tensor | None
) -> Tensor:
    """The gradient of what the layers read, [T, in].

    Args:
        grads: [T, out] of each layer's output, in the type of the products.
        layers: of :func:`outputs`.
        kept: what that gave.
        grad_low: what :func:`low_gradient` gives.
    """
    found: Tensor | None = None
    drops = any(mask is not None for mask in kept.masks)
    own = _shares(grad_low, layers)
    for layer, grad, grad_own, mask in zip(layers, grads, own, kept.masks, strict=True):
        weight = dense(layer, grad.dtype)
        found = grad @ weight if found is None else found.addmm_(grad, weight)
        del weight  # one that was written out is let go before the next one is
        if layer.start_a is not None and layer.start_b is not None:
            first = grad @ layer.start_b.to(grad.dtype)
            found.addmm_(first, layer.start_a.to(grad.dtype), alpha=-layer.scale)
        if drops and grad_own is not None and layer.a is not None:
            found += _dropped(grad_own @ layer.a.to(grad.dtype), mask, layer.dropout)
    assert found is not None
    if grad_low is not None and not drops:
        found.addmm_(grad_low, _stacked(layers, grad_low.dtype))
    return found


def weight_gradients(
    grads: Sequence[Tensor],
    x: Tensor | None,
    layers: Sequence[Linear],
    kept: Kept,
    grad_low: Tensor | None,
) -> list[Tensor | None]:
    """Gradients of :func:`tensors_of`; each None that does not train.

    Args:
        grads: as above.
        x: [T, in] that the layers read; None where :func:`reads_input` says that none is needed.
        layers: as above.
        kept: as above.
        grad_low: as above.
    """
    found: list[Tensor | None] = []
    lows, own = _shares(kept.low, layers), _shares(grad_low, layers)
    for layer, grad, low, grad_own, mask in zip(layers, grads, lows, own, kept.masks, strict=True):
        of_weight = of_bias = of_a = of_b = None
        if x is not None and isinstance(layer.weight, Tensor) and layer.weight.requires_grad:
            of_weight = (grad.t() @ x).to(layer.weight.dtype)
        if layer.bias is not None and layer.bias.requires_grad:
            of_bias = grad.sum(0, dtype=torch.float32).to(layer.bias.dtype)
        if x is not None and grad_own is not None and _trains(layer.a):
            of_a = (grad_own.t() @ _dropped(x, mask, layer.dropout)).float()
        if low is not None and _trains(layer.b):
            of_b = (grad.t() @ low).float().mul_(layer.scale)
        found += [of_weight, of_bias, of_a, of_b]
    return found


def dense(layer: Linear, dtype: torch.dtype) -> Tensor:
    """The weight in a type; written out anew where it is held in few bits."""
    weight = layer.weight
    return (weight if isinstance(weight, Tensor) else weight.dense()).to(dtype)


def _mask(x: Tensor, layer: Linear, training: bool) -> Tensor | None:
    if layer.a is None or not layer.dropout or not training:
        return None
    if layer.masks is not None:
        return layer.masks.of(x, layer.dropout)[0]
    return torch.empty(x.shape, dtype=torch.bool, device=x.device).bernoulli_(1 - layer.dropout)


def _stacked(layers: Sequence[Linear], dtype: torch.dtype) -> Tensor:
    """A of all layers that have one, [R, in]: the input is read once for all of them."""
    return torch.cat([layer.a for layer in layers if layer.a is not None]).to(dtype)


def _low(x: Tensor, layers: Sequence[Linear], masks: Sequence[Tensor | None]) -> Tensor | None:
    if all(layer.a is None for layer in layers):
        return None
    if all(mask is None for mask in masks):
        return x @ _stacked(layers, x.dtype).t()
    return torch.cat(
        [
            _dropped(x, mask, layer.dropout) @ layer.a.to(x.dtype).t()
            for layer, mask in zip(layers, masks, strict=True)
            if layer.a is not None
        ],
        dim=1,
    )


def _dropped(x: Tensor, mask: Tensor | None, probability: float) -> Tensor:
    return x if mask is None else (x * mask).mul_(1 / (1 - probability))


def _shares(low: Tensor | None, layers: Sequence[Linear]) -> list[Tensor | None]:
    """Each layer's columns of what is side by side."""
    found: list[Tensor | None] = []
    start = 0
    for layer in layers:
        if low is None or layer.a is None:
            found.append(None)
            continue
        found.append(low[:, start : start + len(layer.a)])
        start += len(layer.a)
    return found


def _trains(tensor: object) -> bool:
    return isinstance(tensor, Tensor) and tensor.requires_grad
