"""The limit: matrix products of a model's own shapes and nothing else. Usage: FILE (the work)."""

from __future__ import annotations

import time
from typing import Any

import torch
from stepper import Stepper, read_work

SECONDS = 0.08
"""Of one shape, so that a whole command takes about a second."""
TOKENS = 1024


def main() -> None:
    """Multiplies on command; tells GFLOP/s of each shape."""
    work, stepper = read_work(), Stepper()
    torch.set_num_threads(work["threads"])
    shapes = [tuple(shape) for shape in work["shapes"]]
    measured(shapes[:1], 0.01)
    stepper.ready(version="matrix products", torch=torch.__version__)
    while n := stepper.next():
        found: dict[str, Any] = {}
        for _ in range(n):
            found = measured(shapes, SECONDS)
        stepper.done(gflops=found)
    stepper.close()


def measured(shapes: list[tuple[int, ...]], seconds: float) -> dict[str, dict[str, float]]:
    """Speed of [T, in] by [in, out], GFLOP/s, by type and by ``T x in x out``; the best of runs."""
    found: dict[str, dict[str, float]] = {}
    for dtype in (torch.float32, torch.bfloat16):
        name = str(dtype).removeprefix("torch.")
        found[name] = {}
        for width_in, width_out in shapes:
            speed = _speed(TOKENS, width_in, width_out, dtype, seconds)
            found[name][f"{TOKENS} x {width_in} x {width_out}"] = round(speed, 1)
    return found


def _speed(n_tokens: int, width_in: int, width_out: int, dtype: Any, seconds: float) -> float:
    x = torch.randn(n_tokens, width_in).to(dtype)
    weight = torch.randn(width_out, width_in).to(dtype)
    out = torch.empty(n_tokens, width_out, dtype=dtype)
    torch.mm(x, weight.T, out=out)
    best, begun = float("inf"), time.perf_counter()
    while time.perf_counter() - begun < seconds:
        started = time.perf_counter()
        torch.mm(x, weight.T, out=out)
        best = min(best, time.perf_counter() - started)
    return 2e-9 * n_tokens * width_in * width_out / best


if __name__ == "__main__":
    main()
