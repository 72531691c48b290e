"""Addresses: streets with a number, places with a post code, where they can be told."""

from __future__ import annotations

import re
from collections.abc import Iterator

STREET = (
    r"street|st|avenue|ave|road|rd|lane|ln|drive|dr|boulevard|blvd|court|ct|way|place|pl|square|"
    r"sq|terrace|crescent|close|parkway|pkwy|highway|hwy"
)
POSTCODE_UK = r"[A-Z]{1,2}\d[A-Z\d]? \d[ABD-HJLNP-UW-Z]{2}"
POSTCODE_US = r"[A-Z]{2} \d{5}(?:-\d{4})?"
FLAT = r"(?:,? (?i:apt|apartment|unit|suite|flat|floor)\.? ?#?\w+)?"
TOWN = rf"(?:,? (?:[A-Z][a-z]+ ?){{1,3}},? (?:{POSTCODE_US}|{POSTCODE_UK}))?"
NAMED = r"[A-ZÀ-Ý][\wà-ÿ'’-]+(?: [A-ZÀ-Ý][\wà-ÿ'’-]+){0,2}"
HAN = "\u4e00-\u9fff"
ROOM = "(?:室|栋|楼|单元|号|座|房|层)"
ANY_HAN = re.compile(f"[{HAN}]")
PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?<![\w#.:,-])\d{{1,5}}[A-Za-z]?,? (?:[A-Z0-9][\w'’.-]* ){{1,4}}(?i:{STREET})\b\.?"
        + FLAT
        + TOWN,
        rf"(?<![\w-])(?:[A-Z][a-z]+ ){{0,3}}?[A-Z][a-z]+, {POSTCODE_US}(?!\w)",
        rf"(?<![\w-]){POSTCODE_UK}(?!\w)",
        r"(?<!\w)(?:[A-ZÄÖÜ][\w-]*(?:straße|strasse|str\.|weg|platz|allee|gasse)"
        r"|(?:[A-ZÄÖÜ][\w-]* )?(?:Straße|Strasse|Str\.|Allee)) \d{1,4} ?[a-z]?(?!\w)"
        r"(?:,? \d{5} [A-ZÄÖÜ][\wäöüß]+)?",
        r"(?<!\w)\d{1,4},? (?:bis |ter )?(?:rue|avenue|boulevard|place|impasse|chemin) "
        rf"(?:(?:de|du|des|la|le|les|l['’])\s?){{0,3}}{NAMED}(?:,? \d{{5}} [A-ZÉ][\wé-]+)?",
        r"(?<!\w)(?:Calle|C/|Avenida|Avda\.?|Plaza|Paseo|Rua|Via|Viale|Piazza) "
        rf"(?:(?:de|del|la|las|los|da|do|dei|della) ){{0,3}}{NAMED}"
        r",? (?:n[.º°] ?)?\d{1,4}(?!\w)(?:,? \d{5} [A-Z]\w+)?",
    )
)
HAN_PATTERNS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"(?:[{HAN}]{{2,4}}?(?:省|自治区))?(?:[{HAN}]{{2,4}}?市)?(?:[{HAN}]{{1,4}}?[区县镇])?"
        rf"[{HAN}]{{1,6}}?(?:路|街|道|巷|弄|胡同)\d{{1,5}}号?"
        rf"(?:[{HAN}A-Za-z\d-]{{0,12}}?{ROOM}){{0,4}}",
        rf"(?:[{HAN}]{{2,4}}(?:省|自治区))?[{HAN}]{{2,4}}市[{HAN}]{{1,4}}[区县]"
        rf"[{HAN}]{{1,10}}(?:小区|大厦|花园|公寓|广场)(?:[A-Za-z\d-]{{1,6}}{ROOM}){{0,4}}",
    )
)


def find_addresses(text: str) -> Iterator[tuple[int, int]]:
    """Every address, begin and end; all of them hold a digit, but for named houses in Chinese."""
    for pattern in (*PATTERNS, *HAN_PATTERNS) if ANY_HAN.search(text) else PATTERNS:
        for match in pattern.finditer(text):
            yield match.span()
