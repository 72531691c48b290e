"""Each kernel against autograd in float64: the plain ones here, Triton's in its interpreter."""

from __future__ import annotations

import os
import subprocess
import sys
from importlib.util import find_spec

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import RecipeError  # noqa: E402
from tunesmith.model import kernels  # noqa: E402
from tunesmith.model.kernels.cases import Sizes, cases  # noqa: E402
from tunesmith.model.kernels.choice import NAMES, chosen, uses_kernel  # noqa: E402
from tunesmith.model.kernels.trial import MOST_APART, beside  # noqa: E402

INTERPRETED = os.environ.get("TRITON_INTERPRET") == "1"
DEVICE = os.environ.get("TUNESMITH_KERNEL_DEVICE", "cpu")
TYPES = [torch.float32, torch.bfloat16]
# Widths that are no power of two, rows that fill no program, one row alone, no row at all.
SHAPES = [(5, 48), (70, 33), (1, 64), (0, 16)]


def draw(*shape, dtype=torch.float32, seed=0):
    made = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    return made.to(DEVICE, dtype)


def near(found, wanted):
    """Within the rounding of the type: of float32, or one rounding to bfloat16."""
    rel = 1e-5 if found.dtype == torch.float32 else 2**-7
    assert torch.isfinite(found).all()
    torch.testing.assert_close(found.double(), wanted.double(), rtol=rel, atol=rel)


def apart(x):
    """The same values, each row with something else behind it."""
    held = torch.full((x.shape[0], x.shape[1] + 3), 7.0, dtype=x.dtype, device=x.device)
    held[:, : x.shape[1]] = x
    return held[:, : x.shape[1]]


@pytest.mark.skipif(not INTERPRETED, reason="says that Triton's kernels are what is tested")
def test_tritons_kernels_run():
    assert all(uses_kernel(name, draw(1)) for name in ("norm", "rotary", "swiglu", "loss"))


@pytest.mark.skipif(not INTERPRETED, reason="compares Triton's kernels with plain torch")
def test_a_trial_finds_that_all_of_them_agree():
    sizes = Sizes(tokens=8, width=64, inner=96, heads=4, vocabulary=200, rows=8)
    found = beside(cases(torch.device(DEVICE), sizes), lambda work: 1.0)
    assert {one["kernel"] for one in found.values() if "failed" not in one} == set(NAMES)
    assert {name: one for name, one in found.items() if one["difference"] > MOST_APART} == {}


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", SHAPES)
def test_norm_and_its_gradients(shape, dtype):
    x, weight = apart(draw(*shape, dtype=dtype)), draw(shape[1], dtype=dtype, seed=1)
    grad, added = draw(*shape, dtype=dtype, seed=2), apart(draw(*shape, dtype=dtype, seed=3))
    xd, wd = (t.double().requires_grad_() for t in (x, weight))
    wanted = xd * (xd.square().mean(1, keepdim=True) + 1e-5).rsqrt() * wd
    wanted.backward(grad.double())
    y, scale = kernels.rms_norm(x, weight, 1e-5)
    assert y.dtype == dtype and scale.dtype == torch.float32
    near(y, wanted)
    near(kernels.rms_norm(x, weight, 1e-5, torch.float32)[0], wanted)
    assert xd.grad is not None and wd.grad is not None
    frozen, none = kernels.rms_norm_backward(grad, x, weight, scale)
    assert none is None and frozen.dtype == dtype
    near(frozen, xd.grad)
    both, grad_weight = kernels.rms_norm_backward(
        grad, x, weight, scale, added=added, wants_weight=True
    )
    near(both, xd.grad + added.double())
    assert grad_weight is not None and grad_weight.dtype == torch.float32
    torch.testing.assert_close(grad_weight.double(), wd.grad, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("shape", [*SHAPES, (3, 1030)])
def test_swiglu_and_its_gradients(shape, dtype):
    gate, up = (apart(draw(*shape, dtype=dtype, seed=seed)) for seed in (0, 1))
    grad = draw(*shape, dtype=dtype, seed=2)
    gd, ud = (t.double().requires_grad_() for t in (gate, up))
    wanted = torch.nn.functional.silu(gd) * ud
    wanted.backward(grad.double())
    near(kernels.swiglu(gate, up), wanted)
    kept = grad.clone()
    kernels.swiglu_backward_(grad, gate, up)
    assert torch.equal(grad, kept)
    near(gate, gd.grad)
    near(up, ud.grad)
    gate, up = (draw(*shape, dtype=dtype, seed=seed) for seed in (0, 1))
    kernels.swiglu_backward_(grad, gate, up, wants_product=True)
    near(grad, wanted)
    near(gate, gd.grad)
    near(up, ud.grad)


def test_overwriting_what_a_backward_pass_needs_is_told():
    gate = torch.ones(2, 4, requires_grad=True, device=DEVICE) * 2
    product = gate * gate  # keeps gate
    with torch.no_grad():
        kernels.swiglu_backward_(torch.ones(2, 4, device=DEVICE), gate, torch.ones_like(gate))
    with pytest.raises(RuntimeError, match="modified by an inplace"):
        product.sum().backward()


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize(
    ("heads", "key_heads", "width"), [(4, 2, 8), (3, 3, 12), (6, 1, 2)], ids=str
)
@pytest.mark.parametrize("halves", [1, 2])
def test_rotation_turns_and_turns_back(heads, key_heads, width, halves, dtype):
    n = 7
    wide = draw(n, (heads + key_heads) * width, dtype=dtype)
    q = wide[:, : heads * width].unflatten(1, (heads, width))
    k = wide[:, heads * width :].unflatten(1, (key_heads, width))
    angles = draw(n, width // 2, seed=5)
    cos, sin = (torch.cat([t] * halves, 1) for t in (angles.cos(), angles.sin()))

    def turned(x):
        first, second = x.double().chunk(2, -1)
        c, s = angles.double().cos()[:, None], angles.double().sin()[:, None]
        return torch.cat([first * c - second * s, second * c + first * s], -1)

    for x in (q, k):
        wanted, before = turned(x), x.clone()
        found = kernels.rotate(x, cos, sin)
        assert found.is_contiguous() and found.dtype == dtype and torch.equal(x, before)
        near(found, wanted)
        back = kernels.rotate(found, cos, sin, inverse=True)
        coarse = 1e-5 if dtype == torch.float32 else 4e-2
        torch.testing.assert_close(back, x, rtol=1e-5, atol=coarse)
        assert kernels.rotate(x, cos, sin, in_place=True) is x
        near(x, wanted)


@pytest.mark.parametrize("dtype", TYPES)
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("n", "vocabulary"), [(6, 37), (3, 9000), (0, 8)])
def test_loss_sums_and_gradient(n, vocabulary, weighted, dtype):
    logits = apart(draw(n, vocabulary, dtype=dtype) * 4)
    labels = torch.arange(n, device=DEVICE) * 3 % vocabulary
    if n:
        labels[0] = logits[0].argmax()
        logits[1, :] = 0.5  # all alike: the first counts as the largest
        labels[1] = 0
    weights = draw(n, seed=4) if weighted else None
    wanted = logits.double().requires_grad_()
    losses = torch.nn.functional.cross_entropy(wanted, labels, reduction="none")
    (losses if weights is None else losses * weights.double()).sum().backward()
    normalisers, picked, hits = kernels.label_sums(logits, labels)
    torch.testing.assert_close((normalisers - picked).double(), losses, rtol=1e-5, atol=1e-5)
    assert hits.dtype == torch.bool and hits.tolist()[:2] == [True, True][:n]
    kernels.softmax_gradient_(logits, labels, normalisers, weights)
    near(logits, wanted.grad)


def test_kernels_can_be_chosen_by_name(monkeypatch):
    assert chosen("norm, loss") == {"norm", "loss"}
    assert chosen("none") == frozenset()
    with pytest.raises(RecipeError, match="no kernel named 'nrom'"):
        chosen("nrom")
    monkeypatch.setenv("TUNESMITH_KERNELS", "none")
    assert not uses_kernel("norm", draw(1))


@pytest.mark.slow
@pytest.mark.skipif(INTERPRETED, reason="runs in the interpreter already")
@pytest.mark.skipif(find_spec("triton") is None, reason="Triton is not installed")
def test_all_of_it_holds_in_tritons_interpreter():
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", __file__],
        env={**os.environ, "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-2000:]
    assert " passed" in done.stdout
