"""Stepper: a contender's side of the talk with the benchmark: steps on command, and what they took.

One JSON object a line. The benchmark writes ``{"steps": 2}`` to standard input; the contender makes
two steps and writes what they took to standard output, until ``{"steps": 0}``. Nothing but the
standard library is needed here: every peer has it.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any


class Stepper:
    """Counts steps, and stops the clock between commands.

    ``losses`` is for the contender to fill, one for each step.
    """

    def __init__(self) -> None:
        """Takes standard output for itself; what libraries print goes to standard error."""
        self._out = os.fdopen(os.dup(1), "w")
        os.dup2(2, 1)
        self.losses: list[float] = []
        self._left = 0
        self._n_steps = 0
        self._cpu_s, self._wall_s = 0.0, 0.0

    def ready(self, **about: Any) -> None:
        """Says that the contender is loaded, and what it is."""
        self._say({"ready": about, "memory_mb": memory_mb()})

    def next(self) -> int:
        """Waits for a command; how many steps to make, 0: end. Starts the clock."""
        line = sys.stdin.readline()
        self._n_steps = int(json.loads(line)["steps"]) if line else 0
        self._left = self._n_steps
        self._wall_s, self._cpu_s = time.perf_counter(), time.process_time()
        return self._n_steps

    def done(self, **more: Any) -> None:
        """Says what the steps of the last command took."""
        cpu_s = time.process_time() - self._cpu_s
        wall_s = time.perf_counter() - self._wall_s
        took = {"steps": self._n_steps, "cpu_s": cpu_s, "wall_s": wall_s, "memory_mb": memory_mb()}
        self._say({**took, **more})

    def step_done(self) -> bool:
        """For loops that call after every step: whether to end.

        After the last step of a command it reports, and waits for the next.
        """
        self._left -= 1
        if self._left > 0:
            return False
        self.done()
        return self.next() == 0

    def close(self) -> None:
        """Says the losses, at the end."""
        self._say({"losses": self.losses})

    def _say(self, what: dict[str, Any]) -> None:
        self._out.write(json.dumps(what) + "\n")
        self._out.flush()


def memory_mb() -> dict[str, float]:
    """Resident memory of this process, now and at its highest, in MiB."""
    status = Path("/proc/self/status")
    if not status.is_file():
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes on macOS
        return {"now": peak, "peak": peak}
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    return {
        name: round(int(fields[key].split()[0]) / 1024, 1)
        for name, key in (("now", "VmRSS"), ("peak", "VmHWM"))
    }


def read_work() -> dict[str, Any]:
    """The work that the benchmark wrote down for this contender."""
    return json.loads(Path(sys.argv[1]).read_text("utf-8"))


def read_rows(work: dict[str, Any]) -> list[dict[str, Any]]:
    """The rows of all steps, in order."""
    return json.loads(Path(work["rows"]).read_text("utf-8"))
