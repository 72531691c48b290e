"""The fused functions against the same written plainly for autograd."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from torch.nn import functional  # noqa: E402

from tunesmith.model import fused  # noqa: E402
from tunesmith.model.fused import Linear  # noqa: E402
from tunesmith.model.fused.dropout import drop_mask  # noqa: E402

EPS = 1e-6


def random(*shape, grad=True, dtype=torch.float64) -> Any:
    return (torch.randn(*shape, dtype=dtype) * 0.5).requires_grad_(grad)


def layer(
    n_in, n_out, *, trained=False, bias=False, rank=2, start=False, dtype=torch.float64
) -> Any:
    """A layer with an update, or one whose weight is trained."""
    return Linear(
        random(n_out, n_in, grad=trained, dtype=dtype),
        random(n_out, grad=trained, dtype=dtype) if bias else None,
        random(rank, n_in, dtype=dtype) if rank else None,
        random(n_out, rank, dtype=dtype) if rank else None,
        1.5,
        0.0,
        random(rank, n_in, grad=False, dtype=dtype) if start else None,
        random(n_out, rank, grad=False, dtype=dtype) if start else None,
    )


KINDS: dict[str, Any] = {
    "update": {},
    "update and bias": {"bias": True},
    "update that takes its start off": {"start": True},
    "trained": {"trained": True, "bias": True, "rank": 0},
    "trained beside an update": {"trained": True},
}


def plain(x, own):
    found = functional.linear(x, own.weight, own.bias)
    if own.a is not None:
        found = found + own.scale * (x @ own.a.t()) @ own.b.t()
    if own.start_a is not None:
        found = found - own.scale * (x @ own.start_a.t()) @ own.start_b.t()
    return found


def plain_norm(x, weight):
    return weight * x / (x.pow(2).mean(1, keepdim=True) + EPS).sqrt()


def trained(*layers):
    tensors = [t for own in layers for t in own.trainable]
    return [t for t in tensors if t is not None and t.requires_grad]


def same_gradients(found, expected, inputs, **near):
    """Both have the same values and, under the same outer gradient, the same gradients."""
    found, expected = ((t,) if torch.is_tensor(t) else t for t in (found, expected))
    torch.testing.assert_close(found, expected, **near)
    outer = [torch.randn_like(t) for t in expected]
    torch.testing.assert_close(
        torch.autograd.grad(found, inputs, outer),
        torch.autograd.grad(expected, inputs, outer),
        **near,
    )


@pytest.mark.parametrize("kind", KINDS)
def test_layers_under_one_norm(kind):
    torch.manual_seed(0)
    x, weight = random(7, 6), random(6)
    layers = [layer(6, width, **KINDS[kind]) for width in (6, 4, 3)]
    same_gradients(
        fused.normed_linears(x, weight, EPS, layers, True),
        tuple(plain(plain_norm(x, weight), own) for own in layers),
        [x, weight, *trained(*layers)],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_added_to_the_residual(kind):
    torch.manual_seed(0)
    residual, x, own = random(7, 4), random(7, 6), layer(6, 4, **KINDS[kind])
    same_gradients(
        fused.add_linear(residual, x, own, True),
        residual + plain(x, own),
        [residual, x, *trained(own)],
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_gated_mlp(kind):
    torch.manual_seed(0)
    x, weight = random(7, 4), random(4)
    gate, up, down = (layer(*size, **KINDS[kind]) for size in ((4, 9), (4, 9), (9, 4)))
    normed = plain_norm(x, weight)
    same_gradients(
        fused.gated_mlp(x, weight, EPS, gate, up, down, True),
        x + plain(functional.silu(plain(normed, gate)) * plain(normed, up), down),
        [x, weight, *trained(gate, up, down)],
    )


def test_derivatives_are_those_of_the_functions_themselves():
    torch.manual_seed(0)
    x, weight, own = random(3, 4), random(4), layer(4, 4)
    down = layer(4, 4)
    cos, sin = random(3, 4, grad=False), random(3, 4, grad=False)
    cos[:, 2:], sin[:, 2:] = cos[:, :2], sin[:, :2]

    def block(x, *_):
        [q] = fused.normed_linears(x, weight, EPS, [own], True)
        turned = fused.rotate_one(q[:, None], cos, sin)
        x = fused.add_linear(x, turned[:, 0], own, True)
        return fused.gated_mlp(x, weight, EPS, own, own, down, True)

    assert torch.autograd.gradcheck(block, (x, weight, *trained(own, down)))


def test_many_rows_are_worked_in_tiles(monkeypatch):
    torch.manual_seed(0)
    monkeypatch.setattr("tunesmith.model.fused.norm.TILE_BYTES", 1)  # 16 rows
    x, weight = random(50, 4), random(4)
    gate, up, down = layer(4, 9), layer(4, 9), layer(9, 4)
    normed = plain_norm(x, weight)
    same_gradients(
        fused.gated_mlp(x, weight, EPS, gate, up, down, True),
        x + plain(functional.silu(plain(normed, gate)) * plain(normed, up), down),
        [x, weight, *trained(gate, up, down)],
    )


def test_gradients_that_nobody_needs_are_not_made():
    own, x = layer(4, 4), random(3, 4, grad=False)
    [found] = fused.normed_linears(x, random(4, grad=False), EPS, [own], True)
    found.sum().backward()
    assert x.grad is None
    assert own.weight.grad is None
    assert own.a.grad is not None


def test_in_bfloat16_gradients_are_as_near_as_those_of_autocast():
    torch.manual_seed(0)
    x, weight = random(40, 32, dtype=torch.float32), random(32, dtype=torch.float32)
    sizes = ((32, 64), (32, 64), (64, 32))
    layers: Any = [layer(*size, rank=4, dtype=torch.float32) for size in sizes]
    inputs = [x, *trained(*layers)]

    def written(gate, up, down):
        normed = plain_norm(x, weight)
        return x + plain(functional.silu(plain(normed, gate)) * plain(normed, up), down)

    outer = torch.randn(40, 32)
    exact = torch.autograd.grad(written(*layers), inputs, outer)
    with torch.autocast("cpu", torch.bfloat16):
        found, theirs = fused.gated_mlp(x, weight, EPS, *layers, True), written(*layers)
    assert found.dtype == torch.float32  # the residual keeps its type
    ours = torch.autograd.grad(found, inputs, outer)
    theirs = torch.autograd.grad(theirs, inputs, outer)
    assert all(mine.dtype == torch.float32 for mine in ours)

    def error(gradients):
        return max(
            ((g - e).norm() / e.norm()).item() for g, e in zip(gradients, exact, strict=True)
        )

    assert error(ours) < 1.3 * error(theirs)


def test_dropout_leaves_its_share_and_divides_by_it():
    torch.manual_seed(0)
    mask, left = drop_mask(torch.empty(1000, 301), 0.1)
    assert left == pytest.approx(0.9, abs=1e-5)
    assert mask.double().mean().item() == pytest.approx(0.9, abs=0.003)
    assert mask.double().mean(0).std().item() == pytest.approx((0.09 / 1000) ** 0.5, rel=0.2)


def test_dropout_hides_the_same_inputs_forward_and_backward():
    torch.manual_seed(0)
    own: Any = Linear(
        torch.zeros(3, 4, dtype=torch.float64), None, random(2, 4), random(3, 2), 2.0, 0.5
    )
    x, residual = random(6, 4), torch.zeros(6, 3, dtype=torch.float64)

    def run(x, *_) -> Any:
        torch.manual_seed(7)
        return fused.add_linear(residual, x, own, True)

    assert torch.autograd.gradcheck(run, (x, own.a, own.b))
    kept = fused.add_linear(residual, x, own, False)
    torch.testing.assert_close(kept, own.scale * (x @ own.a.t()) @ own.b.t())
    assert not torch.equal(run(x), kept)


def test_layers_that_read_the_same_states_drop_inputs_apart():
    torch.manual_seed(0)
    own: Any = Linear(
        torch.zeros(3, 64, dtype=torch.float64), None, random(2, 64), random(3, 2), 1, 0.5
    )
    first, second = fused.normed_linears(
        random(6, 64), torch.ones(64, dtype=torch.float64), EPS, [own, own], True
    )
    assert not torch.equal(first, second)


def test_recomputed_passes_have_the_same_gradients():
    torch.manual_seed(0)
    own: Any = Linear(random(4, 4, grad=False), None, random(2, 4), random(4, 2), 1.5, 0.3)
    x, weight = random(6, 4), torch.ones(4, dtype=torch.float64)
    work = lambda x: fused.gated_mlp(x, weight, EPS, own, own, own, True)  # noqa: E731
    found = []
    for run in (work, lambda x: torch.utils.checkpoint.checkpoint(work, x, use_reentrant=False)):
        torch.manual_seed(3)
        found.append(torch.autograd.grad(run(x).sum(), [x, own.a, own.b]))
    torch.testing.assert_close(found[0], found[1])
