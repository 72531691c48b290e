"""Trial: which kernels win on a GPU; tried once, and kept for the machine.

A kernel that has not been shown to give torch's numbers, and to give them sooner, does not run. The
trial takes some seconds, most of them Triton's compiler, whose work is kept as well. What is found
is read by every later process, so that one machine always computes alike. A lack of memory or a
kernel that fails may be of the moment: nothing is kept of it, and a later process tries again.
"""

from __future__ import annotations

import hashlib
import json
import math
import statistics
from collections.abc import Callable, Collection, Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from torch import Tensor

from tunesmith.core.cache import entry, new_entry
from tunesmith.core.code_hash import code_hash
from tunesmith.core.errors import RunError
from tunesmith.model.kernels.cases import LLAMA_7B, Case, cases
from tunesmith.model.kernels.choice import NAMES, forced, has_triton, is_left_open

KIND, FILE = "kernels", "measured.json"
LEAST_GAIN = 1.05
"""Times as fast as plain torch a kernel must be, over all that it does."""
MOST_APART = 1e-2
"""Length of the difference by that of torch's result, in bfloat16: each rounds once."""
TURNS, WARM = 10, 3

AGAIN = "the next process that trains tries again"

_given_up: set[str] = set()
"""Keys of what did not come to its end in this process: all of its runs compute alike."""

Found = Mapping[str, Mapping[str, Any]]
Seconds = Callable[[Callable[[], object]], float]


def settle(device: torch.device) -> str | None:
    """Has it known which kernels win on a device, unless somebody has said which run.

    Returns:
        What a trial found, in a line; None: there was none to make.
    """
    if device.type != "cuda" or not is_left_open() or not has_triton():
        return None
    key = _key(device)
    kept = _kept(key) or {}
    names = [name for name in NAMES if name not in _tried(kept)]
    if not names or key in _given_up:
        return None
    fresh = measured(device, names)
    if fresh is None:
        _given_up.add(key)
        listed = ", ".join(names)
        return f"kernels: plain torch for {listed}: there is no memory for a trial; {AGAIN}"
    found = {**kept, **fresh}
    failed = {one["kernel"] for one in fresh.values() if "failed" in one}
    if failed:
        _given_up.add(key)
    lasting = {name: one for name, one in found.items() if one["kernel"] not in failed}
    try:
        with new_entry(KIND, key) as place:
            (place / FILE).write_text(json.dumps(lasting, indent=1), "utf-8")
    except (OSError, RunError) as error:
        # Two runs of one recipe might differ otherwise.
        return f"kernels: plain torch, for what a trial finds cannot be kept: {error}"
    finally:
        winners.cache_clear()
    return f"{told(found)}; {AGAIN} what failed" if failed else told(found)


@cache
def winners(index: int) -> frozenset[str]:
    """The kernels that a trial found to win on a GPU; none where there was no trial."""
    return winning(_kept(_key(torch.device("cuda", index))) or {})


def winning(found: Found) -> frozenset[str]:
    """The kernels all of whose work agrees with torch, and takes less time together."""
    return frozenset(name for name in NAMES if _why_not(name, found) is None)


def told(found: Found) -> str:
    """What a trial found, in a line."""
    parts = []
    for name in NAMES:
        why = _why_not(name, found)
        gain = "" if _gain(name, found) is None else f" ({_gain(name, found):.2f}x)"
        parts.append(f"{name}{gain}" if why is None else f"not {name} ({why})")
    return f"kernels that a trial found to win here: {', '.join(parts)}"


def measured(device: torch.device, names: Collection[str]) -> dict[str, dict[str, Any]] | None:
    """Some kernels beside plain torch on a GPU, which is left as it was.

    Args:
        device: the GPU.
        names: of the kernels.

    Returns:
        As :func:`beside`; None: there is no memory for it.
    """
    try:
        own = {n: case for n, case in cases(device, LLAMA_7B).items() if case.kernel in names}
        return beside(own, _device_seconds)
    except (RuntimeError, MemoryError) as error:
        if not _lacks_memory(error):
            raise
        return None
    finally:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats(device)


@torch.no_grad()
def beside(all_cases: Mapping[str, Case], seconds: Seconds) -> dict[str, dict[str, Any]]:
    """Each case with its kernel and without.

    Args:
        all_cases: by name.
        seconds: how long a piece of work takes.

    Returns:
        By name ``kernel``, ``difference``, ``kernel_us``, ``plain_us``, ``ratio`` and
        ``gb_per_s``; or ``kernel`` and ``failed``, the reason.

    Raises:
        RuntimeError: or ``MemoryError``: there is no memory, which tells nothing of a kernel.
    """
    found: dict[str, dict[str, Any]] = {}
    for name, case in all_cases.items():
        try:
            found[name] = {"kernel": case.kernel, **_measured(case, seconds)}
        except Exception as error:  # whatever a compiler or a driver says: torch's own way is there
            if _lacks_memory(error):
                raise
            reason = (str(error).splitlines() or [""])[0] or type(error).__name__
            found[name] = {"kernel": case.kernel, "failed": reason}
    return found


def _lacks_memory(error: Exception) -> bool:
    """Whether memory ran out, torch's or what a driver or a compiler asks for."""
    kinds = (torch.OutOfMemoryError, MemoryError)
    return isinstance(error, kinds) or "out of memory" in str(error)


def _tried(found: Found) -> set[str]:
    """The kernels of which something is known."""
    return {str(one["kernel"]) for one in found.values()}


def _measured(case: Case, seconds: Seconds) -> dict[str, float]:
    values = {}
    for which in ("all", "none"):
        with forced(which):
            values[which] = case.values()
    apart = max(_apart(a, b) for a, b in zip(values["all"], values["none"], strict=True))
    best: dict[str, float] = {}
    for which in ("all", "none") * 2:
        with forced(which):
            best[which] = min(seconds(case.run), best.get(which, math.inf))
    return {
        "difference": apart,
        "kernel_us": best["all"] * 1e6,
        "plain_us": best["none"] * 1e6,
        "ratio": best["none"] / best["all"],
        "gb_per_s": case.n_bytes / best["all"] / 1e9,
    }


def _apart(ours: Tensor, theirs: Tensor) -> float:
    return float((ours.float() - theirs.float()).norm() / theirs.float().norm())


def _why_not(name: str, found: Found) -> str | None:
    """Why a kernel does not run; None: it does."""
    own = [one for one in found.values() if one["kernel"] == name]
    if not own:
        return "not tried"
    failed = next((str(one["failed"]) for one in own if "failed" in one), None)
    if failed is not None:
        return f"it failed: {failed}"
    # Written so that what is no number does not pass.
    if not all(float(one["difference"]) <= MOST_APART for one in own):
        return f"its numbers are off by {max(float(one['difference']) for one in own):.0e}"
    gain = _gain(name, found)
    return None if gain is not None and gain >= LEAST_GAIN else f"{gain:.2f}x"


def _gain(name: str, found: Found) -> float | None:
    """Plain time by the kernel's, over all its cases; None where one failed."""
    own = [one for one in found.values() if one["kernel"] == name]
    if not own or any("failed" in one for one in own):
        return None
    return sum(one["plain_us"] for one in own) / sum(one["kernel_us"] for one in own)


def _device_seconds(work: Callable[[], object]) -> float:
    """Of one run, the median of some after others that are not counted."""
    for _ in range(WARM):
        work()
    found = []
    for _ in range(TURNS):
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record()
        work()
        after.record()
        torch.cuda.synchronize()
        found.append(before.elapsed_time(after) / 1e3)
    return statistics.median(found)


def _kept(key: str) -> dict[str, dict[str, Any]] | None:
    """What an earlier trial on this machine found; None: there was none, or it cannot be read."""
    try:
        found = json.loads((entry(KIND, key) / FILE).read_text("utf-8"))
        winning(found)
        _tried(found)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return dict(found)


def _key(device: torch.device) -> str:
    facts = [
        _device_name(device),
        *map(_version, ("torch", "triton")),
        code_hash(["model/kernels"]),
    ]
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def _device_name(device: torch.device) -> str:
    return torch.cuda.get_device_name(device)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
