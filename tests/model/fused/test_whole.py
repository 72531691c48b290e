"""Pieces of a block over whole tensors, against autograd in float64."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass, replace
from importlib.util import find_spec
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
from torch.nn import functional  # noqa: E402

from tunesmith.model.fused import Linear, whole  # noqa: E402

EPS, WIDTH, INNER, N = 1e-5, 12, 20, 9


@dataclass
class Held:
    """A weight that is written out at its use."""

    weight: torch.Tensor
    n_uses: int = 0

    def dense(self):
        self.n_uses += 1
        return self.weight


def draw(*shape, trains=False, dtype=torch.float32):
    return (torch.randn(*shape) / shape[-1] ** 0.5).to(dtype).requires_grad_(trains)


def lora(n_in, n_out, rank=3, **fields):
    return Linear(
        draw(n_out, n_in), a=draw(rank, n_in, trains=True), b=draw(n_out, rank, trains=True),
        scale=1.5, **fields,
    )  # fmt: skip


def full(n_in, n_out):
    return Linear(draw(n_out, n_in, trains=True), bias=draw(n_out, trains=True))


def pissa(n_in, n_out):
    return lora(n_in, n_out, start_a=draw(3, n_in), start_b=draw(n_out, 3), bias=draw(n_out))


def in_few_bits(n_in, n_out):
    layer = lora(n_in, n_out)
    return replace(layer, weight=Held(layer.weight))


def frozen(n_in, n_out):
    return Linear(draw(n_out, n_in))


def dropping(n_in, n_out):
    return lora(n_in, n_out, dropout=0.4)


KINDS = [lora, full, pissa, in_few_bits, frozen, dropping]


def masks_for(layers, widths):
    """The masks that the functions draw from the same seed, one for each layer that drops."""
    torch.manual_seed(1)
    return [
        torch.empty(N, width, dtype=torch.bool).bernoulli_(1 - layer.dropout)
        if layer.dropout
        else torch.ones(N, width, dtype=torch.bool)
        for layer, width in zip(layers, widths, strict=True)
    ]


def tensors(layer):
    weight = layer.weight.weight if isinstance(layer.weight, Held) else layer.weight
    return [weight, layer.bias, layer.a, layer.b]


def copied(layer):
    """The same in float64, with gradients of its own."""
    own = [
        None if t is None else t.detach().double().requires_grad_(t.requires_grad)
        for t in tensors(layer)
    ]
    return replace(layer, weight=own[0], bias=own[1], a=own[2], b=own[3])


def plain(x, layer, mask):
    y = functional.linear(x, layer.weight, layer.bias)
    if layer.a is not None:
        y = y + (x * mask / (1 - layer.dropout)) @ layer.a.t() @ layer.b.t() * layer.scale
    if layer.start_a is not None:
        y = y - x @ layer.start_a.double().t() @ layer.start_b.double().t() * layer.scale
    return y


def normed(x, weight):
    return x * (x.square().mean(1, keepdim=True) + EPS).rsqrt() * weight


def same(found, wanted, tolerance=2e-5):
    assert (found is None) == (wanted is None)
    if found is not None:
        error = (found.double() - wanted).norm() / wanted.norm().clamp_min(1e-9)
        assert error < tolerance, error


def same_gradients(layers, copies, tolerance=2e-5):
    for layer, copy in zip(layers, copies, strict=True):
        for one, other in zip(tensors(layer), tensors(copy), strict=True):
            if one is not None:
                assert one.grad is None or one.grad.dtype == one.dtype
                same(one.grad, other.grad, tolerance)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wants_x", [True, False])
@pytest.mark.parametrize("trains_norm", [True, False])
def test_linears_behind_a_norm(kind, wants_x, trains_norm):
    layers = [kind(WIDTH, 8), frozen(WIDTH, 4), kind(WIDTH, 6)]
    x, norm = draw(N, WIDTH, trains=wants_x), draw(WIDTH, trains=trains_norm)
    if not wants_x and not trains_norm and kind is frozen:
        pytest.skip("nothing trains")
    copies, masks = [copied(layer) for layer in layers], masks_for(layers, [WIDTH] * 3)
    xd, nd = (t.detach().double().requires_grad_(t.requires_grad) for t in (x, norm))
    wanted = [plain(normed(xd, nd), c, m) for c, m in zip(copies, masks, strict=True)]
    torch.manual_seed(1)
    found = whole.normed_linears(x, norm, EPS, layers, True)
    pairs = list(zip(found, wanted, strict=True))
    for one, other in pairs:
        same(one, other)
    sum((one * one.detach()).sum() for one, _ in pairs if one.requires_grad).backward()
    sum((other * other.detach()).sum() for _, other in pairs if other.requires_grad).backward()
    same(x.grad, xd.grad)
    same(norm.grad, nd.grad)
    same_gradients(layers, copies)


@pytest.mark.parametrize("kind", KINDS)
def test_a_layer_added_to_the_residual(kind):
    layer = kind(WIDTH, 7)
    residual, x = draw(N, 7, trains=True), draw(N, WIDTH, trains=True)
    copy, (mask,) = copied(layer), masks_for([layer], [WIDTH])
    rd, xd = (t.detach().double().requires_grad_() for t in (residual, x))
    wanted = rd + plain(xd, copy, mask)
    torch.manual_seed(1)
    found = whole.add_linear(residual, x, layer, True)
    same(found, wanted)
    found.square().sum().backward()
    wanted.square().sum().backward()
    same(residual.grad, rd.grad)
    same(x.grad, xd.grad)
    same_gradients([layer], [copy])


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("wants_x", [True, False])
def test_the_gated_mlp(kind, wants_x):
    if not wants_x and kind is frozen:
        pytest.skip("nothing trains")
    layers = [kind(WIDTH, INNER), kind(WIDTH, INNER), kind(INNER, WIDTH)]
    x, norm = draw(N, WIDTH, trains=wants_x), draw(WIDTH, trains=kind is full)
    copies, masks = [copied(layer) for layer in layers], masks_for(layers, [WIDTH, WIDTH, INNER])
    xd, nd = (t.detach().double().requires_grad_(t.requires_grad) for t in (x, norm))
    n = normed(xd, nd)
    gates, ups = (plain(n, c, m) for c, m in zip(copies[:2], masks[:2], strict=True))
    wanted = xd + plain(functional.silu(gates) * ups, copies[2], masks[2])
    torch.manual_seed(1)
    found = whole.gated_mlp(x, norm, EPS, *layers, True)
    same(found, wanted)
    found.square().sum().backward()
    wanted.square().sum().backward()
    same(x.grad, xd.grad)
    same(norm.grad, nd.grad)
    same_gradients(layers, copies)


@pytest.mark.parametrize("kind", [lora, full, in_few_bits])
@pytest.mark.parametrize("residual", [torch.float32, torch.bfloat16])
def test_under_autocast_only_products_are_narrow(kind, residual):
    torch.manual_seed(2)
    layers = [kind(WIDTH, INNER), kind(WIDTH, INNER), kind(INNER, WIDTH)]
    x, norm = draw(N, WIDTH, trains=True, dtype=residual), draw(WIDTH)
    copies = [copied(layer) for layer in layers]
    xd = x.detach().double().requires_grad_()
    n = normed(xd, norm.double())
    gates, ups = plain(n, copies[0], 1), plain(n, copies[1], 1)
    wanted = xd + plain(functional.silu(gates) * ups, copies[2], 1)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = whole.gated_mlp(x, norm, EPS, *layers, True)
        apart = whole.normed_linears(x.detach(), norm, EPS, layers[:2], True)
    assert found.dtype == residual and apart[0].dtype == torch.bfloat16
    same(found, wanted, 2e-2)
    found.float().square().sum().backward()
    wanted.square().sum().backward()
    assert x.grad is not None and x.grad.dtype == residual
    same(x.grad, xd.grad, 3e-2)
    same_gradients(layers, copies, 3e-2)


def test_types_that_do_not_go_together_are_left_to_the_plain_way():
    layer = replace(lora(WIDTH, 4), weight=draw(4, WIDTH, dtype=torch.bfloat16))
    x = draw(N, WIDTH, dtype=torch.bfloat16)
    assert whole.normed_linears(x, draw(WIDTH), EPS, [layer], True) is None


def test_the_first_layer_makes_no_product_for_its_input():
    """Weights in few bits are written out once more only where an input's gradient is needed."""
    layers = [in_few_bits(WIDTH, 8)]
    for wants_x, n_uses in ((False, 1), (True, 3)):
        x = draw(N, WIDTH, trains=wants_x)
        whole.normed_linears(x, draw(WIDTH), EPS, layers, True)[0].sum().backward()
        assert layers[0].weight.n_uses == n_uses


def test_what_is_kept_is_little():
    """Of a norm its input, of SwiGLU what it is made of: no more."""
    layers = [lora(WIDTH, INNER), lora(WIDTH, INNER), lora(INNER, WIDTH)]
    x, norm = draw(N, WIDTH, trains=True), draw(WIDTH)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: kept.append(t.shape) or t, lambda t: t):
        whole.gated_mlp(x, norm, EPS, *layers, True)
    large = [shape for shape in kept if len(shape) == 2 and shape[0] == N]
    assert sorted(large) == [(N, 3), (N, 6), (N, WIDTH), (N, INNER), (N, INNER)]


def test_a_second_backward_pass_is_refused_as_its_inputs_are_gone():
    layers = [lora(WIDTH, INNER), lora(WIDTH, INNER), lora(INNER, WIDTH)]
    found = whole.gated_mlp(draw(N, WIDTH, trains=True), draw(WIDTH), EPS, *layers, True).sum()
    found.backward(retain_graph=True)
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        found.backward()


def test_norm_and_rotation_alone():
    x, weight = draw(N, WIDTH, trains=True), draw(WIDTH, trains=True)
    xd, wd = (t.detach().double().requires_grad_() for t in (x, weight))
    found, wanted = whole.rms_norm(x, weight, EPS), normed(xd, wd)
    same(found, wanted)
    found.square().sum().backward()
    wanted.square().sum().backward()
    same(x.grad, xd.grad)
    same(weight.grad, wd.grad)
    q, angles = draw(N, 2, 6, trains=True), draw(N, 3)
    cos, sin = (torch.cat([t, t], 1) for t in (angles.cos(), angles.sin()))
    qd = q.detach().double().requires_grad_()
    turned = torch.cat([-qd[..., 3:], qd[..., :3]], -1)
    wanted = qd * cos.double()[:, None] + turned * sin.double()[:, None]
    found = whole.rotate_one(q, cos, sin)
    same(found, wanted)
    (found * found.detach()[..., :1]).sum().backward()
    (wanted * wanted.detach()[..., :1]).sum().backward()
    same(q.grad, qd.grad)


@pytest.mark.slow
@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
@pytest.mark.skipif("TRITON_INTERPRET" in os.environ, reason="runs in the interpreter already")
def test_the_trunk_holds_over_whole_tensors_too():
    """The way a GPU takes, on a processor: what holds of the other way holds of it."""
    here = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
        + [str(here / "test_fused.py"), str(here.parent / "test_trunk.py")],
        env={**os.environ, "TRITON_INTERPRET": "1", "TUNESMITH_KERNELS": "none"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
