"""Measure: one command as a whole process tree: wall, CPU seconds and peak memory."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psutil

POLL_S = 0.05


@dataclass(frozen=True)
class Measured:
    """What one run took.

    ``peak_memory_mb`` is the largest sum over all processes of their proportional set size, so that
    pages shared after a fork count once.
    """

    wall_s: float
    cpu_s: float
    peak_memory_mb: float
    output: dict[str, Any]
    """The last line the command printed, as JSON."""


def measure(command: Sequence[str], env: Mapping[str, str]) -> Measured:
    """Runs a command to its end.

    Args:
        command: prints one JSON object as its last line.
        env: added to the environment.

    Raises:
        RuntimeError: it fails; holds the end of what it wrote.
    """
    started = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **env},
    )
    peak = [0.0]
    done = threading.Event()
    watcher = threading.Thread(target=_watch, args=(process.pid, peak, done))
    watcher.start()
    before = os.times()
    out, err = process.communicate()
    after = os.times()
    done.set()
    watcher.join()
    wall = time.perf_counter() - started
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}:\n{err[-3000:]}")
    cpu = after.children_user + after.children_system
    cpu -= before.children_user + before.children_system
    return Measured(wall, cpu, peak[0], json.loads(out.strip().splitlines()[-1]))


def machine() -> dict[str, Any]:
    """What the figures were taken on."""
    name = next(
        (
            line.partition(":")[2].strip()
            for line in Path("/proc/cpuinfo").read_text().splitlines()
            if line.startswith("model name")
        ),
        platform.processor(),
    )
    return {
        "cpu": name,
        "cores": os.cpu_count(),
        "memory_gib": round(psutil.virtual_memory().total / 2**30),
        "load": round(os.getloadavg()[0], 2),
        "python": platform.python_version(),
        "date": time.strftime("%Y-%m-%d"),
    }


def as_dict(runs: Sequence[Measured]) -> list[dict[str, Any]]:
    """Runs as plain values, ready for JSON."""
    return [asdict(run) for run in runs]


def _watch(pid: int, peak: list[float], done: threading.Event) -> None:
    root = psutil.Process(pid)
    while not done.wait(POLL_S):
        total = 0
        try:
            for process in [root, *root.children(recursive=True)]:
                total += process.memory_full_info().pss
        except psutil.NoSuchProcess:
            continue  # one ended while it was looked at; the next look counts
        peak[0] = max(peak[0], total / 2**20)
