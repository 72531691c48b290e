"""Circumstances: what of a machine decides the last bits of a result, and what has changed."""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any


def circumstances() -> dict[str, Any]:
    """What two runs of one recipe must have in common to be equal to the bit.

    Sums are added up in another order by other kernels, and where they are divided among another
    number of threads.
    """
    import torch

    from tunesmith.pipelines.batches import processor_name

    is_gpu = torch.cuda.is_available()
    return {
        "device": torch.cuda.get_device_name() if is_gpu else processor_name(),
        "system": platform.system(),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "TUNESMITH_KERNELS": os.environ.get("TUNESMITH_KERNELS", ""),
    }


def difference(before: Mapping[str, Any] | None, now: Mapping[str, Any]) -> str:
    """What to say where a run goes on in other circumstances; empty: they are the same.

    Args:
        before: of its checkpoint; None: a version made that which noted none.
        now: of this process.
    """
    if before is None:
        return (
            "on which processor, with which threads and libraries it was begun is not known, so "
            "that it may be equal to one that was never stopped only up to rounding."
        )
    changed = [
        f"{key}: {before.get(key) or 'none'} -> {now.get(key) or 'none'}"
        for key in sorted({*before, *now})
        if before.get(key) != now.get(key)
    ]
    if not changed:
        return ""
    return (
        f"it goes on in other circumstances ({'; '.join(changed)}), and so it is equal to a run "
        "that was never stopped only up to rounding."
    )
