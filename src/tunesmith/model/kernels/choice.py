"""Choice: which kernels run; without Triton or a GPU the plain ones do, with the same results."""

from __future__ import annotations

import os
from functools import cache
from importlib.util import find_spec

import torch
from torch import Tensor

from tunesmith.core.errors import RecipeError

NAMES = ("norm", "rotary", "swiglu", "loss")
VARIABLE = "TUNESMITH_KERNELS"
"""Names of the kernels to run, with commas between; ``all`` if it is not set, or ``none``."""
WIDEST = 2**16
"""Elements of a row that one program holds; wider rows go the plain way."""


def uses_kernel(name: str, tensor: Tensor) -> bool:
    """Whether the kernel of that name runs on the device of ``tensor``.

    Triton's interpreter (``TRITON_INTERPRET=1``) runs it on a processor too, for tests.
    """
    return runs_whole(tensor) and name in chosen(os.environ.get(VARIABLE, "all")) and has_triton()


def runs_whole(tensor: Tensor) -> bool:
    """Whether work is best done on whole tensors with these kernels, as on a GPU.

    They compute in float32, so that wider numbers go another way.
    """
    return (tensor.is_cuda or _is_interpreted()) and tensor.dtype != torch.float64


@cache
def chosen(wanted: str) -> frozenset[str]:
    """The kernels that a value of the variable names.

    Raises:
        RecipeError: it names one that is not there.
    """
    if wanted in ("all", "none"):
        return frozenset(NAMES if wanted == "all" else ())
    names = frozenset(name.strip() for name in wanted.split(",") if name.strip())
    if unknown := sorted(names - set(NAMES)):
        raise RecipeError(
            f"{VARIABLE}: no kernel named {unknown[0]!r}. Known: {', '.join(NAMES)}, all, none."
        )
    return names


@cache
def has_triton() -> bool:
    """Whether Triton is installed; PyTorch for CUDA on Linux brings it along."""
    return find_spec("triton") is not None


def _is_interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET", "0") == "1"
