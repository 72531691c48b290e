"""Times: when a message was written, in the ways exports write it."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from tunesmith.synthesize.dialogues.said import Moment

NUMBER = re.compile(r"\d{9,19}(?:\.\d+)?")
SLASHED = re.compile(
    r"(\d{1,2})[/.-](\d{1,2})[/.-](\d{4}|\d{2})"
    r"(?:,?[ T]+(\d{1,2}):(\d{2})(?::(\d{2}))?(?:\.\d+)? ?([AaPp]\.?[Mm]\.?)?)?"
)
YEAR_FIRST = re.compile(
    r"(\d{4})[/.年-](\d{1,2})[/.月-](\d{1,2})日?"
    r"(?:[ T]*(\d{1,2})[:时](\d{1,2})(?:[:分](\d{1,2})秒?)?)?(?: ?UTC)?"
)
TWITTER = "%a %b %d %H:%M:%S %z %Y"
UNKNOWN: Moment = (None, None)
LARGEST_S = 1e11
"""Larger numbers count in milliseconds, and so on."""


def moment(value: Any) -> Moment:
    """Seconds since 1970; without a zone, UTC.

    Returns:
        Month first, then day first; the same but for dates such as 3/4/2025. None: not readable.
    """
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _both(_scaled(float(value)))
    if not isinstance(value, str) or not (text := value.strip()):
        return UNKNOWN
    if NUMBER.fullmatch(text):
        return _both(_scaled(float(text)))
    try:
        return _both(_seconds(datetime.fromisoformat(text)))
    except ValueError:
        pass
    if match := YEAR_FIRST.fullmatch(text):
        year, month, day, *clock = (int(part or 0) for part in match.groups())
        return _both(_made(year, month, day, clock))
    if match := SLASHED.fullmatch(text):
        return _slashed(match)
    for parse in (lambda t: datetime.strptime(t, TWITTER), parsedate_to_datetime):
        try:
            return _both(_seconds(parse(text)))
        except (ValueError, IndexError, OverflowError):
            continue
    return UNKNOWN


def _both(seconds: float | None) -> Moment:
    return seconds, seconds


def _scaled(number: float) -> float:
    for _ in range(3):
        if abs(number) >= LARGEST_S:
            number /= 1000
    return number


def _seconds(when: datetime) -> float:
    return (when if when.tzinfo else when.replace(tzinfo=UTC)).timestamp()


def _slashed(match: re.Match[str]) -> Moment:
    first, second, year, *clock = (int(part or 0) for part in match.groups()[:6])
    if half := (match[7] or "").lower():
        clock[0] = clock[0] % 12 + (12 if half.startswith("p") else 0)
    year += 2000 if year < 100 else 0
    return _made(year, first, second, clock), _made(year, second, first, clock)


def _made(year: int, month: int, day: int, clock: list[int]) -> float | None:
    try:
        hour, minute, second = clock
        return _seconds(datetime(year, month, day, hour, minute, second))
    except ValueError:
        return None
