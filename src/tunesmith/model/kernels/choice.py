"""Choice: which kernels run; without Triton or a GPU the plain ones do, with the same results.

A kernel runs where a trial on this very device has shown that it wins; see :mod:`trial`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

import torch
from torch import Tensor

from tunesmith.core.errors import RecipeError

NAMES = ("norm", "rotary", "swiglu", "loss")
VARIABLE = "TUNESMITH_KERNELS"
"""Names of the kernels to run, with commas between, ``all`` or ``none``; if it is not set, or
``auto``, those that a trial found to win."""
WIDEST = 2**16
"""Elements of a row that one program holds; wider rows go the plain way."""

_forced: ContextVar[str | None] = ContextVar("forced", default=None)


def uses_kernel(name: str, tensor: Tensor) -> bool:
    """Whether the kernel of that name runs on the device of ``tensor``.

    Triton's interpreter (``TRITON_INTERPRET=1``) runs it on a processor too, for tests.
    """
    return runs_whole(tensor) and name in _wanted(tensor.device) and has_triton()


def runs_whole(tensor: Tensor) -> bool:
    """Whether work is best done on whole tensors with these kernels, as on a GPU.

    They compute in float32, so that wider numbers go another way.
    """
    return (tensor.is_cuda or _is_interpreted()) and tensor.dtype != torch.float64


def kernels_in_use(device: torch.device) -> list[str]:
    """Names of the kernels that run on a device, sorted; a trial there must have been made."""
    runs = device.type == "cuda" or _is_interpreted()
    return sorted(_wanted(device)) if runs and has_triton() else []


def triton_version() -> str:
    """The version of what compiles the kernels; empty: its package does not tell."""
    try:
        return version("triton")
    except PackageNotFoundError:
        return ""


@contextmanager
def forced(wanted: str) -> Iterator[None]:
    """Within it the variable counts as set to that; for trials and benchmarks."""
    before = _forced.set(wanted)
    try:
        yield
    finally:
        _forced.reset(before)


def is_left_open() -> bool:
    """Whether nobody has said which kernels run."""
    return os.environ.get(VARIABLE, "auto") == "auto"


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
            f"{VARIABLE}: no kernel named {unknown[0]!r}. Known: {', '.join(NAMES)}, all, none, "
            "auto."
        )
    return names


@cache
def has_triton() -> bool:
    """Whether Triton is installed; PyTorch for CUDA on Linux brings it along."""
    return find_spec("triton") is not None


def _wanted(device: torch.device) -> frozenset[str]:
    wanted = _forced.get() or os.environ.get(VARIABLE, "auto")
    if wanted != "auto":
        return chosen(wanted)
    if device.type != "cuda":  # in the interpreter, which is there to run them
        return chosen("all")
    from tunesmith.model.kernels.trial import winners

    return winners(device.index or 0)


def _is_interpreted() -> bool:
    return os.environ.get("TRITON_INTERPRET", "0") == "1"
