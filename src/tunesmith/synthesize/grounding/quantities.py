"""Quantities: every number of a text with its unit, in whatever form it was written."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from fractions import Fraction

from tunesmith.synthesize.grounding.chinese_numbers import DIGITS, NUMERAL, chinese_value
from tunesmith.synthesize.grounding.english_numbers import english_numbers, said_otherwise
from tunesmith.synthesize.grounding.units import PERCENT, currency_before, unit_behind

SPACES = "\u00a0\u202f\u2009 "
DIGITAL = re.compile(
    rf"(?<![\d])(?:\d{{1,3}}(?:[,'’]\d{{3}})+(?:\.\d+)?|\d{{1,3}}(?:\.\d{{3}}){{2,}}(?:,\d+)?"
    rf"|\d{{1,3}}\.\d{{3}},\d+|\d{{1,3}}(?:[{SPACES}]\d{{3}})+(?![\d])(?:[.,]\d+)?"
    rf"|\d+(?:[.,]\d+)?)(?:[eE][-+]?\d{{1,3}}(?!\w))?"
)
POWER = re.compile(r"\s*[×x*·]\s*10\^?(?P<power>[-−]?\d{1,2})(?!\d)|\^(?P<only>[-−]?\d{1,2})(?!\d)")
SCALE = re.compile(
    r"[ \t\n\u00a0-]?(?i:(?P<word>hundred|thousand|million|billion|trillion|mil millones|millones"
    r"|millón|mil|mn|bn|mln)\b)|(?<=\d)(?P<letter>[kKMBm])(?![\w/])"
    r"|[ ]?(?P<han>[十百千]?[万亿萬億]|[百千](?![米克瓦卡焦])|천만|백만|[만억조])"
)
SCALES = {
    "hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12,
    "mil": 10**3, "millón": 10**6, "millones": 10**6, "mil millones": 10**9, "mn": 10**6,
    "mln": 10**6, "bn": 10**9, "k": 10**3, "m": 10**6, "b": 10**9, "万": 10**4, "萬": 10**4,
    "亿": 10**8, "億": 10**8, "十万": 10**5, "百万": 10**6, "千万": 10**7, "十亿": 10**9,
    "百亿": 10**10, "千亿": 10**11, "百": 100, "千": 1000, "만": 10**4, "억": 10**8,
    "조": 10**12, "천만": 10**7, "백만": 10**6,
}  # fmt: skip
PARTS = re.compile(
    rf"(?P<of>百|千|{NUMERAL.pattern}|\d+)分之(?P<n>{NUMERAL.pattern}|\d+(?:\.\d+)?)"
)
TENTHS = re.compile(
    rf"(?P<n>[{''.join(c for c in DIGITS if c not in '双俩')}]"
    rf"|\d(?:\.\d)?)成(?![为功立长本员果就熟])"
)
SPACED = re.compile(r"(?<![\d,.])\d{1,3}(?:, \d{3})+(?![\d])")
"""20, 000: as texts that were split into words have it."""
HALF_HOUR = re.compile(r"half an hour|half-hour|半个?小时|半个?钟头|media hora|반시간", re.I)
RATIO = re.compile(r"(?<![\d/.])(\d{1,3})\s?[/⁄]\s?(\d{1,3})(?![\d/])")
JOINED = re.compile(
    r"\s*(?:[-–—~～〜－、,，/]|to|and|or|through|a|y|o|至|到|和|或|与|에서|부터)\s*", re.I
)
ABOUT = re.compile(r"[多余来几]")
NEGATIVE = re.compile(
    r"(?:(?:^|[\s(（\[|])[-−]|\b(?:minus|negative|menos)\s+|[零负](?:下)?|영하\s*)$", re.I
)
HOUR = re.compile(r"\s+of\s+an\s+hour\b|\s+hours?\b", re.I)
ORDINAL_END = re.compile(r"(?:st|nd|rd|th|[ªº])(?!\w)", re.I)
LONGEST = 40
"""Characters of a number; what is longer is none."""
SUPERSCRIPTS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
RAISED = re.compile(r"(?<=\d)[⁰¹²³⁴⁵⁶⁷⁸⁹⁻]+")


@dataclass(frozen=True, slots=True)
class Quantity:
    """A number that stands in a text."""

    values: frozenset[Fraction]
    """What it may mean: 1.234 is one and a bit, and in Spanish a thousand."""
    units: frozenset[str]
    """What its unit may be; empty without one."""
    start: int
    end: int
    """Where the number ends, with its scale."""
    stop: int
    """Where its unit ends."""
    form: str
    """``digits``, ``words`` (English), ``han`` or ``said`` (both, a dozen)."""
    is_ordinal: bool = False
    is_negative: bool = False


def plain_powers(text: str) -> str:
    """Writes raised digits with ^, so that 10⁵ is not read as 105."""
    return RAISED.sub(lambda found: "^" + found[0].translate(SUPERSCRIPTS), text)


def quantities(text: str, *, freely: bool = False) -> list[Quantity]:
    """All numbers of a text.

    Args:
        text: in NFKC.
        freely: read whatever could be meant as a number, as is right for a source: "both", "a
            kilometre", 一 in any word.

    Returns:
        In order of their place. A range's unit and scale ("5 to 7 million km") hold for both ends.
    """
    found = [*_fractions(text)]
    # 百分之五 is 5 %, and never 5; 1/3 may be a date's or a list's in a source.
    taken = {
        place
        for one in found
        if not freely or PERCENT in one.units
        for place in range(one.start, one.end)
    }
    for one in (*_digital(text), *_in_english(text), *_in_han(text)):
        if taken.isdisjoint(range(one.start, one.end)):
            found.append(one)
    if freely:
        found += [
            replace(
                one,
                values=frozenset(value * 100 for value in one.values),
                units=frozenset({PERCENT}),
            )
            for one in found
            if not one.units and all(0 < value < 1 for value in one.values)
        ]
        for number in SPACED.finditer(text):
            if len(number[0]) > LONGEST:
                continue
            value = Fraction(re.sub(r"\D", "", number[0]))
            units, stop = unit_behind(text, number.end())
            found.append(Quantity(frozenset({value}), units, *number.span(), stop, "digits"))
        for value, start, end in said_otherwise(text):
            units, stop = unit_behind(text, end)
            percent = frozenset({PERCENT}) if value in (50, 25) else units
            found.append(Quantity(frozenset({value}), percent, start, end, stop, "said"))
    found.sort(key=lambda one: (one.start, one.end))
    return _ranges(text, found)


def _digital(text: str) -> Iterator[Quantity]:
    for hit in DIGITAL.finditer(text):
        if len(hit[0]) > LONGEST:
            continue
        values = readings(hit[0])
        end = hit.end()
        if power := POWER.match(text, end):
            exponent = int((power["power"] or power["only"]).replace("−", "-"))
            if power["power"]:
                values = {value * Fraction(10) ** exponent for value in values}
            elif abs(exponent) <= 18 and all(values):
                values = {value**exponent for value in values}
            end = power.end()
        before = currency_before(text, hit.start())
        scaled, end = _scaled(text, end, values, is_money=bool(before))
        ordinal = ORDINAL_END.match(text, end)
        end = ordinal.end() if ordinal else end
        about = ABOUT.match(text, end)
        units, stop = unit_behind(text, about.end() if about else end)
        yield Quantity(
            frozenset(scaled), before or units, hit.start(), end, max(stop, end), "digits",
            is_ordinal=bool(ordinal) or text[hit.start() - 1 : hit.start()] == "第",
            is_negative=bool(NEGATIVE.search(text[max(0, hit.start() - 10) : hit.start()])),
        )  # fmt: skip


def _scaled(
    text: str, end: int, values: set[Fraction], *, is_money: bool
) -> tuple[set[Fraction], int]:
    """Values times the scale behind them; 3万5千 is not read."""
    while scale := SCALE.match(text, end):
        if scale["letter"] == "m" and not is_money:
            break  # metres
        name = (scale["word"] or scale["letter"] or scale["han"]).lower()
        factor = SCALES[name]
        if scale["letter"]:
            values = values | {value * factor for value in values}  # 7B may be a name
        else:
            values = {value * factor for value in values}
        end = scale.end()
        if not scale["han"]:
            break
    return values, end


def readings(written: str) -> set[Fraction]:
    """What digits with points, commas, apostrophes and spaces may mean."""
    mantissa, _, exponent = written.lower().partition("e")
    bare = re.sub(rf"[{SPACES}'’]", "", mantissa)
    power = Fraction(10) ** int(exponent or 0)
    n_points, n_commas = bare.count("."), bare.count(",")
    options: set[str] = set()
    if n_points and n_commas:
        last = max(bare.rfind("."), bare.rfind(","))
        options.add(re.sub("[.,]", "", bare[:last]) + "." + bare[last + 1 :])
    elif n_points > 1 or n_commas > 1:
        options.add(re.sub("[.,]", "", bare))
    elif n_commas == 1:
        grouped = re.fullmatch(r"[1-9]\d{0,2},\d{3}", bare)
        options.add(bare.replace(",", "" if grouped else "."))
    else:
        options.add(bare)
        if re.fullmatch(r"[1-9]\d{0,2}\.\d{3}", bare):
            options.add(bare.replace(".", ""))
    return {Fraction(option) * power for option in options}


def _in_english(text: str) -> Iterator[Quantity]:
    for one in english_numbers(text):
        units, stop = unit_behind(text, one.end)
        values = {one.value}
        if 0 < one.value < 1:
            values.add(one.value * 100)  # a quarter is 25 %
            if hour := HOUR.match(text, one.end):
                values, units, stop = {one.value * 60}, frozenset({"min"}), hour.end()
        before = text[max(0, one.start - 10) : one.start]
        yield Quantity(
            frozenset(values), units, one.start, one.end, max(stop, one.end), "words",
            one.is_ordinal, bool(NEGATIVE.search(before)),
        )  # fmt: skip


def _in_han(text: str) -> Iterator[Quantity]:
    for hit in NUMERAL.finditer(text):
        value = chinese_value(hit[0]) if len(hit[0]) <= LONGEST else None
        if value is None or (hit.start() and text[hit.start() - 1].isdigit()):
            continue  # 3万: a scale of digits
        about = ABOUT.match(text, hit.end())
        end = about.end() if about else hit.end()
        units, stop = unit_behind(text, end)
        values = {value}
        if hit[0][-1] == "千" and text[end : end + 1] in ("米", "克", "瓦", "卡"):
            # 三千米 is 3,000 m and 3 km.
            thousand, stop = unit_behind(text, end - 1)
            values, units = {value, value / 1000}, units | thousand
        yield Quantity(
            frozenset(values), units, hit.start(), end, max(stop, end), "han",
            text[hit.start() - 1 : hit.start()] == "第",
            bool(NEGATIVE.search(text[max(0, hit.start() - 3) : hit.start()])),
        )  # fmt: skip


def _fractions(text: str) -> Iterator[Quantity]:
    for hit in PARTS.finditer(text):
        number = _value(hit["n"])
        of = {"百": Fraction(100), "千": Fraction(1000)}.get(hit["of"]) or _value(hit["of"])
        if number is None or not of:
            continue
        if hit["of"] == "百":
            value, units = number, frozenset({PERCENT})
        else:
            value, units = number / of, frozenset[str]()
        yield Quantity(frozenset({value}), units, *hit.span(), hit.end(), "han")
    for hit in TENTHS.finditer(text):
        if number := _value(hit["n"]):
            units = frozenset({PERCENT})
            yield Quantity(frozenset({number * 10}), units, *hit.span(), hit.end(), "han")
    for hit in HALF_HOUR.finditer(text):
        yield Quantity(
            frozenset({Fraction(30)}), frozenset({"min"}), *hit.span(), hit.end(), "words"
        )
    for hit in RATIO.finditer(text):
        if int(hit[2]):
            value = Fraction(int(hit[1]), int(hit[2]))
            yield Quantity(frozenset({value}), frozenset(), *hit.span(), hit.end(), "digits")


def _value(text: str) -> Fraction | None:
    if len(text) > LONGEST:
        return None
    return Fraction(text) if text[0].isdigit() else chinese_value(text)


def _ranges(text: str, found: list[Quantity]) -> list[Quantity]:
    """Gives the first of a range the unit, and maybe the scale, of the second."""
    for place in range(len(found) - 2, -1, -1):
        one, other = found[place], found[place + 1]
        if one.end > other.start or not JOINED.fullmatch(text, one.end, other.start):
            continue
        units = one.units or other.units
        scale = re.search(r"[万亿]|illion|thousand", text[other.start : other.end])
        values = one.values
        if scale and not re.search(r"[万亿]|illion|thousand", text[one.start : one.end]):
            factors = {"万": 10**4, "亿": 10**8, "thousand": 10**3}
            word = re.search(r"[mbtr]+illion", text[other.start : other.end])
            factor = SCALES.get(word[0], 1) if word else factors.get(scale[0], 1)
            values = values | {value * factor for value in values}
        found[place] = replace(one, units=units, values=frozenset(values))
    return found


def whole_numbers(found: Iterable[Quantity]) -> frozenset[int]:
    """The whole numbers among quantities."""
    return frozenset(int(v) for one in found for v in one.values if v.denominator == 1)
