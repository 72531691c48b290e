"""Personal data: rows with e-mail addresses, phone, card and account numbers.

What is found is counted and its place told; the value itself never leaves this file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from tunesmith.checks.finding import Finding, rows_text
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import Rows

EMAIL = re.compile(rb"(?<![\w.+-])[\w.+-]{1,64}@(?:[a-zA-Z0-9-]{1,63}\.){1,4}[a-zA-Z]{2,24}(?!\w)")
CARD = re.compile(rb"(?<![\w.+-])(?:\d[ -]?){12,18}\d(?![\w-])")
ACCOUNT = re.compile(rb"(?<!\w)[A-Z]{2}\d{2} ?(?:[A-Z0-9]{4} ?){2,7}[A-Z0-9]{1,4}(?!\w)")
PHONE = re.compile(
    rb"(?<![\w.,+/-])(?<!\d )(?:"
    rb"\+\d{1,3}[ .-]?(?:\(0?\d{0,4}\)[ .-]?)?\d{1,4}(?:[ .-]?\d{2,4}){1,4}"  # +44 20 7946 0958
    rb"|\(\d{3}\) ?\d{3}[ .-]\d{4}|(?:1[ .-])?\d{3}([.-])\d{3}\1\d{4}"  # 555-123-4567
    rb"|0\d{2,4}[ /-]\d{3,4}[ -]?\d{3,4}"  # 030 1234567
    rb"|1[3-9]\d{9}"  # a mobile number in China
    rb")(?!\w|[.,/ -]\d)"
)
CARD_STARTS = re.compile(rb"4|5[1-5]|2[2-7]|3[47]|6(?:011|5|2)|35")
FEWEST_DIGITS = 8
WIDEST_GAP = 3
"""Characters between two digits of one number, such as ``) (``; none of them letters."""
SIGNS = (ord(" "), ord("/"))
"""The first and the last character in front of the digits that is a space or a sign."""
MARGIN = 16
"""Bytes looked at on either side of a stretch of digits: a country code, a sign."""
ADDRESS_SIDE = 90
DIGIT, LETTERS = ord("0"), np.zeros(256, np.bool_)
LETTERS[[c for c in range(128) if chr(c).isalnum()]] = True


class PersonalData:
    """Counts rows by kind, and remembers the first few."""

    NAMES = {
        "email": "e-mail addresses",
        "phone": "phone numbers",
        "card": "card numbers",
        "account": "bank account numbers",
    }

    def __init__(self) -> None:
        self._n_rows = dict.fromkeys(self.NAMES, 0)
        self._rows: dict[str, list[int]] = {kind: [] for kind in self.NAMES}

    def look(self, portion: Portion) -> None:
        """Searches around every @ and every stretch with many digits."""
        found: dict[str, list[int]] = {kind: [] for kind in self.NAMES}
        text, data = portion.text, portion.joined
        at = np.flatnonzero(text == ord("@"))
        at = at[(at > 0) & (at < len(text) - 1)]
        at = at[LETTERS[text[at - 1]] & LETTERS[text[at + 1]]]
        for place in at.tolist():
            start = max(0, place - ADDRESS_SIDE)
            hits = EMAIL.finditer(data[start : place + ADDRESS_SIDE])
            if any(hit.start() < place - start < hit.end() for hit in hits):
                found["email"].append(place)
        for start, end in _stretches(text):
            for kind, place in numbers_in(data[max(0, start - MARGIN) : end + MARGIN]):
                found[kind].append(max(0, start - MARGIN) + place)
        for kind, places in found.items():
            if places:
                rows = np.unique(portion.rows_at(np.array(places))).tolist()
                self._n_rows[kind] += len(rows)
                self._rows[kind] += rows[: 9 - len(self._rows[kind])]

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells each kind that came up, without a value."""
        for kind, n in self._n_rows.items():
            if n:
                yield Finding(
                    f"personal-{kind}",
                    "warning",
                    n,
                    f"{rows_text(n, 'hold')} what looks like {self.NAMES[kind]}",
                    "A model repeats what it learnt: replace them by placeholders, or make sure "
                    "that they are meant to be there.",
                    rows.places(self._rows[kind]),
                )


def numbers_in(text: bytes) -> Iterator[tuple[str, int]]:
    """Card, account and phone numbers of a short text: their kind and where they begin."""
    for kind, start, _ in number_spans(text):
        yield kind, start


def number_spans(text: bytes) -> Iterator[tuple[str, int, int]]:
    """Card, account and phone numbers of a short text: their kind, begin and end, in bytes."""
    taken: list[tuple[int, int]] = []
    for kind, pattern, is_valid in (
        ("account", ACCOUNT, _is_account),
        ("card", CARD, _is_card),
        ("phone", PHONE, _is_phone),
    ):
        for hit in pattern.finditer(text):
            apart = all(hit.end() <= start or end <= hit.start() for start, end in taken)
            if apart and is_valid(hit[0]):
                taken.append(hit.span())
                yield kind, *hit.span()


def _stretches(text: np.ndarray) -> Iterator[tuple[int, int]]:
    """Where digits stand close together, (begin, end) in bytes."""
    digits = np.flatnonzero(text - np.uint8(DIGIT) < 10)
    if not len(digits):
        return
    gaps = np.diff(digits) - 1
    is_broken = gaps > WIDEST_GAP
    for step in range(1, WIDEST_GAP + 1):
        within = np.flatnonzero((gaps >= step) & ~is_broken)
        between = text[digits[within] + step] - np.uint8(SIGNS[0])
        is_broken[within] = between > SIGNS[1] - SIGNS[0]
    breaks = np.flatnonzero(is_broken)
    first, last = np.r_[0, breaks + 1], np.r_[breaks, len(digits) - 1]
    many = last - first + 1 >= FEWEST_DIGITS
    yield from zip(digits[first[many]].tolist(), (digits[last[many]] + 1).tolist(), strict=True)


def _is_card(text: bytes) -> bool:
    """Whether the digits begin as a card's do and their checksum (Luhn) is right."""
    digits = [byte - DIGIT for byte in text if DIGIT <= byte < DIGIT + 10]
    if len(set(digits)) < 2 or not CARD_STARTS.match(bytes(d + DIGIT for d in digits)):
        return False
    doubled = [sum(divmod(2 * digit, 10)) for digit in digits[-2::-2]]
    return (sum(digits[-1::-2]) + sum(doubled)) % 10 == 0


def _is_account(text: bytes) -> bool:
    """Whether the checksum of an international account number is right (ISO 13616)."""
    bare = text.replace(b" ", b"").decode()
    if not 15 <= len(bare) <= 34:
        return False
    moved = bare[4:] + bare[:4]
    return int("".join(str(int(char, 36)) for char in moved)) % 97 == 1


def _is_phone(text: bytes) -> bool:
    return 8 <= sum(DIGIT <= byte < DIGIT + 10 for byte in text) <= 15
