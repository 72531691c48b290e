"""Accidents that befall a command at a chosen moment; each is arranged before it starts.

They wrap a function of the real code, do at its n-th call what the outside world would do, and
otherwise let it work as it is.
"""

from __future__ import annotations

import importlib
import os
import signal
import time
from collections.abc import Callable
from typing import Any


def _before_call(where: str, at: int, act: Callable[[], None]) -> None:
    """Acts before the ``at``-th call of ``module:name`` or ``module:Class.name``, from 1."""
    module, _, path = where.partition(":")
    owner: Any = importlib.import_module(module)
    *outer, name = path.split(".")
    for one in outer:
        owner = getattr(owner, one)
    real, calls = getattr(owner, name), 0

    def counted(*args: Any, **kwargs: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls == at:
            act()
        return real(*args, **kwargs)

    setattr(owner, name, counted)


def signal_at(where: str, at: int, *kinds: int) -> None:
    """Signals reach the process before a call."""

    def act() -> None:
        for kind in kinds:
            os.kill(os.getpid(), kind)

    _before_call(where, at, act)


def kill_at(where: str, at: int) -> None:
    """kill -9 before a call."""
    signal_at(where, at, signal.SIGKILL)


def without_privilege() -> None:
    """Permission bits hold for root too: CAP_DAC_OVERRIDE and its kin are given up."""
    import ctypes

    if os.getuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)

    class Header(ctypes.Structure):
        _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]

    class Data(ctypes.Structure):
        _fields_ = [(name, ctypes.c_uint32) for name in ("effective", "permitted", "inheritable")]

    nothing = (Data * 2)()
    if libc.capset(ctypes.byref(Header(0x20080522, 0)), nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def clock_jumps() -> None:
    """The wall clock goes an hour ahead and back again from one reading to the next."""
    real, calls = time.time, 0

    def jumping() -> float:
        nonlocal calls
        calls += 1
        return real() + (3600 if calls % 2 else -3600)

    time.time = jumping


def in_a_terminal() -> None:
    """Standard error is a terminal, and the clock jumps."""
    import sys

    clock_jumps()
    sys.stderr.isatty = lambda: True  # type: ignore[method-assign]


def best_checkpoint_vanishes() -> None:
    """Somebody deletes the best checkpoint when training is over."""
    import shutil

    _with_best_checkpoint(shutil.rmtree)


def best_checkpoint_is_damaged() -> None:
    """The best checkpoint loses its end when training is over."""
    import os

    _with_best_checkpoint(lambda place: os.truncate(place / "weights.safetensors", 10))


def _with_best_checkpoint(act: Callable[[Any], None]) -> None:
    from tunesmith.pipelines import tune

    real = tune.take_best

    def hurt(run: Any, trainer: Any, step: int) -> int:
        assert 0 < step < trainer.n_steps
        act(run.checkpoints / f"step-{step:08d}")
        return real(run, trainer, step)

    tune.take_best = hurt


def interrupted_twice(first: str, first_at: int, second: str, second_at: int) -> None:
    """Ctrl-C at one call, and again at another one."""
    signal_at(first, first_at, signal.SIGINT)
    signal_at(second, second_at, signal.SIGINT)


def fills_disk(disk: str, step: int) -> None:
    """Somebody else takes the whole disk when a step was saved."""
    import shutil
    from pathlib import Path

    from tunesmith.training import recorder

    real = recorder.rotate

    def filled(folder: Path, **how: Any) -> None:
        real(folder, **how)
        if (folder / f"step-{step:08d}").exists():
            (Path(disk) / "filled").write_bytes(b"x" * (shutil.disk_usage(disk).free - 30_000))

    recorder.rotate = filled
