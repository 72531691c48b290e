"""Trees of rows on one CUDA device give what they give on the CPU; skipped where there is none."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine"),
]

from tunesmith.model.segments import Segments, attend_within  # noqa: E402


@pytest.mark.parametrize(("dtype", "close"), [("float32", 1e-4), ("bfloat16", 3e-2)])
def test_values_and_gradients_are_those_of_the_cpu(dtype, close):
    lengths, parents = (40, 9, 30, 3, 20), (-1, 0, 0, 2, -1)
    starts = torch.tensor([0, *lengths]).cumsum(0).int()
    torch.manual_seed(0)
    given = [torch.randn(sum(lengths), heads, 64) for heads in (8, 2, 2)]
    weights = torch.randn_like(given[0])
    found = []
    for device, kind in (("cpu", "float32"), ("cuda", dtype)):
        q, k, v = (t.to(device, getattr(torch, kind)).requires_grad_() for t in given)
        mixed = attend_within(q, k, v, Segments(lengths, starts.to(device), parents))
        loss = (mixed.float() * weights.to(device)).sum()
        gradients = torch.autograd.grad(loss, (q, k, v))
        found.append([t.detach().float().cpu() for t in (mixed, *gradients)])
    for cpu, gpu in zip(*found, strict=True):
        assert float((cpu - gpu).norm() / cpu.norm()) < close
