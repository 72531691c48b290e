"""Numbers: mail addresses, phones, cards, orders and the like in a text, with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from tunesmith.checks.personal import EMAIL, number_spans
from tunesmith.synthesize.dialogues.addresses import find_addresses


@dataclass(frozen=True, slots=True)
class Found:
    """A stretch of a text."""

    start: int
    end: int
    kind: str
    key: str
    """The value in one way of writing, to know it again."""


BARE = re.compile(r"[\W_]+")
DATE = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d[-/.年]\d{1,2}[-/.月]\d{1,2}|\d{1,2}[-/.]\d{1,2}[-/.](?:19|20)?\d\d)"
    r"(?![\d-])(?:[T ]+\d{1,2}:\d\d(?::\d\d)?)?"
)
SUM = re.compile(
    r"(?:[$€£¥₹]|(?:USD|EUR|GBP|CNY|RMB|INR) ?)\d[\d.,]*"
    r"|(?<![\d.,])\d[\d.,]{0,15} ?(?:[$€£¥₹元]|USD|EUR)"
)
LONG = re.compile(
    r"(?<![A-Za-z0-9_.,])(?<![A-Za-z0-9_]-)\+?(?:\((?=\d{1,5}\)))?\d(?:[ ()/.-]{0,2}\d){6,24}[Xx]?"
    r"(?![A-Za-z\d])(?![.,]\d)"
)
"""Seven digits or more that nothing but spaces and signs part."""
LEAST_DIGITS, LEAST_PARTED = 7, 8
DIGIT = re.compile(r"\d")
VERSION = re.compile(r"\d{1,4}(?:\.\d{1,4}){2,}")
WORDS = (
    r"order|ticket|case|booking|reservation|reference|ref|tracking|invoice|confirmation|account|"
    r"customer|member(?:ship)?|serial|policy|contract|claim|parcel|shipment|pnr|imei|ssn|"
    r"passport|licen[cs]e|id|loyalty|transaction|"
    r"bestell(?:ung|nummer)?|auftrags?(?:nummer)?|kunden(?:nummer)?|vorgangs?(?:nummer)?|rechnung|"
    r"pedido|factura|cuenta|reserva|commande|facture|dossier|client"
)
LOCATORS = "booking|reservation|confirmation|record locator|pnr|tracking|reference"
CODE = re.compile(
    rf"(?<![A-Za-z0-9])(?:{WORDS})\s*(?:number|no\.?|nr\.?|num\.?|nummer|numéro|número|id|code|"
    r"ref(?:erence)?)?\s*(?:is|was|ist|es|est|are)?\s*[:：#=]?\s*#?\s*"
    r"(?P<code>(?=(?:[A-Za-z-]*\d){4}|(?=[\d-]*[A-Za-z])(?:[A-Za-z-]*\d){3})"
    r"[A-Za-z0-9][A-Za-z0-9-]{2,38}[A-Za-z0-9])"
    r"(?![A-Za-z0-9])",
    re.I,
)
LOCATOR = re.compile(
    rf"(?<![A-Za-z0-9])(?i:{LOCATORS})"
    r"\s*(?i:number|no\.?|code|ref(?:erence)?|id)?\s*(?i:is)?\s*[:#]?\s*"
    r"(?P<code>(?=[A-Z0-9]*[A-Z])[A-Z0-9]{5,8})(?![A-Za-z0-9])"
)
CODE_ZH = re.compile(
    r"(?:订单号?|工单号?|单号|快递单号|运单号|会员号|会员卡号|编号|身份证号?码?|卡号|账号|帐号|"
    r"手机号?码?|电话号?码?|微信号?|QQ号?|流水号|发票号)\s*[是为：:]*\s*(?P<code>[A-Za-z0-9_-]{5,40})",
    re.I,
)
LETTERS = re.compile(r"[a-zß-ÿ]+")
CODE_WORDS = frozenset(WORD for WORD in LETTERS.findall(f"{WORDS} {LOCATORS} license licence"))
CODE_CUES = re.compile(r"[#号编微卡账帐Qq]|(?i:nummer|bestell|auftrag|kunden|vorgang)")
"""Without one of these words no pattern finds a code."""
HASH = re.compile(r"(?<![\w&/])#(?P<code>\d{4,20})(?!\w)")
PHONE_WORDS = re.compile(
    r"(?:\b(?:phone|mobile|cell|tel|telephone|call|text|whatsapp|fax|telefon|handy|"
    r"teléfono|téléphone|móvil|portable)\b|电话|手机|致电|拨打)[^\d\n]{0,25}$", re.I
)  # fmt: skip


def find_numbers(text: str) -> list[Found]:
    """Mail addresses, numbers and postal addresses, in order and apart from each other."""
    taken: list[Found] = []
    for found in _candidates(text):
        if all(found.end <= other.start or other.end <= found.start for other in taken):
            taken.append(found)
    return sorted(taken, key=lambda found: found.start)


def _candidates(text: str) -> Iterator[Found]:
    if "@" in text:
        yield from _emails(text)
    if not any(map(str.isdecimal, text)):
        yield from _codes(text)
        return
    for start, end in find_addresses(text):
        yield _found((start, end), "address", text[start:end])
    is_long = len(DIGIT.findall(text)) >= LEAST_DIGITS
    if is_long:
        data = text.encode("utf-8", "surrogatepass")
        for kind, start, end in number_spans(data):
            span = _chars(data, start), _chars(data, end)
            yield _found(span, kind, text[slice(*span)])
    kept = [m.span() for pattern in (DATE, SUM) for m in pattern.finditer(text)]
    yield from _codes(text)
    for match in LONG.finditer(text) if is_long else ():
        start, end = match.start(), match.end()
        n_digits = sum(map(str.isdecimal, match[0]))
        is_parted = n_digits < len(match[0].strip("+"))
        inside = any(start < stop and begin < end for begin, stop in kept)
        if inside or VERSION.fullmatch(match[0]) or (is_parted and n_digits < LEAST_PARTED):
            continue
        is_phone = match[0][0] in "+(" or PHONE_WORDS.search(text[max(0, start - 40) : start])
        yield _found((start, end), "phone" if is_phone else "number", match[0])


def _emails(text: str) -> Iterator[Found]:
    data = text.encode("utf-8", "surrogatepass")
    for match in EMAIL.finditer(data):
        start, end = _chars(data, match.start()), _chars(data, match.end())
        # The pattern knows the letters of ASCII; an accented one belongs to the address too.
        while start and (text[start - 1].isalnum() or text[start - 1] in "._+-"):
            if ord(text[start - 1]) > 0x24F:
                break
            start -= 1
        yield Found(start, end, "email", text[start:end].lower())


def _codes(text: str) -> Iterator[Found]:
    if not CODE_WORDS & set(LETTERS.findall(text.lower())) and not CODE_CUES.search(text):
        return
    for pattern in (CODE, LOCATOR, CODE_ZH, HASH):
        for match in pattern.finditer(text):
            code = match["code"]
            if not DATE.fullmatch(code) and not re.fullmatch(r"(?:19|20)\d\d", code):
                yield _found(match.span("code"), "number", code)


def _found(span: tuple[int, int], kind: str, value: str) -> Found:
    return Found(*span, kind, BARE.sub("", value).lower())


def _chars(data: bytes, n_bytes: int) -> int:
    return len(data[:n_bytes].decode("utf-8", "surrogatepass"))
