"""Confine: takes from this process what reading a document does not need.

Limits of the system bound memory, computing and files; a filter of the system and a hook of the
interpreter refuse the network, other programs and writing. The hook says by name what was refused.
"""

from __future__ import annotations

import resource
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from tunesmith.synthesize.documents.system_calls import WRITING, refuse_calls

MIB = 2**20
FORBIDDEN = (
    "socket.",
    "subprocess.",
    "os.exec",
    "os.fork",
    "os.posix_spawn",
    "os.spawn",
    "os.system",
    "os.remove",
    "os.rename",
    "os.rmdir",
    "os.mkdir",
    "os.link",
    "os.symlink",
    "os.truncate",
    "os.chmod",
    "os.chown",
    "shutil.",
    "urllib.",
    "http.",
    "ftplib.",
    "webbrowser.",
    "pty.",
)
"""Beginnings of the names of audit events."""


def confine(memory_mib: int) -> None:
    """Bounds this process for good.

    Args:
        memory_mib: of address space.
    """
    _lower(resource.RLIMIT_AS, memory_mib * MIB)
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_FSIZE, 0)  # no file can grow; pipes are no files
    _lower(resource.RLIMIT_NOFILE, 64)
    refuse_calls()
    sys.addaudithook(_refuse)


def allow_cpu(seconds: int) -> None:
    """Lets this process compute for so many seconds more, then the system ends it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    soft = int(used.ru_utime + used.ru_stime) + seconds + 1
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    if hard != resource.RLIM_INFINITY:
        soft = min(soft, hard)
    resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _lower(kind: int, limit: int) -> None:
    _, hard = resource.getrlimit(kind)
    if hard != resource.RLIM_INFINITY:
        limit = min(limit, hard)
    with suppress(ValueError, OSError):  # macOS knows no limit of addresses
        resource.setrlimit(kind, (limit, limit))


def _refuse(event: str, arguments: Sequence[Any]) -> None:
    if event == "open":
        path, _, flags = arguments
        if isinstance(flags, int) and flags & WRITING:
            raise PermissionError(f"reading a document must not write ({path})")
    elif event.startswith(FORBIDDEN):
        raise PermissionError(f"reading a document must not use {event}")
