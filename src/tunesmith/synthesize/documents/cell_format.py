"""Cell format: a value of a spreadsheet and its format code -> the text that the sheet shows.

The file holds 0.125 and ``0.0%``; a reader sees 12.5%. Codes: ECMA-376 part 1, 18.8.30 and 18.8.31.
"""

from __future__ import annotations

import re
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, localcontext
from math import isfinite

from tunesmith.synthesize.documents.date_format import shown_date

SECTION = re.compile(r'((?:"[^"]*"|\\.|\[[^\]]*\]|[^;"\\\[])*)(?:;|$)')
TOKEN = re.compile(
    r'"(?P<quoted>[^"]*)"'
    r"|\\(?P<escaped>.)"
    r"|[_*]."  # a gap as wide as a letter; a letter that fills the cell
    r"|\[\$(?P<currency>[^\]-]*)[^\]]*\]"
    r"|\[[^\]]*\]"  # a colour
    r"|(?P<digits>[0#?](?:[0#?,.]*[0#?.,])?(?:[eE][+-]0+)?|\.[0#?]+)"
    r"|(?P<other>.)",
    re.S,
)
CONDITION = re.compile(r"\[[<>=]")
EXACT = 15
"""Digits that a spreadsheet keeps of a number."""
LONGEST = 255
"""Characters of a code that a spreadsheet takes."""
LARGEST = 1e21
"""From here on a number is written with its power of ten, whatever its format."""


def shown(value: object, code: str) -> str:
    """What a sheet shows of a value.

    Args:
        value: text, number, truth, date, time or span of time; None for an empty cell.
        code: its format, for example ``#,##0.00`` or ``yyyy-mm-dd``.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).upper()
    if isinstance(value, datetime | date | time | timedelta):
        return shown_date(value, code)
    if isinstance(value, int | float):
        return _number(value, code)
    return str(value)


def _general(value: float) -> str:
    """A number without a format, free of the last digits that binary fractions bring along."""
    if isinstance(value, int) or not isfinite(value):
        return str(value)
    if value == int(value) and abs(value) < 10**EXACT:
        return str(int(value))
    return f"{value:.{EXACT}g}"


def _number(value: float, code: str) -> str:
    is_plain = CONDITION.search(code) or len(code) > LONGEST or not abs(value) < LARGEST
    if is_plain:
        return _general(value)
    sections = SECTION.findall(code)
    if len(sections) > 1 and not sections[-1]:
        sections.pop()  # which the pattern finds at the end of every code
    section, is_signed = _section(value, sections)
    tokens = [*TOKEN.finditer(section)]
    digits = [token["digits"] for token in tokens if token["digits"]]
    if "general" in section.lower() or "@" in section or len(digits) > 1 or "?/" in section:
        return _general(value)
    n_percent = min(1, sum(token["other"] == "%" for token in tokens))
    parts: list[str] = []
    for token in tokens:
        if token["digits"]:
            parts.append(_digits(abs(value) * 100**n_percent, token["digits"]))
        else:
            given = (token["quoted"], token["escaped"], token["currency"], token["other"])
            parts.append(next((text for text in given if text), ""))
    text = "".join(parts).strip()
    if not text:
        return _general(value)  # hidden by its format; nothing is dropped in silence
    has_value = any(mark in text for mark in "123456789")
    return f"-{text}" if is_signed and value < 0 and has_value else text


def _section(value: float, sections: list[str]) -> tuple[str, bool]:
    """The section for a value, and whether its minus is still to be written."""
    if value < 0 and len(sections) > 1:
        return sections[1], False
    if value == 0 and len(sections) > 2:
        return sections[2], False
    return sections[0], True


def _digits(value: float, pattern: str) -> str:
    """A number that is not negative, by a pattern such as ``#,##0.0#`` or ``0.00E+00``."""
    mantissa, has_exponent, exponent = re.sub("[eE]", "E", pattern).partition("E")
    whole, _, fraction = mantissa.partition(".")
    n_most, n_least = len(re.sub("[^0#?]", "", fraction)), fraction.count("0")
    if has_exponent:
        base, power = f"{value:.{n_most}e}".split("e")
        sign = "-" if int(power) < 0 else "+" if exponent.startswith("+") else ""
        return f"{base}E{sign}{abs(int(power)):0{exponent.count('0')}d}"
    number = Decimal(f"{value:.{EXACT}g}")
    number /= 1000 ** (len(mantissa) - len(mantissa.rstrip(",")))
    with localcontext(prec=2 * LONGEST):
        rounded = number.quantize(Decimal(1).scaleb(-n_most), ROUND_HALF_UP)
    left, _, right = f"{rounded:f}".partition(".")
    left = left.rjust(whole.count("0"), "0") if whole.count("0") or left != "0" else ""
    if "," in whole.rstrip(","):
        left = f"{left[: len(left) % 3]},{','.join(re.findall('...', left[len(left) % 3 :]))}"
        left = left.strip(",")
    right = right[:n_least] + right[n_least:].rstrip("0")
    return f"{left}.{right}" if right else left
