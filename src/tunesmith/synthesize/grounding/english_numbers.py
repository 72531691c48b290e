"""Numbers in English words, and a few Spanish ones: twenty-five, two thirds, a hundred."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

ONES = {
    name: number
    for number, name in enumerate(
        "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen "
        "fifteen sixteen seventeen eighteen nineteen".split()
    )
}
TENS = {
    name: 10 * number
    for number, name in enumerate(
        "twenty thirty forty fifty sixty seventy eighty ninety".split(), start=2
    )
}
SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
ORDINALS = {
    "first": 1, "second": 2, "third": 3, "fourth": 4, "fifth": 5, "sixth": 6, "seventh": 7,
    "eighth": 8, "ninth": 9, "tenth": 10, "eleventh": 11, "twelfth": 12, "thirteenth": 13,
    "fourteenth": 14, "fifteenth": 15, "sixteenth": 16, "seventeenth": 17, "eighteenth": 18,
    "nineteenth": 19, "twentieth": 20, "thirtieth": 30, "fortieth": 40, "fiftieth": 50,
    "sixtieth": 60, "seventieth": 70, "eightieth": 80, "ninetieth": 90, "hundredth": 100,
    "thousandth": 1000,
}  # fmt: skip
PARTS = {
    "half": 2, "halves": 2, "third": 3, "thirds": 3, "quarter": 4, "quarters": 4, "fourths": 4,
    "fifth": 5, "fifths": 5, "sixth": 6, "sixths": 6, "seventh": 7, "sevenths": 7, "eighth": 8,
    "eighths": 8, "ninth": 9, "ninths": 9, "tenth": 10, "tenths": 10,
}  # fmt: skip
SPANISH = {
    "dos": 2, "tres": 3, "cuatro": 4, "cinco": 5, "seis": 6, "siete": 7, "ocho": 8, "nueve": 9,
    "diez": 10, "once": 11, "doce": 12, "trece": 13, "catorce": 14, "quince": 15, "veinte": 20,
    "treinta": 30, "cuarenta": 40, "cincuenta": 50, "sesenta": 60, "setenta": 70, "ochenta": 80,
    "noventa": 90, "cien": 100, "ciento": 100, "doscientos": 200, "trescientos": 300,
    "quinientos": 500, "mil": 1000,
}  # fmt: skip
SAID_OTHERWISE = {
    "both": (2,), "pair": (2,), "couple": (2,), "twice": (2,), "double": (2,), "doubles": (2,),
    "doubled": (2,), "twofold": (2,), "once": (1,), "single": (1,), "sole": (1,), "thrice": (3,),
    "triple": (3,), "tripled": (3,), "threefold": (3,), "dozen": (12,), "score": (20,),
    "decade": (10,), "century": (100,), "weekly": (7,), "half": (Fraction(1, 2), 50),
    "quarter": (Fraction(1, 4), 25), "none": (0,), "daily": (1,), "annual": (1,), "a": (1,),
    "an": (1,), "per": (1,), "each": (1,), "every": (1,), "una": (1,), "uno": (1,), "un": (1,),
    "ambos": (2,), "ambas": (2,), "doble": (2,), "mitad": (Fraction(1, 2), 50),
    "한": (1,), "하나": (1,), "두": (2,), "둘": (2,), "세": (3,), "셋": (3,), "네": (4,),
    "넷": (4,), "다섯": (5,), "여섯": (6,), "일곱": (7,), "여덟": (8,), "아홉": (9,), "열": (10,),
}  # fmt: skip
"""Words of a source that let an answer write the number."""
WORD = re.compile(r"[^\W\d_]+")
NUMBER = "|".join(sorted({*ONES, *TENS, *SCALES, *ORDINALS, *PARTS}, key=len, reverse=True))
RUN = re.compile(
    rf"\b(?:an?[ -](?=(?:hundred|thousand|million|billion|trillion|half|third|quarter|fifth|tenth)"
    rf"s?\b))?(?:{NUMBER})(?:(?:\s*-\s*|\s+and\s+|,?\s+)(?:{NUMBER}))*\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class InWords:
    """A number that was written in words."""

    value: Fraction
    start: int
    end: int
    is_ordinal: bool = False


def english_numbers(text: str) -> Iterator[InWords]:
    """Numbers in English words, in order; a run such as "two, three" gives each."""
    for run in RUN.finditer(text):
        yield from _of_run(text, run.start(), run.end())


def said_otherwise(text: str) -> Iterator[tuple[Fraction, int, int]]:
    """Numbers that other words of a source stand for: both, a dozen, a kilometre, tres, 두."""
    for word in WORD.finditer(text):
        low = word[0].lower()
        for value in SAID_OTHERWISE.get(low, ()):
            yield Fraction(value), word.start(), word.end()
        if low in SPANISH:
            yield Fraction(SPANISH[low]), word.start(), word.end()


def _of_run(text: str, start: int, end: int) -> Iterator[InWords]:
    total, current, begin, stop = 0, 0, -1, start
    last = ""
    for found in WORD.finditer(text, start, end):
        word = found[0].lower()
        if word in {"a", "an"}:
            current, begin, stop, last = 1, found.start(), found.end(), "one"
            continue
        if begin >= 0 and word in PARTS and _is_part(word, total + current, last):
            yield InWords(Fraction(total + current, PARTS[word]), begin, found.end())
            total, current, begin = 0, 0, -1
            continue
        if word in SCALES:
            if begin < 0:
                continue  # "hundreds of", or the scale of digits, which are read elsewhere
            if SCALES[word] == 100:
                current *= 100
            else:
                total, current = total + current * SCALES[word], 0
            last, stop = "scale", found.end()
            continue
        value = ONES.get(word, TENS.get(word, ORDINALS.get(word)))
        if value is None or (word == "second" and _is_duration(text, found.start(), begin, last)):
            continue  # "half" and "thirds" of no number; a unit of time
        if begin >= 0 and last != "scale" and not (last == "tens" and value < 10):
            yield InWords(Fraction(total + current), begin, stop)
            total, current, begin = 0, 0, -1
        begin = found.start() if begin < 0 else begin
        current, stop = current + value, found.end()
        last = "tens" if word in TENS else "ones"
        if word in ORDINALS:
            yield InWords(Fraction(total + current), begin, stop, True)
            total, current, begin = 0, 0, -1
    if begin >= 0:
        yield InWords(Fraction(total + current), begin, stop)


def _is_duration(text: str, at: int, begin: int, last: str) -> bool:
    """Whether "second" is a unit: behind another number."""
    before = text[max(0, at - 3) : at].rstrip(" -")
    return (begin >= 0 and last in {"ones", "one", "scale"}) or before[-1:].isdigit()


def _is_part(word: str, number: int, last: str) -> bool:
    """Whether a word behind a number makes it a fraction: two thirds, not twenty-third."""
    if last == "tens" and word in ORDINALS:
        return False
    if word.endswith("s") and word != "halves":
        return number > 1
    return number == 1 or word == "halves"
