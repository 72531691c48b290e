"""Units: how they are written in English, Chinese, Spanish and Korean, and which are the same."""

from __future__ import annotations

import re
from functools import lru_cache

PERCENT = "%"
WORDS = {
    "%": "percent percentage pct 퍼센트 프로",
    "‰": "permille 千分",
    "km": "kilometer kilometers kilometre kilometres kilómetro kilómetros 公里 千米 킬로미터",
    "m": "meter meters metre metres metro metros 米 公尺 미터",
    "cm": "centimeter centimeters centimetre centimetres centímetro centímetros 厘米 公分 센티미터",
    "mm": "millimeter millimeters millimetre millimetres milímetro milímetros 毫米 밀리미터",
    "µm": "micrometer micrometers micrometre micrometres micron microns 微米",
    "nm": "nanometer nanometers nanometre nanometres 纳米",
    "mile": "mile miles milla millas 英里 마일",
    "foot": "foot feet 英尺 pie pies 피트",
    "inch": "inch inches 英寸 pulgada pulgadas 인치",
    "yard": "yard yards 码",
    "m2": "sqm 平方米 평방미터 제곱미터",
    "km2": "平方公里 平方千米 제곱킬로미터",
    "ha": "hectare hectares hectárea hectáreas 公顷 헥타르",
    "acre": "acre acres 英亩 에이커",
    "mu": "亩",
    "m3": "立方米 세제곱미터",
    "kg": "kilogram kilograms kilogramme kilogrammes kilo kilos kilogramo kilogramos 公斤 "
    "千克 킬로그램",
    "g": "gram grams gramme grammes gramo gramos 克 그램",
    "mg": "milligram milligrams milligramme milligrammes miligramo miligramos 毫克 밀리그램",
    "µg": "microgram micrograms 微克",
    "jin": "斤 市斤",
    "t": "ton tons tonne tonnes tonelada toneladas 吨 公吨 톤",
    "lb": "lbs 英镑重",
    "lb|GBP": "pound pounds libra libras 磅 파운드",
    "oz": "ounce ounces onza onzas 盎司 온스",
    "l": "liter liters litre litres litro litros 升 公升 리터",
    "ml": "milliliter milliliters millilitre millilitres mililitro mililitros 毫升 밀리리터",
    "gallon": "gallon gallons galón galones 加仑 갤런",
    "barrel": "barrel barrels barril barriles 桶 배럴",
    "tablespoon": "tablespoon tablespoons tbsp 汤匙",
    "teaspoon": "teaspoon teaspoons tsp 茶匙",
    "ns": "nanosecond nanoseconds 纳秒",
    "µs": "microsecond microseconds 微秒",
    "ms": "millisecond milliseconds 毫秒 밀리초",
    "s": "second seconds sec secs segundo segundos 秒 秒钟 초",
    "min": "minute minutes mins minuto minutos 分钟 분간",
    "h": "hour hours hr hrs hora horas 小时 钟头 시간",
    "day": "day days día días 天 日 工作日 个工作日 일간",
    "week": "week weeks semana semanas 周 星期 个星期 礼拜 주간",
    "month": "month months mes meses 个月 개월",
    "year": "year years yr yrs año años 年 周年 년간",
    "decade": "decade decades década décadas",
    "century": "century centuries siglo siglos 世纪 세기",
    "°C": "celsius centigrade 摄氏度 ℃ 섭씨",
    "°F": "fahrenheit 华氏度 ℉ 화씨",
    "kelvin": "kelvin kelvins 开尔文",
    "°C|°F|°": "degree degrees grado grados 度 도",
    "USD": "usd dollar dollars dólar dólares 美元 美金 달러",
    "cent": "cent cents centavo centavos 美分 센트",
    "EUR": "eur euro euros 欧元 유로",
    "GBP": "gbp sterling 英镑",
    "CNY": "cny rmb yuan renminbi 元 块钱 人民币 위안",
    "JPY": "jpy yen 日元 日圆 엔화",
    "KRW": "krw won 韩元",
    "KRW|": "원",
    "HKD": "hkd 港元 港币",
    "INR": "inr rupee rupees 卢比",
    "RUB": "rub rouble roubles ruble rubles 卢布",
    "byte": "byte bytes 字节 바이트",
    "bit": "bit bits 比特 비트",
    "w": "watt watts vatio vatios 瓦 瓦特 와트",
    "kw": "kilowatt kilowatts 千瓦",
    "mw": "megawatt megawatts 兆瓦",
    "gw": "gigawatt gigawatts 吉瓦",
    "kwh": "kwh 千瓦时 度电",
    "v": "volt volts voltio voltios 伏 伏特 볼트",
    "amp": "ampere amperes amp amps 安培",
    "kcal": "kilocalorie kilocalories kcal 千卡 大卡",
    "cal": "calorie calories caloría calorías 卡路里",
    "j": "joule joules 焦耳",
    "kj": "kilojoule kilojoules 千焦",
    "hp": "horsepower 马力",
    "knot": "knot knots",
    "mph": "mph 英里每小时",
    "km/h": "kmh kph 公里每小时",
    "pp": "个百分点 百分点 퍼센트포인트",
    "hz": "hertz 赫兹",
    "db": "decibel decibels 分贝",
    "lightyear": "光年 광년",
    "chi": "尺",
    "cun": "寸",
    "zhang": "丈",
    "li": "里 华里",
    "qing": "顷",
    "nautical mile": "海里",
    "times": "倍 배",
}
"""The unit, or several it may be joined by ``|``, and the words it is written with."""
SYMBOLS = {
    "%": "%", "‰": "‰", "km": "km", "m": "m", "cm": "cm", "mm": "mm", "µm": "µm", "um": "µm",
    "nm": "nm", "mi": "mile", "ft": "foot", "yd": "yard", "m2": "m2", "km2": "km2", "ha": "ha",
    "m3": "m3", "kg": "kg", "g": "g", "mg": "mg", "µg": "µg", "mcg": "µg", "t": "t", "lb": "lb",
    "oz": "oz", "l": "l", "L": "l", "ml": "ml", "mL": "ml", "ns": "ns", "µs": "µs", "ms": "ms",
    "s": "s", "min": "min", "h": "h", "°C": "°C", "°F": "°F", "°": "°C|°F|°", "K": "kelvin|k",
    "kB": "kb", "KB": "kb", "MB": "mb", "GB": "gb", "TB": "tb", "PB": "pb", "KiB": "kb",
    "MiB": "mb", "GiB": "gb", "TiB": "tb", "Mb": "mbit", "Gb": "gbit", "Mbps": "mbps",
    "Gbps": "gbps", "Mbit": "mbit", "Gbit": "gbit", "Hz": "hz", "kHz": "khz", "MHz": "mhz",
    "GHz": "ghz", "W": "w", "kW": "kw", "MW": "mw", "GW": "gw", "mW": "milliwatt", "kWh": "kwh",
    "MWh": "mwh", "mAh": "mah", "mA": "ma", "V": "v", "kV": "kv", "mV": "mv", "kJ": "kj",
    "Pa": "pa", "kPa": "kpa", "MPa": "mpa", "hPa": "hpa", "bar": "bar", "km/h": "km/h",
    "dB": "db", "ppm": "ppm", "bp": "bp", "$": "USD", "€": "EUR", "£": "GBP", "¥": "CNY|JPY",
    "₩": "KRW", "US$": "USD", "px": "px", "pt": "pt", "kN": "kn",
}  # fmt: skip
BEFORE = re.compile(r"(US\s?\$|HK\s?\$|[$€£¥₩]|USD|EUR|GBP|CNY|RMB|JPY|KRW|INR)\s*$")
SQUARED = re.compile(
    r"(?:sq(?:uare)?\.?|cubic)[\s-]+(?:(?:kilo|centi)?met(?:er|re)s?|feet|foot|miles?|km|m|ft)\b",
    re.I,
)
ADJECTIVES = re.compile(
    r"(?:working|business|calendar|consecutive|full|whole|more|additional|further|paid|short|long"
    r"|straight|academic|fiscal|metric|U\.?S\.?|American|días\s+hábiles|percentage)\s+(?=\w)",
    re.I,
)
PER_CENT = re.compile(
    r"(?:per\s?cents?|por\s?cien(?:to)?|p\.\s?c\.|percentage points?)(?!\w)", re.I
)
IN_WORDS = {word: unit for unit, words in WORDS.items() for word in words.split()}
LATIN = re.compile(r"[A-Za-zµμáéíóúñ°%‰$€£¥₩][A-Za-zµáéíóúñ]*(?:/h|[23](?!\d))?")
AGE = re.compile(r"(?<=[sr])[ -]?(?:olds?\b|of age)", re.I)
"""78-year-old: an age, which is told as a bare number too."""
GAP = re.compile(r"[ \t\n\u00a0]*[-‑]?[ \t\n\u00a0]*")
LONGEST_CJK = max(len(word) for word in IN_WORDS if not word.isascii())
BRACKETED = re.compile(r"[(（/\[,，:：]\s*([^\s()（）\[\]|,，/]{1,12})\s*(?=[)）/\]|,，]|$)")


@lru_cache(maxsize=4096)
def _of_word(word: str) -> str:
    word = word.replace("μ", "µ")
    return SYMBOLS.get(word) or IN_WORDS.get(word.lower(), "")


def unit_behind(text: str, at: int) -> tuple[frozenset[str], int]:
    """The unit that stands behind a number.

    Args:
        text: in NFKC.
        at: where the number ends.

    Returns:
        What the unit may be (a pound is a weight and money), empty without one; and where it ends.
    """
    found = GAP.match(text, at)
    at = found.end() if found else at
    while adjective := ADJECTIVES.match(text, at):
        if PER_CENT.match(text, at):
            break
        at = adjective.end()
    if found := PER_CENT.match(text, at):
        unit = "pp" if "point" in found[0].lower() else PERCENT
        return frozenset({unit}), found.end()
    if found := SQUARED.match(text, at):
        words = re.split(r"[\s-]+", found[0].lower())
        name = _of_word(words[-1]).split("|")[0]
        return frozenset({name + ("3" if words[0] == "cubic" else "2")}), found.end()
    if found := LATIN.match(text, at):
        if AGE.match(text, found.end()):
            return frozenset(), found.end()
        if unit := _of_word(found[0]):
            return frozenset(unit.split("|")), found.end()
        if found[0][0] in "%‰$€£¥°":
            return frozenset(SYMBOLS[found[0][0]].split("|")), at + 1
        return frozenset(), at
    for start in (at, at + 1) if text[at : at + 1] == "个" else (at,):  # 个小时
        for length in range(LONGEST_CJK, 0, -1):
            word = text[start : start + length]
            if len(word) == length and not word.isascii() and (unit := IN_WORDS.get(word)):
                return frozenset(unit.split("|")), start + length
    return frozenset(), at


def currency_before(text: str, at: int) -> frozenset[str]:
    """The currency whose sign stands in front of a number; empty without one."""
    found = BEFORE.search(text[max(0, at - 6) : at])
    if not found:
        return frozenset()
    sign = found[1].replace(" ", "")
    return frozenset(("HKD" if sign == "HK$" else _of_word(sign)).split("|"))


@lru_cache(maxsize=64)
def units_mentioned(text: str) -> frozenset[str]:
    """Units whose words stand anywhere in a text, with a number or without."""
    units: set[str] = set()
    for found in LATIN.finditer(text):
        if len(found[0]) > 2 and (unit := _of_word(found[0])):
            units.update(unit.split("|"))
    for word, unit in IN_WORDS.items():
        if not word.isascii() and word in text:
            units.update(unit.split("|"))
    if "daily" in text.lower():
        units.add("day")
    return frozenset(units)


@lru_cache(maxsize=64)
def units_named(text: str) -> frozenset[str]:
    """Units that a text names apart from its numbers, as tables do: "Length (km)", 单位：万元."""
    units: set[str] = set()
    rows = "\n".join(line for line in text.splitlines() if "|" in line)
    for found in LATIN.finditer(rows):
        if len(found[0]) > 2 and (unit := _of_word(found[0])):
            units.update(unit.split("|"))
    for found in BRACKETED.finditer(text):
        for size in range(len(found[1]), 0, -1):
            if unit := _of_word(found[1][-size:]):
                units.update(unit.split("|"))
                break
    if PER_CENT.search(rows) or "%" in rows:
        units.add(PERCENT)
    return frozenset(units)
