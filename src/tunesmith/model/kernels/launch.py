"""Launch: starts a Triton program on the GPU that its tensors are on."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor


def launch(
    kernel: Any, n_programs: int, first: Tensor, *others: Any, n_warps: int, **constants: Any
) -> None:
    """Starts programs 0 to ``n_programs`` - 1; none where there is nothing to do.

    Args:
        kernel: a function of ``triton.jit``.
        n_programs: how many; a GPU takes 2**31 - 1.
        first: its first argument; says which GPU, for Triton would take the current one.
        others: further arguments in order.
        n_warps: groups of 32 threads that a program has.
        constants: arguments that the program is compiled for.
    """
    if not n_programs:
        return
    with _on_device(first):
        kernel[(n_programs,)](first, *others, num_warps=n_warps, **constants)


def warps_for(width: int) -> int:
    """Groups of 32 threads for a program that holds ``width`` elements."""
    return 4 if width <= 1024 else 8 if width <= 8192 else 16


def n_blocks_of(n: int, size: int) -> int:
    """How many blocks of ``size`` hold ``n`` elements."""
    return -(-n // size)


def power_of_2(n: int) -> int:
    """The smallest power of two that is no less than ``n``."""
    return 1 << max(0, n - 1).bit_length()


def _on_device(tensor: Tensor) -> AbstractContextManager[object]:
    return torch.cuda.device(tensor.device) if tensor.is_cuda else nullcontext()
