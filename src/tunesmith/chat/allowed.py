"""Allowed: one limit of an endpoint, as the headers of its replies tell it."""

from __future__ import annotations

import re
from collections.abc import Mapping

MINUTE_S = 60.0
LONGER_S = 90.0
"""What needs longer than this to fill up again is no limit of a minute."""
PERIODS_S = (3600.0, 86400.0)
NEAR = 0.1
SCARCE = 0.05
"""Of the limit: with no more than this left, a refusal is its doing."""
UNITS_S = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
SPAN = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+")


class Allowed:
    """A limit on requests or on tokens.

    Attributes:
        rate: per second; None where nothing is told. The limit of an hour or a day is not one to
            be spread over it: it ends in one refusal with a long wait.
        limit: as told.
        left: as told last.
    """

    def __init__(self, kind: str) -> None:
        """Takes ``requests`` or ``tokens``, as the headers are called."""
        self.rate: float | None = None
        self.limit: float | None = None
        self.left: float | None = None
        self._kind = kind
        self._is_long = False
        self._before: tuple[float, float] | None = None

    def learn(self, headers: Mapping[str, str]) -> None:
        """Takes what a reply tells; what is missing changes nothing.

        Args:
            headers: names in small letters.
        """
        limit = _number(headers.get(f"x-ratelimit-limit-{self._kind}"))
        if not limit:
            return
        self.limit = limit
        self.left = _number(headers.get(f"x-ratelimit-remaining-{self._kind}"))
        reset_s = seconds_of(headers.get(f"x-ratelimit-reset-{self._kind}", ""))
        if reset_s is not None:
            self._is_long = self._is_long or reset_s > LONGER_S or self._fills_slowly(reset_s)
        self.rate = None if self._is_long else limit / MINUTE_S

    def _fills_slowly(self, reset_s: float) -> bool:
        """Whether two replies agree that a whole limit fills up in an hour or a day.

        A limit that fills evenly needs the longer, the more is used: their ratio is its rate. Of a
        window that starts anew each minute one reply may look so by accident, and the next not.
        """
        if self.left is None or self.limit is None or not 0 < self.left < self.limit:
            return False
        used = self.limit - self.left
        whole_s = self.limit * reset_s / used
        period = next((p for p in PERIODS_S if abs(whole_s - p) < NEAR * p), None)
        before, self._before = self._before, None if period is None else (used, period)
        return before is not None and period == before[1] and used != before[0]

    def explains_refusal(self, cost: float) -> bool:
        """Whether a request of this cost can have been refused for what is left of this limit."""
        if self.limit is None:
            return False
        return self.left is None or self.left < max(cost, SCARCE * self.limit)


def seconds_of(text: str) -> float | None:
    """Seconds of ``6m0s``, ``7.66s``, ``120ms`` or a plain number; None where it is no span."""
    if SPAN.fullmatch(text):
        parts = re.findall(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)", text)
        return sum(float(number) * UNITS_S[unit] for number, unit in parts)
    seconds = _number(text)
    return seconds if seconds is not None and seconds < 1e7 else None  # else it is a date


def _number(text: str | None) -> float | None:
    try:
        value = float(text or "")
    except ValueError:
        return None
    return value if 0 <= value < 1e12 else None
