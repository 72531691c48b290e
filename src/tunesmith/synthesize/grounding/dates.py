"""Dates and times of day: 5 January 2024, Jan 5th, 2024-01-05, 2024年1月5日; 7:30 p.m."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tunesmith.synthesize.grounding.chinese_numbers import NUMERAL, chinese_value

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan enero", "february feb febrero", "march mar marzo", "april apr abril",
            "may mayo", "june jun junio", "july jul julio", "august aug agosto",
            "september sept sep septiembre setiembre", "october oct octubre",
            "november nov noviembre", "december dec diciembre",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
DAY = r"(?:0?[1-9]|[12]\d|3[01])"
YEAR = r"(?:1\d{3}|20\d{2})"
HAN = r"[〇零○一二三四五六七八九十廿卅\d]"
PATTERNS = [
    re.compile(pattern, re.I)
    for pattern in (
        r"\b(?P<y>\d{4})[-/.](?P<m>\d{1,2})[-/.](?P<d>\d{1,2})(?![\d.-])",
        rf"\b(?P<d>{DAY})(?:st|nd|rd|th)?(?:\s*(?:-|–|to|and|until|al?|y)\s*(?P<d2>{DAY})"
        rf"(?:st|nd|rd|th)?)?(?:\s+day)?\s*(?:of\s+|de\s+)?(?P<month>{MONTH})\b\.?"
        rf"(?:(?:,?\s*|\s+del?\s+)(?P<y>{YEAR})\b)?",
        rf"\b(?P<month>{MONTH})\b\.?\s+(?:the\s+)?(?P<d>{DAY})(?:st|nd|rd|th)?\b(?![\d:])"
        rf"(?:\s*(?:-|–|to|and)\s*(?P<d2>{DAY})(?:st|nd|rd|th)?\b)?(?:,?\s*(?P<y>{YEAR})\b)?",
        rf"\b(?P<month>{MONTH})\b\.?,?\s+(?:of\s+|de\s+)?(?P<y>{YEAR})\b",
        rf"(?P<y>{HAN}{{2,4}})\s*[年년]\s*(?P<m>{HAN}{{1,3}})\s*[月월](?:份"
        rf"|\s*(?P<d>{HAN}{{1,3}})\s*"
        r"[日号일](?:\s*[-–~～至到]\s*(?P<d2>\d{1,2})[日号])?)?",
        rf"(?P<m>{HAN}{{1,3}})\s*[月월](?:份|\s*(?P<d>{HAN}{{1,3}})\s*[日号일]"
        rf"(?:\s*[-–~～至到]\s*(?P<d2>\d{{1,2}})[日号])?|(?!球))",
        rf"\b(?P<a>\d{{1,2}})[/.](?P<b>\d{{1,2}})[/.](?P<y>{YEAR})\b",
    )
]
ALONE = re.compile(rf"\b(?:{MONTH})\b", re.I)
AMBIGUOUS = {"may", "march", "mar", "sep", "dec", "jan", "jun"}
LED = re.compile(
    r"\b(?:in|of|since|until|till|to|from|by|late|early|mid|during|and|through|next|last|between"
    r"|before|after|each|every|this|the|or|en|de)[\s-]+$",
    re.I,
)
TIME = re.compile(
    r"(?<![\d:.,])(?P<h>[01]?\d"
    r"|2[0-4])(?:[:：](?P<min>[0-5]\d)(?::[0-5]\d)?\s*(?P<half>[ap]\.?\s?m\b\.?)?"
    r"|(?:[.](?P<min2>[0-5]\d))?\s*(?P<half2>[ap]\.?\s?m\b\.?))(?![\d:])",
    re.I,
)
PARTS_OF_DAY = "凌晨|清晨|早上|早晨|上午|中午|下午|傍晚|晚上|夜里|晚|早|오전|오후"
HAN_TIME = re.compile(
    rf"(?P<part>{PARTS_OF_DAY})?\s*(?P<h>{HAN}{{1,3}}|两|十[一二]|二十[一二三四]?)\s*[点點时시]"
    rf"(?:钟|整)?(?:(?P<halfpast>半)|(?P<quarter>[一三])刻|\s*(?P<min>{HAN}{{1,3}})\s*[分분])?"
)
NOONS = {"noon": 720, "midnight": 0, "正午": 720, "午夜": 0, "mediodía": 720, "medianoche": 0}
HALF_DAY = 720


@dataclass(frozen=True, slots=True)
class Date:
    """What was told of a date; None for what was not."""

    year: int | None
    month: int
    day: int | None
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Time:
    """A time of day in minutes."""

    minutes: int
    is_sure: bool
    """Whether morning or evening was told, or the clock has 24 hours."""
    start: int
    end: int


def dates(text: str) -> list[Date]:
    """Dates with at least a month, in order; several readings of 3/4/2024 stand at one place."""
    found: list[Date] = []
    taken: list[tuple[int, int]] = []
    for pattern in PATTERNS:
        for hit in pattern.finditer(text):
            if any(hit.start() < end and start < hit.end() for start, end in taken):
                continue
            if one := [*_of(hit)]:
                found += one
                taken.append(hit.span())
    for hit in ALONE.finditer(text):
        if any(hit.start() < end and start < hit.end() for start, end in taken):
            continue
        name = hit[0].lower()
        is_written_so = hit[0][0].isupper() or name not in {"may", "march", "sep", "dec", "mar"}
        if is_written_so and (name not in AMBIGUOUS or LED.search(text[: hit.start()][-12:])):
            found.append(Date(None, MONTHS[name], None, *hit.span()))
    return sorted(found, key=lambda date: date.start)


def _of(hit: re.Match[str]) -> Iterator[Date]:
    parts = hit.groupdict()
    year = _number(parts.get("y"))
    if parts.get("y") and year is not None and year < 100 and len(parts["y"]) == 2:
        year = None
    if parts.get("a"):
        first, second = int(parts["a"]), int(parts["b"])
        for day, month in {(first, second), (second, first)}:
            if month <= 12 and day <= 31:
                yield Date(year, month, day, *hit.span())
        return
    name = parts.get("month")
    month = MONTHS[name.lower()] if name else _number(parts.get("m"))
    if not month or month > 12:
        return
    days = [_number(parts.get(key)) for key in ("d", "d2")]
    if any(day is not None and not 1 <= day <= 31 for day in days):
        return
    yield Date(year, month, days[0], *hit.span())
    if days[1] is not None:
        yield Date(year, month, days[1], *hit.span())


def _number(text: str | None) -> int | None:
    if not text:
        return None
    if text.isdigit():
        return int(text)
    value = chinese_value(text) if NUMERAL.fullmatch(text) else None
    return int(value) if value is not None else None


def times(text: str) -> list[Time]:
    """Times of day."""
    found: list[Time] = []
    hits = [*TIME.finditer(text)]
    # Who writes 18:00 means the morning by 8:00.
    has_24_hours = any(int(hit["h"]) > 12 for hit in hits)
    for hit in hits:
        half = (hit["half"] or hit["half2"] or "").lower()
        hour, minute = int(hit["h"]), int(hit["min"] or hit["min2"] or 0)
        if half:
            hour = hour % 12 + (12 if half.startswith("p") else 0)
        found.append(Time(hour * 60 + minute, bool(half) or has_24_hours, *hit.span()))
    for hit in HAN_TIME.finditer(text):
        hour, part = _number(hit["h"]) if hit["h"] != "两" else 2, hit["part"] or ""
        if (
            hour is None
            or hour > 24
            or not (part or hit["min"] or hit["halfpast"] or hit["quarter"])
        ):
            continue
        minute = 30 if hit["halfpast"] else _number(hit["min"]) or 0
        minute = 15 * int(_number(hit["quarter"]) or 0) if hit["quarter"] else minute
        late = part in {"下午", "傍晚", "晚上", "晚", "夜里", "오후"} and hour < 12
        is_sure = bool(part) or hour > 12
        found.append(Time((hour + 12 * late) * 60 + minute, is_sure, *hit.span()))
    for name, minutes in NOONS.items():
        for hit in re.finditer(rf"\b{name}\b" if name.isascii() else name, text, re.I):
            found.append(Time(minutes, True, *hit.span()))
    return found


def is_told(date: Date, told: list[Date], numbers: frozenset[int]) -> bool:
    """Whether a date agrees with one of a source.

    Args:
        date: of an answer.
        told: dates of the sources.
        numbers: whole numbers of the sources: a year may stand apart from its day and month.
    """
    return any(
        date.month == one.month
        and _agree(date.day, one.day, numbers)
        and _agree(date.year, one.year, numbers)
        for one in told
    )


def _agree(wanted: int | None, told: int | None, numbers: frozenset[int]) -> bool:
    return wanted is None or wanted == told or (told is None and wanted in numbers)


def is_same_time(time: Time, told: list[Time]) -> bool:
    """Whether a time of day agrees with one of a source."""
    for one in told:
        period = 2 * HALF_DAY if time.is_sure and one.is_sure else HALF_DAY
        if (time.minutes - one.minutes) % period == 0:
            return True
    return False
