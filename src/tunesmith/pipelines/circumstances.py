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
    number of threads. On a GPU its kernels must have been tried before.
    """
    import torch

    from tunesmith.model.device import default_device
    from tunesmith.model.kernels.choice import kernels_in_use, triton_version
    from tunesmith.pipelines.batches import processor_name

    is_gpu = torch.cuda.is_available()
    kernels = kernels_in_use(default_device())
    return {
        "device": torch.cuda.get_device_name() if is_gpu else processor_name(),
        "system": platform.system(),
        "torch": version("torch"),
        "transformers": version("transformers"),
        "threads": torch.get_num_threads(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "TUNESMITH_KERNELS": os.environ.get("TUNESMITH_KERNELS", ""),
        # A trial chooses them, and another one may choose others.
        "kernels": ", ".join(kernels),
        "triton": triton_version() if kernels else "",
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
        f"{key}: {before.get(key, 'not noted') or 'none'} -> {now.get(key) or 'none'}"
        for key in sorted({*before, *now})
        if (before.get(key) or "") != (now.get(key) or "")
    ]
    if not changed:
        return ""
    return (
        f"it goes on in other circumstances ({'; '.join(changed)}), and so it is equal to a run "
        "that was never stopped only up to rounding."
    )
