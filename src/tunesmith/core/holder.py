"""Holder: which process holds something, and whether it is gone; no clock on the wall is asked."""

from __future__ import annotations

import json
import os
from pathlib import Path

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")


def this_boot() -> str:
    """What tells this start of the machine from others; empty where the system does not say."""
    try:
        return BOOT_ID.read_text("ascii").strip()
    except OSError:
        return ""


def this_process() -> str:
    """What tells this process from every other of this machine, earlier and later ones too."""
    return json.dumps([this_boot(), _namespace(), os.getpid(), _started(os.getpid())])


def is_gone(holder: str) -> bool:
    """Whether a process that gave its name runs no more.

    Args:
        holder: of :func:`this_process`.

    Returns:
        True where that is certain. A process in another container is never known to be gone.
    """
    boot, namespace, pid, started = json.loads(holder)
    if boot != this_boot():
        return True
    if namespace != _namespace():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    # A number that was given to another process since then began at another time.
    return started != _started(pid)


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def _started(pid: int) -> str:
    """When a process began, in ticks since the start of the machine; "dead" for a zombie."""
    try:
        # The name in the second field may hold spaces and brackets; what follows cannot.
        fields = Path(f"/proc/{pid}/stat").read_text("utf-8", "replace").rpartition(")")[2].split()
    except OSError:
        return ""
    return "dead" if fields[0] in "ZX" else fields[19]
