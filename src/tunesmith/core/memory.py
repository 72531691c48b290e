"""Memory: the most this process has held."""

from __future__ import annotations

import resource
import sys


def peak_memory_mb() -> float:
    """The largest memory held so far, in MB: the GPU's where one was used, else resident.

    Asks torch only if something else has imported it.
    """
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_available():
        return torch.cuda.max_memory_allocated() / 1e6
    unit = 1 if sys.platform == "darwin" else 1024  # bytes there, KiB elsewhere
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6
