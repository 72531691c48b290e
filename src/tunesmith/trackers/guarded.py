"""Guarded: a tracker that fails does not end a run; what it missed is told to it again."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable
from typing import Any

from tunesmith.core.runs import METRICS
from tunesmith.trackers.tracker import OpenTracker


class Guarded(OpenTracker):
    """Passes everything on in order; keeps what the tracker did not take, and tries again."""

    def __init__(self, name: str, tracker: OpenTracker) -> None:
        self.name = name
        self.tracker = tracker
        self.waiting: deque[Callable[[], None]] = deque()
        self.was_told = False

    def step(self, values: dict[str, Any]) -> None:
        """Passes a step on."""
        self._pass_on(lambda: self.tracker.step(values))

    def evaluation(self, values: dict[str, Any]) -> None:
        """Passes an evaluation on."""
        self._pass_on(lambda: self.tracker.evaluation(values))

    def samples(self, step: int, samples: list[dict[str, Any]]) -> None:
        """Passes answers on."""
        self._pass_on(lambda: self.tracker.samples(step, samples))

    def close(self, *, finished: bool) -> None:
        """Ends the tracker, and tells what it never took."""
        n_missed = len(self.waiting)
        self._pass_on(lambda: self.tracker.close(finished=finished))
        if len(self.waiting) > 1:
            tell(f"tracker {self.name!r} never took {n_missed} records; all are in {METRICS}.")

    def _pass_on(self, call: Callable[[], None]) -> None:
        self.waiting.append(call)
        try:
            while self.waiting:
                self.waiting[0]()
                self.waiting.popleft()
        except Exception as error:
            if not self.was_told:
                tell(
                    f"tracker {self.name!r} fails ({one_line(error)}); training goes on, and its "
                    "records are kept for it."
                )
            self.was_told = True


def tell(sentence: str) -> None:
    """Says something on standard error, at once."""
    print(sentence, file=sys.stderr, flush=True)


def one_line(error: Exception) -> str:
    """An error in at most 200 characters."""
    text = " ".join(f"{type(error).__name__}: {error}".split())
    return text if len(text) <= 200 else text[:197] + "..."
