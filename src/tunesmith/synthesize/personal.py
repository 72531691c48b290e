"""Personal: what in a text tells who or where a person is; its kind, never its value."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date

from tunesmith.checks.personal import EMAIL, numbers_in
from tunesmith.synthesize.dialogues.addresses import POSTCODE_UK, POSTCODE_US, find_addresses

CHINESE_IDENTITY = re.compile(
    r"(?<![0-9A-Za-z])[1-8]\d{5}(?P<year>(?:18|19|20)\d\d)(?P<month>\d\d)(?P<day>\d\d)\d{3}"
    r"[\dXx](?![0-9A-Za-z])"
)
"""Six digits of a place, eight of a day, three of an order and one of a check (GB 11643-1999)."""
SOCIAL_SECURITY = re.compile(r"(?<![\w-])(?!000|666|9\d\d)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])")
"""As the US Social Security Administration gives them out."""
OCTET = r"(?:25[0-5]|2[0-4]\d|1\d\d|[1-9]?\d)"
INTERNET = re.compile(rf"(?<![\w.])(?:{OCTET}\.){{3}}{OCTET}(?!\.?\w)")
NUMBERED = re.compile(
    r"(?:\b(?:v|ver|version|release|section|chapter|clause|article|no|build)\.?|§|版本|版|第)\s*$",
    re.I,
)
"""In front of a version or a section, which look like an address of the internet."""
OF_NOBODY = re.compile(
    r"(?:0|10|127|22[4-9]|2[3-5]\d)\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\."
)
"""Addresses that are the same in every house: private, loopback, link-local, multicast."""
LEAST_OCTET = 32
"""One number of four is at least this; version 1.2.3.4 has none."""
YEAR = re.compile(r"1[5-9]\d\d|20\d\d")
NO_HOUSE = re.compile(r"(?:[公铁]路|[国省县航频管轨]道)\d|街\d+(?!\d|号)")
"""Roads, rails and channels with a number of their own; in Chinese 公路13号."""
POSTCODE = re.compile(rf"{POSTCODE_UK}|{POSTCODE_US}")


def personal_data(text: str) -> str:
    """What kind of personal data a text holds; empty where none was found."""
    return next(_kinds(text), "")


def _kinds(text: str) -> Iterator[str]:
    data = text.encode("utf-8", "ignore")
    if EMAIL.search(data):
        yield "e-mail address"
    if not any(map(str.isdigit, text)):
        return
    # Before cards: a card's checksum fits one in ten of these by chance.
    if any(map(_is_born, CHINESE_IDENTITY.finditer(text))):
        yield "identity number"
    if SOCIAL_SECURITY.search(text):
        yield "social security number"
    for kind, _ in numbers_in(data):
        yield f"{kind} number"
    if any(_is_address(text[start:end]) for start, end in find_addresses(text)):
        yield "postal address"
    if any(_is_somebodys(text, found) for found in INTERNET.finditer(text)):
        yield "IP address"


def _is_born(found: re.Match[str]) -> bool:
    try:
        date(*(int(found[name]) for name in ("year", "month", "day")))
    except ValueError:
        return False
    return True


def _is_address(text: str) -> bool:
    """Not "1990 Supreme Court": a year in front of a name needs a post code behind it."""
    if NO_HOUSE.search(text):
        return False
    return not YEAR.match(text) or POSTCODE.search(text) is not None


def _is_somebodys(text: str, found: re.Match[str]) -> bool:
    if OF_NOBODY.match(found[0]) or NUMBERED.search(
        text[max(0, found.start() - 20) : found.start()]
    ):
        return False
    return max(map(int, found[0].split("."))) >= LEAST_OCTET
