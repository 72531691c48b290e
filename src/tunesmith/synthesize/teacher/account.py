"""Account: which requests came in and what became of them, and how many are allowed."""

from __future__ import annotations

import threading
import time
from collections import Counter
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Entry:
    """One request."""

    number: int
    key: str
    """Hash of its messages."""
    text: str
    """What the user said last."""
    outcome: str
    """``200``, another status, or the name of a fault."""
    arrived_s: float
    """On the monotonic clock."""
    n_in_flight: int
    """Requests that were being answered when it came, itself included."""


class RequestLedger:
    """All requests, in their order; safe to be used by many threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._entries: list[Entry] = []
        self._in_flight = 0
        self._asked: Counter[str] = Counter()

    def begin(self, key: str) -> tuple[int, int]:
        """Counts a request in; gives how often it was asked before, and how many are in flight."""
        with self._lock:
            before = self._asked[key]
            self._asked[key] += 1
            self._in_flight += 1
            return before, self._in_flight

    def note(self, key: str, text: str, outcome: str, n_in_flight: int) -> None:
        """Writes down what is about to become of a request."""
        with self._lock:
            number = len(self._entries) + 1
            now = time.monotonic()
            self._entries.append(Entry(number, key, text, outcome, now, n_in_flight))

    def end(self) -> None:
        """Counts a request out."""
        with self._lock:
            self._in_flight -= 1

    @property
    def entries(self) -> list[Entry]:
        """What was noted so far."""
        with self._lock:
            return list(self._entries)

    def __len__(self) -> int:
        with self._lock:
            return len(self._entries)

    def counts(self) -> Counter[str]:
        """Requests by outcome."""
        return Counter(entry.outcome for entry in self.entries)


@dataclass
class Allowance:
    """A bucket that fills evenly: requests or tokens of a minute, and how many are left."""

    per_minute: float
    burst: float
    """How much the bucket holds; that of the hosted services is a minute's worth."""

    def __post_init__(self) -> None:
        self._left = self.burst
        self._at = time.monotonic()
        self._lock = threading.Lock()

    def take(self, amount: float) -> float:
        """Takes an amount if it is there.

        Returns:
            0.0, or the seconds until it would be there; then nothing was taken.
        """
        with self._lock:
            self._fill()
            if amount <= self._left:
                self._left -= amount
                return 0.0
            return (amount - self._left) * 60 / self.per_minute

    def headers(self, kind: str) -> dict[str, str]:
        """The headers by which OpenAI tells it; ``kind`` is ``requests`` or ``tokens``."""
        with self._lock:
            self._fill()
            full_in_s = (self.burst - self._left) * 60 / self.per_minute
            return {
                f"x-ratelimit-limit-{kind}": f"{self.per_minute:g}",
                f"x-ratelimit-remaining-{kind}": f"{int(self._left)}",
                f"x-ratelimit-reset-{kind}": f"{full_in_s * 1000:.0f}ms",
            }

    def _fill(self) -> None:
        now = time.monotonic()
        self._left = min(self.burst, self._left + (now - self._at) * self.per_minute / 60)
        self._at = now
