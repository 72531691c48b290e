"""Figures: the numbers, dates, times and units of an answer that no source holds."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fractions import Fraction
from functools import lru_cache
from itertools import groupby

from tunesmith.synthesize.grounding.dates import (
    Date,
    Time,
    dates,
    is_same_time,
    is_told,
    times,
)
from tunesmith.synthesize.grounding.quantities import Quantity, quantities, whole_numbers
from tunesmith.synthesize.grounding.units import PERCENT, units_mentioned, units_named

LARGEST_COUNT = 12
STRUCTURE = re.compile(
    r"\s*(?:main|major|key|different|distinct|important|basic|possible|separate|principal"
    r"|simple|more|of\s+the"
    r"|such|other|types?\s+of|kinds?\s+of)*\s*(?:reasons?|ways?|steps?|types?|kinds?|factors?"
    r"|parts?|points?"
    r"|things?|benefits?|advantages?|disadvantages?|items?|examples?|conditions?|options?"
    r"|methods?|aspects?"
    r"|categor(?:y|ies)|elements?|components?|features?|groups?|purposes?|goals?|tasks?"
    r"|sections?|questions?"
    r"|answers?|criteri(?:a|on)|facts?|functions?|cases?|forms?|sorts?|characteristics?"
    r"|consequences?|sentences?"
    r"|razones|maneras|formas|pasos|tipos|partes|puntos|motivos|aspectos|factores|condiciones)\b"
    r"|(?:个|種|种|项|点|大|类|方面|条|步)\s*(?:主要|关键|重要|不同|基本)?(?:的)?(?:原因|理由"
    r"|方面|步骤|方法|方式"
    r"|种类|类型|类|阶段|部分|因素|特点|条件|优点|缺点|好处|要求|要素|环节|内容|目的|功能|情况"
    r"|问题|例子|要点|建议"
    r"|原则|作用|层次|类别|领域|特征|办法|途径|选项|结论|事项|点|城市|地区|省份)"
    r"|(?:种|项|方面|类|点|步)|\s*가지",
    re.I,
)
"""What an author numbers: counting it invents nothing."""
MEASURE = re.compile(
    "[个種种项名位台条只座次回卷章部册本篇页层楼辆架艘家所间人口户道样类点步段节处块张片件把颗枚根棵对组批届期级岁代门轮"
    "号路站杯碗瓶箱袋包套份字行列款面束头匹株幅场堂课起成折辈瓣倍线环维声城县省国州]"
)
IDIOMS = re.compile(
    "十分|千万别|千万不|万一|万分|百分之百|百般|百姓|老百姓|百货|百科|千方百计|成千上万|一一"
    "|四周|四处|四肢|四季|四面八方|五颜六色|五花八门"
    "|七上八下|三三两两|再三|三番|两者|两旁|两边|两侧|双方|双双|三明治|九江|四川|三亚|六安|十字"
    "|八卦|五官|五谷|七夕|三角|四方|六合|百合"
    "|万能|万物|千古|一律|两岸|三国|五金|五行|八成熟|两口子|万万|千千万万|十足|丝丝|接二连三"
    "|星期[一二三四五六]|周[一二三四五六]|礼拜[一二三四五六]"
    "|百年|千年|万年历|一[些般定样直起旦边度元致切系同并体下时点方再同向贯]|[统唯单同专之不]一"
    "|进一步|二手|二维码|二次元|三轮车|三文鱼|三方|三角|四合院"
    "|四舍五入|不三不四|三心二意|两[者旁边侧岸用栖]|二氧化|一氧化|三氧化|五星|六边|八角|三维"
    "|二维|四维|三元|二元|二进制|八进制|十六进制|十进制|三原色"
    "|四则|七彩|九牛一毛|一年一度|三思|二胡|一天到晚|有一天|某一"
)
LATIN_LETTER = re.compile(r"[A-Za-z]")
NEXT_WORD = re.compile(r"[\s-]*([^\W\d_]+)")
PARTING = re.compile(
    r",\s*(?:and\s+|or\s+)?|\s+and\s+|\s+or\s+|;\s*|、|，|；|和|与|及|或|\n+|\s+y\s+"
)
MASS_FREE = frozenset("day week month year h min s century decade times ° °C °F %".split())
"""Units behind 一 and "one" that are figures of speech: one day, 一天."""


NO_NOUN = frozenset("以上 以下 左右 以内 之内 之间 之后 之前 以后 以前 的 后 前 内 中".split())


class Figures:
    """What the sources hold of numbers, dates, times and units."""

    def __init__(self, sources: Sequence[str]) -> None:
        found: list[Quantity] = []
        self.by_value: dict[Fraction, dict[tuple[object, ...], Quantity]] = {}
        """Quantities by what they may mean; one of those that nothing else tells apart."""
        self.by_noun: dict[str, set[Fraction]] = {}
        self.dates: list[Date] = []
        self.times: list[Time] = []
        self.named: frozenset[str] = frozenset()
        self.mentioned: frozenset[str] = frozenset()
        for text in sources:
            for one in quantities(text, freely=True):
                found.append(one)
                sort = (one.units, one.is_ordinal, one.is_negative)
                for value in one.values:
                    self.by_value.setdefault(value, {}).setdefault(sort, one)
                if noun := _noun(text, one):
                    self.by_noun.setdefault(noun, set()).update(one.values)
            self.dates += dates(text)
            self.times += times(text)
            self.named |= units_named(text)
            self.mentioned |= units_mentioned(_without_units(text))
        self.typed = frozenset(unit for one in found for unit in one.units)
        self.whole = whole_numbers(found)

    def missing(self, answer: str) -> Iterator[str]:
        """Reasons for each figure that is not held, in order of kind and place.

        Args:
            answer: in NFKC.
        """
        taken: set[int] = set()
        for _, readings in groupby(dates(answer), key=lambda date: date.start):
            rivals = [*readings]
            date = rivals[0]
            taken.update(range(date.start, date.end))
            if not any(is_told(one, self.dates, self.whole) for one in rivals):
                yield f"date {answer[date.start : date.end].strip()} is not in the passage"
        for time in times(answer):
            if not taken.isdisjoint(range(time.start, time.end)):
                continue
            taken.update(range(time.start, time.end))
            if not is_same_time(time, self.times):
                yield f"time {answer[time.start : time.end].strip()} is not in the passage"
        masked = {place for hit in IDIOMS.finditer(answer) for place in range(*hit.span())}
        for one in quantities(answer):
            place = range(one.start, one.end)
            if not taken.isdisjoint(place):
                continue
            if masked.issuperset(place):
                continue  # and not 一万一千 for its 万一
            if one.form != "words" and not is_meant(answer, one):
                continue
            if reason := self._judge(answer, one):
                yield reason

    def _judge(self, answer: str, one: Quantity) -> str:
        """Why a number is not held; empty where it is."""
        written = answer[one.start : one.end].strip()
        same = [told for v in one.values for told in self.by_value.get(v, {}).values()]
        if self._is_count(answer, one):
            return ""
        if not same:
            return f"number {written} is not in the passage"
        if one.is_negative and not any(told.is_negative for told in same):
            return f"number {written} is negative, and not so in the passage"
        typed = [told for told in same if told.units]
        whole = answer[one.start : one.stop].strip()
        if one.units:
            if any(told.units & one.units for told in typed):
                return ""
            is_year = one.units == {"year"} and any(1000 <= value <= 2100 for value in one.values)
            is_bare = any(not told.units and not told.is_ordinal for told in same)
            told = self.named if typed else self.named | self.mentioned
            if is_bare and (is_year or one.units & told):
                return ""
            return f"unit of {whole!r} is another in the passage, or none"
        if all(told.units == {PERCENT} for told in same) and _noun(answer, one):
            return f"number {written} is a percentage in the passage"
        return ""

    def _is_count(self, answer: str, one: Quantity) -> bool:
        """Whether a small number counts what the answer lists or how an author parts a matter."""
        value = min(one.values)
        if value.denominator != 1 or not 0 <= value <= LARGEST_COUNT:
            return False
        noun = _noun(answer, one)
        if one.units:
            is_said = value == 1 and one.form in {"words", "han"} and bool(one.units & MASS_FREE)
            return is_said and bool(one.units & (self.mentioned | self.typed))
        if rivals := self.by_noun.get(noun):
            return value in rivals or (value == 1 and one.form != "digits")
        if value <= 1 and one.form != "digits":
            return True
        if one.is_ordinal:
            return bool(re.match(r"\s*[,，、:：]", answer[one.end :])) or value == 2
        if STRUCTURE.match(answer, one.end):
            return True
        return value in _listed(answer)


def _without_units(text: str) -> str:
    """A text without the units of its numbers, to see which it names apart from them."""
    kept: list[str] = []
    at = 0
    for one in quantities(text):
        if one.stop > one.end >= at:
            kept.append(text[at : one.end])
            at = one.stop
    return " ".join([*kept, text[at:]])


def is_meant(text: str, one: Quantity) -> bool:
    """Whether digits or Chinese numerals are a number and no part of a word or a list's mark."""
    before, behind = text[one.start - 1 : one.start], text[one.end : one.end + 1]
    if one.form == "digits":
        if LATIN_LETTER.match(before) or before == "_":
            return False
        if before == "-" and re.search(r"[A-Z]-$", text[max(0, one.start - 2) : one.start]):
            return False
        if LATIN_LETTER.match(behind) and not one.units and not one.is_ordinal:
            return text[one.end : one.end + 2] == "s " or text[one.end :] == "s"  # 1990s
        is_mark = behind in ".)、．）" and not text[one.end + 1 : one.end + 2].isdigit()
        return not (
            is_mark and _begins_line(text, one.start) and text[one.end + 1 : one.end + 99].strip()
        )
    written = text[one.start : one.end]
    value = min(one.values)
    if before == "第" or "分之" in written or "成" in written:
        return value != 1 or "分之" in written
    if one.units:
        return written not in {"千", "百"}
    if re.search("[百千万亿]", written) and len(written) > 1:
        return True
    if written == "十" or len(written) > 1:
        is_about = len(written) == 2 and "十" not in written and not re.search("[〇零]", written)
        return bool(MEASURE.match(behind)) and not is_about
    if value < 2 or before == "周" or (written == "两" and not MEASURE.match(behind)):
        return False
    return "\u3400" <= behind <= "\u9fff"


def _begins_line(text: str, at: int) -> bool:
    """Whether nothing but space and a bracket stands in front on its line."""
    while at and text[at - 1] in " \t(（":
        at -= 1
    return not at or text[at - 1] == "\n"


def _noun(text: str, one: Quantity) -> str:
    """What is counted: the word behind a number, without its plural; in Chinese two characters."""
    at = one.stop if one.units else one.end
    if at < len(text) and "\u3400" <= text[at] <= "\u9fff":
        measure = MEASURE.match(text, at)
        start = measure.end() if measure else at
        found = re.match("[\u3400-\u9fff]{1,2}", text[start : start + 2])
        if found and found[0] in NO_NOUN:
            return ""
        return found[0] if found else (measure[0] if measure else "")
    if one.units:
        return ""
    found = NEXT_WORD.match(text, at)
    word = found[1].lower() if found and len(found[1]) > 2 else ""
    if word in {
        "and",
        "the",
        "per",
        "are",
        "was",
        "were",
        "for",
        "from",
        "with",
        "que",
        "los",
        "las",
    }:
        return ""
    return re.sub(r"(?:ies|es|s|y)$", "", word)


@lru_cache(maxsize=4)
def _listed(answer: str) -> frozenset[int]:
    """How many things the lists of an answer hold."""
    counts: list[int] = []
    for part in re.split(r"[:：。.!?]\s|。|：", answer):
        pieces = [piece for piece in PARTING.split(part) if piece and piece.strip()]
        counts.append(len(pieces))
        inner = re.split(
            r"\b(?:are|is|include|includes|including|namely|son|:)\b|是|包括|有|为|在", part
        )
        counts += [len([p for p in PARTING.split(piece) if p and p.strip()]) for piece in inner]
    bullets = len(re.findall(r"(?:^|\n)\s*(?:[-*•]|\d+[.)、])", answer))
    return frozenset(count for count in [*counts, bullets] if count > 1)
