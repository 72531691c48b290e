"""Memory: what this process has taken so far."""

from __future__ import annotations

import re
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")


def peak_memory_mb() -> float:
    """The most memory this process has held at once, in MB of 10^6 bytes; 0.0 where unknown."""
    if STATUS.is_file():
        # Not ru_maxrss: a child begins with its parent's there.
        if found := re.search(r"VmHWM:\s+(\d+) kB", STATUS.read_text("utf-8")):
            return int(found[1]) * 1024 / 1e6
    try:
        import resource
    except ImportError:  # there is none on Windows
        return 0.0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 1e6 if sys.platform == "darwin" else peak * 1024 / 1e6
