"""Numbers in Chinese characters: 三百二十, 两万, 二〇二四, 三点五, 百分之五, 三分之一, 3.2亿."""

from __future__ import annotations

import re
from fractions import Fraction

DIGITS = {char: number for number, char in enumerate("零一二三四五六七八九")} | {
    "〇": 0, "○": 0, "两": 2, "兩": 2, "俩": 2, "双": 2, "壹": 1, "贰": 2, "叁": 3, "肆": 4,
    "伍": 5, "陆": 6, "柒": 7, "捌": 8, "玖": 9,
}  # fmt: skip
TENS = {"十": 10, "百": 100, "千": 1000, "拾": 10, "佰": 100, "仟": 1000, "廿": 20, "卅": 30}
SCALES = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8, "兆": 10**12}
DIGIT = "零〇○一二两兩三四五六七八九壹贰叁肆伍陆柒捌玖"
NUMERAL = re.compile(rf"[{DIGIT}十百千万萬亿億拾佰仟廿卅]+(?:点[{DIGIT}]+)?")


def chinese_value(text: str) -> Fraction | None:
    """The value of a numeral.

    Args:
        text: a whole numeral, with a decimal part behind 点 or without.

    Returns:
        Its value; None where the characters make no number, as 千万 (millions) alone may.
    """
    whole, _, part = text.partition("点")
    value = _plain(whole)
    if value is None or not part:
        return value
    digits = "".join(str(DIGITS[char]) for char in part)
    return value + Fraction(int(digits), 10 ** len(digits))


def _plain(text: str) -> Fraction | None:
    if all(char in DIGITS for char in text):
        return Fraction(int("".join(str(DIGITS[char]) for char in text))) if text else None
    if text[0] in SCALES or text[0] in "百千佰仟":
        return None
    total, section, digit, last = 0, 0, 0, 0
    has_digit = False
    for char in text:
        if char in DIGITS:
            digit, has_digit = DIGITS[char], True
        elif char in "廿卅":
            section, digit, has_digit, last = section + TENS[char], 0, False, 10
        elif char in TENS:
            section += (digit if has_digit else 1) * TENS[char]
            digit, has_digit, last = 0, False, TENS[char]
        else:
            if char in "亿億":
                total = (total + section + digit) * SCALES[char]
            else:
                total += (section + digit) * SCALES[char]
            section, digit, has_digit, last = 0, 0, False, SCALES[char]
    # 三千五 is 3,500, 三千零五 is 3,005.
    is_short = has_digit and digit and last >= 100 and text[-2] not in "零〇"
    return Fraction(total + section + (digit * last // 10 if is_short else digit))
