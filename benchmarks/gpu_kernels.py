"""Each kernel beside plain torch at the shapes of a 7B model: which wins, and whether both agree.

    python benchmarks/gpu_kernels.py [--smoke]

Prints one line of JSON. A kernel that does not win is to be deleted.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from typing import Any

import torch
from gpu_work import time_of
from torch import Tensor

from tunesmith.model import kernels
from tunesmith.model.device import default_device
from tunesmith.model.kernels.choice import VARIABLE, uses_kernel

Work = Callable[[], list[Tensor]]


def cases(device: torch.device, smoke: bool) -> dict[str, tuple[str, int, Work]]:
    """Name -> the kernel's name, the bytes that it must move, and a call of it."""
    n, d, f, heads, v = (8, 64, 96, 4, 200) if smoke else (16384, 4096, 11008, 32, 32000)
    rows = 8 if smoke else 4096

    def draw(*shape: int) -> Tensor:
        return torch.randn(*shape, device=device, dtype=torch.bfloat16)

    x, grad, added, weight = draw(n, d), draw(n, d), draw(n, d), draw(d)
    gate, up, over = draw(n, f), draw(n, f), draw(n, f)
    q = draw(n, heads, d // heads)
    angles = torch.randn(n, d // heads, device=device)
    cos, sin = angles.cos(), angles.sin()
    logits = draw(rows, v)
    labels = torch.randint(v, (rows,), device=device)
    _, scale = kernels.rms_norm(x, weight, 1e-5)
    normalisers, _, _ = kernels.label_sums(logits, labels)

    def norm_backward() -> list[Tensor]:
        found, _ = kernels.rms_norm_backward(grad, x, weight, scale, added=added)
        return [found]

    def swiglu_backward() -> list[Tensor]:
        given = [over.clone(), gate.clone(), up.clone()] if is_compared else [over, gate, up]
        kernels.swiglu_backward_(*given, wants_product=True)
        return given

    def gradient() -> list[Tensor]:
        given = logits.clone() if is_compared else logits
        kernels.softmax_gradient_(given, labels, normalisers)
        return [given]

    is_compared = True  # in place: values are compared on copies, times taken without

    def timed() -> None:
        nonlocal is_compared
        is_compared = False

    cases.timed = timed  # type: ignore[attr-defined]
    return {
        "norm forward": ("norm", 4 * n * d, lambda: [kernels.rms_norm(x, weight, 1e-5)[0]]),
        "norm backward": ("norm", 8 * n * d, norm_backward),
        "swiglu forward": ("swiglu", 6 * n * f, lambda: [kernels.swiglu(gate, up)]),
        "rotary": ("rotary", 4 * n * d, lambda: [kernels.rotate(q, cos, sin)]),
        "loss sums": ("loss", 2 * rows * v, lambda: [*kernels.label_sums(logits, labels)[:2]]),
        "loss gradient": ("loss", 4 * rows * v, gradient),
        "swiglu backward": ("swiglu", 12 * n * f, swiglu_backward),
    }


def main() -> None:
    """Measures all of them."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--smoke", action="store_true")
    smoke = parser.parse_args().smoke
    device = default_device()
    torch.manual_seed(0)
    found: dict[str, Any] = {}
    all_cases = cases(device, smoke)
    for name, (_, _, work) in all_cases.items():
        values = {}
        for which in ("all", "none"):
            os.environ[VARIABLE] = which
            values[which] = [t.float() for t in work()]
        errors = [
            float((a - b).norm() / b.norm())
            for a, b in zip(values["all"], values["none"], strict=True)
        ]
        found[name] = {"difference": max(errors)}
    cases.timed()  # type: ignore[attr-defined]
    for name, (kernel, n_bytes, work) in all_cases.items():
        seconds = {}
        for which in ("all", "none", "all", "none"):
            os.environ[VARIABLE] = which
            one = time_of(work, device)
            seconds[which] = min(one, seconds.get(which, one))
        os.environ[VARIABLE] = "all"
        found[name] |= {
            "is_kernel": uses_kernel(kernel, torch.empty(0, device=device)),
            "kernel_us": seconds["all"] * 1e6,
            "plain_us": seconds["none"] * 1e6,
            "ratio": seconds["none"] / seconds["all"],
            "gb_per_s": n_bytes / seconds["all"] / 1e9,
        }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
