"""Pace: when the next request may go out, by the limits that the endpoint tells.

Requests go out evenly, at the rate of the limit. A refusal (429) holds back all of them, for as
long as the endpoint says, and lowers the rate, which then recovers bit by bit. Where no limit is
told, a refusal that does not say how long to wait makes us guess one.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping

SLACK_S = 0.25
"""A slot that was not used is lost after so long, so no burst follows a pause."""
SLOWER = 0.85
"""What is left of the rate after a refusal."""
SLOWEST = 0.02
FASTER_PER_S = 0.02
"""Share of the full rate that comes back each second."""
WINDOW_S = 10.0
"""The rate that was refused, where no limit is told, is measured over so long."""
GUESS = 0.7
"""Of the rate that was refused."""
LEAST_GUESS = 0.5
"""Requests a second."""
GUESS_GROWS_PER_S = 1.1
"""A guess is soon wrong, so it grows until it is refused again."""
PLENTY = 0.5
"""Of the token limit: while more than this is left, tokens hold nothing back."""


class Pace:
    """Slots for requests, on the monotonic clock; for one event loop."""

    def __init__(self) -> None:
        self._rates: dict[str, float] = {}
        """Per second: of requests and of tokens."""
        self._ready: dict[str, float] = {}
        self._guess: float | None = None
        self._factor = 1.0
        self._slowed_at = -1e9
        self._paused_until = -1e9
        self._sent: deque[float] = deque()
        self.n_pauses = 0
        """A slot that was reserved before the last pause has lapsed: else all that waited would go
        out together at its end."""

    def reserve(self, n_tokens: int) -> float:
        """Takes the next slot.

        Args:
            n_tokens: what the request may cost, prompt and longest answer together.

        Returns:
            When it may be sent, on the monotonic clock.
        """
        now = time.monotonic()
        at = max(now, self._paused_until)
        for kind, cost in (("requests", 1), ("tokens", n_tokens)):
            rate = self._rate(kind, now)
            if rate is not None:
                ready = max(self._ready.get(kind, now), now - SLACK_S)
                self._ready[kind] = ready + cost / rate
                at = max(at, ready)
        return at

    def sent(self) -> None:
        """Notes that a request goes out now."""
        now = time.monotonic()
        self._sent.append(now)
        while self._sent[0] < now - WINDOW_S:
            self._sent.popleft()

    def learn(self, headers: Mapping[str, str], n_tokens_in_flight: int = 0) -> None:
        """Takes the limits from a reply's headers; those that are missing change nothing.

        Args:
            headers: names in small letters.
            n_tokens_in_flight: what the requests under way may cost.
        """
        for kind in ("requests", "tokens"):
            limit = _number(headers.get(f"x-ratelimit-limit-{kind}"))
            if limit:
                self._rates[kind] = limit / 60
        limit = _number(headers.get("x-ratelimit-limit-tokens"))
        left = _number(headers.get("x-ratelimit-remaining-tokens"))
        if limit and left is not None and left - n_tokens_in_flight > PLENTY * limit:
            # Our estimate is the longest answer; this endpoint counts what was really written.
            self._ready["tokens"] = time.monotonic()

    def slow_down(self, sent_at: float, wait_s: float, *, is_told: bool) -> None:
        """Holds everything back after a refusal.

        Args:
            sent_at: when the refused request was sent; of many that were under way together only
                the first lowers the rate.
            wait_s: how long nothing is sent.
            is_told: whether the endpoint has asked for that wait.
        """
        now = time.monotonic()
        if now + wait_s > self._paused_until:
            self._paused_until = now + wait_s
            self.n_pauses += 1
        if sent_at > self._slowed_at and ("requests" in self._rates or not is_told):
            self._lower(now)
        for kind in ("requests", "tokens"):
            self._ready[kind] = max(self._paused_until, now)

    def _lower(self, now: float) -> None:
        if "requests" in self._rates:
            self._factor = max(SLOWEST, self._share(now) * SLOWER)
        else:
            over_s = max(0.1, now - self._sent[0]) if self._sent else 1.0
            self._guess = max(LEAST_GUESS, GUESS * len(self._sent) / over_s)
        self._slowed_at = now

    def _rate(self, kind: str, now: float) -> float | None:
        """What may be sent a second; None where nothing limits it."""
        if kind in self._rates:
            return self._rates[kind] * self._share(now)
        if kind == "requests" and self._guess is not None:
            return self._guess * GUESS_GROWS_PER_S ** min(60.0, now - self._slowed_at)
        return None

    def _share(self, now: float) -> float:
        """Share of the told rate that is used now."""
        return min(1.0, self._factor + FASTER_PER_S * max(0.0, now - self._slowed_at))


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e12 else None
