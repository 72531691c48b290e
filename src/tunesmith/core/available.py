"""Available: the memory that a process here can still have."""

from __future__ import annotations

import re
from pathlib import Path

MEMINFO, CGROUP = Path("/proc/meminfo"), Path("/sys/fs/cgroup")


def available_memory_mb(meminfo: Path = MEMINFO, cgroup: Path = CGROUP) -> float | None:
    """Main memory in MB that is free or can be freed, within the limit of a container.

    Returns:
        None where the system does not tell.
    """
    try:
        found = re.search(r"^MemAvailable:\s+(\d+) kB", meminfo.read_text(), re.MULTILINE)
    except OSError:
        return None
    if found is None:
        return None
    free = int(found[1]) * 1024
    try:
        limit = (cgroup / "memory.max").read_text().strip()
        used = int((cgroup / "memory.current").read_text())
    except (OSError, ValueError):
        return free / 1e6
    if limit.isdigit():
        free = min(free, max(0, int(limit) - used))
    return free / 1e6
