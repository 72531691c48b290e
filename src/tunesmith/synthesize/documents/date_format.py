"""Date format: a date or time of a spreadsheet -> the text that the sheet shows.

Codes that stand for the order of the reader's own country (built-in 14 and 22) are written as ISO
8601: the file does not say which country that is.
"""

from __future__ import annotations

import re
from calendar import day_abbr, day_name, month_abbr, month_name
from datetime import date, datetime, time, timedelta

LOCAL = {"mm-dd-yy", "m/d/yy", "m/d/yy h:mm", "general", "@", ""}
"""Codes that do not say what is shown."""
TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"|\\(?P<escaped>.)|[_*].'
    r"|\[(?P<span>h+|m+|s+)\]|\[[^\]]*\]"
    r"|(?P<noon>am/pm|a/p)|(?P<field>y+|m+|d+|h+|s+(?:\.0+)?)|(?P<other>.)",
    re.I | re.S,
)
LANGUAGE = re.compile(r"\[\$[^\]-]*-(?:[0-9a-f]*?)([0-9a-f]{2})\]", re.I)
ENGLISH = "09"
"""Last two digits of the numbers of all kinds of English."""


def shown_date(value: date | time | timedelta, code: str) -> str:
    """What a sheet shows of a date, a time or a span of time.

    Args:
        value: without a zone.
        code: its format, for example ``d mmm yyyy`` or ``[h]:mm``.
    """
    code = code.split(";")[0]
    tokens = [*TOKEN.finditer(code)]
    fields = [(token["field"] or token["span"] or "").lower() for token in tokens]
    language = LANGUAGE.search(code)
    is_foreign = language is not None and language[1] != ENGLISH
    has_names = any(re.match(r"mmm|ddd", field) for field in fields)
    if code.lower() in LOCAL or not any(fields) or (has_names and is_foreign):
        return _iso(value)
    moment, span = _moment(value)
    has_noon = any(token["noon"] for token in tokens)
    parts: list[str] = []
    for place, token in enumerate(tokens):
        if token["span"]:
            parts.append(_span(span, token["span"].lower()))
        elif token["noon"]:
            names = token["noon"].split("/")
            parts.append(names[moment.hour >= 12])
        elif token["field"]:
            is_minute = fields[place][0] == "m" and _is_minute(fields, place)
            parts.append(_field(moment, fields[place], is_minute=is_minute, has_noon=has_noon))
        else:
            parts.append(token["quoted"] or token["escaped"] or token["other"] or "")
    return "".join(parts).strip()


def _iso(value: date | time | timedelta) -> str:
    if isinstance(value, timedelta):
        return str(value)
    if isinstance(value, datetime):
        is_day = value.time() == time(0)
        return value.date().isoformat() if is_day else value.replace(microsecond=0).isoformat(" ")
    if isinstance(value, time):
        return value.replace(microsecond=0).isoformat()
    return value.isoformat()


def _moment(value: date | time | timedelta) -> tuple[datetime, timedelta]:
    """The value as a point in time and as a span since the first day of the calendar."""
    start = datetime(1899, 12, 30)
    if isinstance(value, timedelta):
        return start + value, value
    if isinstance(value, time):
        value = datetime.combine(start, value)
    elif not isinstance(value, datetime):
        value = datetime.combine(value, time(0))
    return value, value - start


def _is_minute(fields: list[str], place: int) -> bool:
    """Whether an ``m`` stands behind hours or before seconds."""
    before = next((field for field in reversed(fields[:place]) if field), "")
    behind = next((field for field in fields[place + 1 :] if field), "")
    return len(fields[place]) < 3 and (before[:1] == "h" or behind[:1] == "s")


def _span(span: timedelta, field: str) -> str:
    """A span of time in whole hours, minutes or seconds."""
    seconds = round(span.total_seconds())
    n = abs(seconds) // {"h": 3600, "m": 60, "s": 1}[field[0]]
    return f"{'-' if seconds < 0 else ''}{n:0{len(field)}d}"


def _field(moment: datetime, field: str, *, is_minute: bool, has_noon: bool) -> str:
    unit, width = field[0], len(field)
    if unit == "y":
        return f"{moment.year:04d}" if width > 2 else f"{moment.year % 100:02d}"
    if unit == "h":
        hour = (moment.hour - 1) % 12 + 1 if has_noon else moment.hour
        return f"{hour:0{min(width, 2)}d}"
    if unit == "s":
        n_digits = width - field.index(".") - 1 if "." in field else 0
        fraction = f".{moment.microsecond:06d}"[: n_digits + 1] if n_digits else ""
        return f"{moment.second:0{min(len(field.split('.')[0]), 2)}d}{fraction}"
    if is_minute:
        return f"{moment.minute:0{min(width, 2)}d}"
    number = moment.month if unit == "m" else moment.day
    if width < 3:
        return f"{number:0{width}d}"
    if unit == "d":
        return (day_abbr if width == 3 else day_name)[moment.weekday()]
    if width == 5:
        return month_name[number][0]
    return (month_abbr if width == 3 else month_name)[number]
