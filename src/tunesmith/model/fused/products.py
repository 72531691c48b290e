"""Products: what a linear layer multiplies, forward and backward, without autograd's help.

A frozen weight gets no gradient, and nothing is kept for it; an update keeps its r columns.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from tunesmith.model.fused.int8 import Int8Weight
from tunesmith.model.fused.linear import Linear

Grads = tuple[Tensor | None, Tensor | None, Tensor | None, Tensor | None]
"""Of weight, bias, A and B."""


@dataclass(slots=True)
class Update:
    """A low-rank update in the type of its products, and what its backward pass needs.

    Attributes:
        a: [r, in].
        b: [out, r], times ``scale``.
        scale: of the update; what dropout divides by is in it.
        reduced: [T, r], the input through A.
        mask: [T, in] bool, of the inputs that were left; None: all.
        n_trained: how many of the r are trained; the others take a start off again.
    """

    a: Tensor
    b: Tensor
    scale: float
    reduced: Tensor | None
    mask: Tensor | None
    n_trained: int


@dataclass(slots=True)
class Product:
    """A layer that was multiplied by, ready for its backward pass.

    Attributes:
        layer: the layer.
        dtype: of the product with the weight.
        updates: none, or one; two where a start that sees no dropout is taken off.
    """

    layer: Linear
    dtype: torch.dtype
    updates: list[Update]

    def back(self, grad: Tensor, needs: tuple[bool, ...], inputs: Callable[[], Tensor]) -> Grads:
        """Gradients of weight, bias, A and B, where they are needed.

        Args:
            grad: [T, out], of the output.
            needs: whether weight, bias, A and B need theirs.
            inputs: makes the layer's input again, [T, in].
        """
        weight = bias = a = b = None
        if needs[0]:
            trained = self.layer.trainable[0]
            assert trained is not None
            weight = (grad.t() @ inputs().to(grad.dtype)).to(trained.dtype)
        if needs[1] and self.layer.bias is not None:
            bias = grad.sum(0, dtype=self.layer.bias.dtype)
        if self.updates and (needs[2] or needs[3]):
            a, b = self._back_of_update(grad, inputs)
        return weight, bias, a, b

    def _back_of_update(self, grad: Tensor, inputs: Callable[[], Tensor]) -> tuple[Tensor, Tensor]:
        update, (_, _, a, b) = self.updates[0], self.layer.trainable
        assert a is not None and b is not None and update.reduced is not None
        n, low = update.n_trained, update.a.dtype
        grad = grad.to(low)
        x = inputs().to(low)
        if update.mask is not None:
            x = x * update.mask
        grad_b = torch.mm(update.reduced[:, :n].t(), grad)  # [r, out]: twice as fast as [out, r]
        grad_a = torch.mm(torch.mm(grad, update.b[:, :n]).t(), x)
        return grad_a.to(a.dtype), (grad_b * update.scale).t().to(b.dtype).contiguous()

    def add_input_grad(self, grad: Tensor, total: Tensor | None) -> Tensor:
        """Adds the gradient of the input to that of other readers, [T, in].

        Args:
            grad: [T, out], of the output.
            total: [T, in], changed; None: there is no other reader yet.
        """
        held = self.layer.weight
        if isinstance(held, Int8Weight):
            found = held.input_gradient(grad)
            total = found if total is None else total.add_(found)
            return self._add_updates(grad, total)
        weight = self.layer.dense(self.dtype)
        if total is None:
            total = torch.mm(grad, weight)
        elif total.dtype == self.dtype:
            total.addmm_(grad, weight)
        else:
            total += torch.mm(grad, weight)
        return self._add_updates(grad, total)

    def _add_updates(self, grad: Tensor, total: Tensor) -> Tensor:
        for update in self.updates:
            reduced = torch.mm(grad.to(update.a.dtype), update.b)  # [T, r]
            if update.mask is None and update.a.dtype == total.dtype:
                total.addmm_(reduced, update.a)
                continue
            found = torch.mm(reduced, update.a)
            total += found if update.mask is None else found.mul_(update.mask)
        return total


def taken_out(products: Iterable[Product]) -> list[Tensor | None]:
    """The activations that products hold, taken out of them.

    So autograd keeps them, and recomputation (gradient checkpointing) frees them.
    """
    held: list[Tensor | None] = []
    for product in products:
        for update in product.updates:
            held += [update.reduced, update.mask]
            update.reduced = update.mask = None
    return held


def put_back(products: Iterable[Product], held: Sequence[Tensor | None]) -> None:
    """Gives products the activations again that :func:`taken_out` took."""
    tensors = iter(held)
    for product in products:
        for update in product.updates:
            update.reduced, update.mask = next(tensors), next(tensors)


def multiply(x: Tensor, layer: Linear, training: bool) -> tuple[Tensor, Product]:
    """The layer's output [T, out] of x [T, in], and what its backward pass needs.

    Args:
        x: [T, in].
        layer: the layer.
        training: whether dropout is on.
    """
    dtype, low = layer.dtypes(x.device.type)
    held, read = layer.weight, x
    with torch.autocast(x.device.type, enabled=False):
        x = x.to(dtype)
        if isinstance(held, Int8Weight):
            found = held.outputs(x)
            found = found if layer.bias is None else found.add_(layer.bias)
        elif layer.bias is None:
            found = torch.mm(x, layer.dense(dtype).t())
        else:
            found = torch.addmm(layer.bias.to(dtype), x, layer.dense(dtype).t())
        updates = _updates(x.to(low), read, layer, training)
        for update in updates:
            assert update.reduced is not None
            if low == dtype:
                found.addmm_(update.reduced, update.b.t())
            else:
                found += torch.mm(update.reduced, update.b.t())
    return found, Product(layer, dtype, updates)


def _updates(x: Tensor, read: Tensor, layer: Linear, training: bool) -> list[Update]:
    a, b, start_a, start_b = layer.a, layer.b, layer.start_a, layer.start_b
    if a is None or b is None:
        return []
    rank, drops = len(a), training and layer.dropout > 0
    dropped = layer.drop_mask(read) if drops else None
    if start_a is None or start_b is None:
        return [_update(x, a, b, layer.scale, dropped, rank)]
    if not drops:  # both as one of twice the rank
        a, b = torch.cat([a, start_a]), torch.cat([b, -start_b], 1)
        return [_update(x, a, b, layer.scale, None, rank)]
    return [
        _update(x, a, b, layer.scale, dropped, rank),
        _update(x, start_a, -start_b, layer.scale, None, 0),
    ]


def _update(
    x: Tensor,
    a: Tensor,
    b: Tensor,
    scale: float,
    dropped: tuple[Tensor, float] | None,
    n_trained: int,
) -> Update:
    mask = None
    if dropped is not None:
        mask, left = dropped
        x, scale = x * mask, scale / left
    a = a.to(x.dtype)
    return Update(a, (b * scale).to(x.dtype), scale, torch.mm(x, a.t()), mask, n_trained)
