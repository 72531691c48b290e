"""Pairs made from templates, with planted near-duplicates, in English and Chinese.

All pairs of a template are alike but for a name, a number or a thing, with another answer: none of
them repeats another. What repeats is planted, and each planted pair knows which it repeats.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

CITIES = (
    "Paris Rome Oslo Lima Cairo Quito Dakar Hanoi Turin Malmo Bergen Porto Leeds Graz Basel "
    "Ghent Split Izmir Kyoto "
    "Osaka Perth Tampa Austin Denver Boise Fargo Salem Tulsa Omaha Provo Laredo Regina Whitby "
    "Truro Wells Ely Bath "
    "Derby Luton Ripon".split()
)
PEOPLE = (
    "Alice Weber|John Okafor|Mei Tanaka|Luis Herrera|Nora Lindgren|Omar Haddad|Ines Duarte"
    "|Paul Novak|Tara Quinn|"
    "Ivan Petrov|Ruth Abel|Hugo Marchetti|Lena Vogt|Samir Patel|Greta Holm|Felix Braun|Dora "
    "Kiss|Amin Yusuf|Clara Moss|"
    "Noel Fitch"
).split("|")
THINGS = (
    "bread paper glass water steel wood salt sugar coffee cotton leather silver copper cheese "
    "butter honey soap "
    "candle carpet mirror bottle basket pencil hammer ladder needle pillow blanket kettle "
    "lantern".split()
)
COLOURS = "red blue green yellow white black brown grey purple orange".split()
ENGLISH = [
    (
        "What is the population of {city} according to the count of {year}?",
        "{city} had {n} inhabitants in {year}.",
    ),
    ("Who built the old bridge in {city}?", "The old bridge in {city} was built by {person}."),
    (
        "When did {person} found the large workshop in {city}?",
        "{person} founded the large workshop there in {year}.",
    ),
    (
        "In {year}, how many visitors came to the museum of {city}?",
        "The museum of {city} had {n} visitors that year.",
    ),
    (
        "After the flood of {year}, who repaired the town hall of {city}?",
        "{person} repaired the town hall of {city}.",
    ),
    (
        "How much does a box of {thing} cost in the shop of {person}?",
        "A box of {thing} costs {n} dollars there.",
    ),
    (
        "What colour is the {thing} that {person} sells?",
        "The {thing} that {person} sells is {colour}.",
    ),
    (
        "Why did {person} close the small store for {thing} in {city}?",
        "{person} closed the store because the price of {thing} fell by {n} percent.",
    ),
    (
        "How long is the road between {city} and the lake?",
        "The road between {city} and the lake is {n} km long.",
    ),
    (
        "If a customer returns {thing} late, what fee does {person} charge?",
        "{person} charges a fee of {n} euros.",
    ),
]
ENGLISH_WORDS = dict(
    pair.split(">")
    for pair in (
        "built>constructed old>ancient large>big small>little came>went cost>need "
        "shop>store store>shop sells>offers road>street fee>charge closed>shut close>shut "
        "found>establish founded>established repaired>restored visitors>guests "
        "count>census inhabitants>residents returns>brings box>case charges>asks "
    ).split()
)
PLACES = (
    "北京 上海 广州 成都 武汉 西安 杭州 南京 长沙 郑州 青岛 大连 厦门 宁波 昆明 贵阳 "
    "兰州 洛阳 桂林 无锡"
).split()
PERSONS = (
    "王建国 李小红 张海涛 刘德明 陈雨桐 杨志强 赵文静 黄思远 周立波 吴佳怡 徐大伟 "
    "孙晓梅 胡一鸣 朱丽娟 高云飞"
).split()
GOODS = (
    "面包 纸张 玻璃 钢材 木头 食盐 白糖 咖啡 棉布 皮革 奶酪 蜂蜜 肥皂 蜡烛 地毯 镜子 瓶子 "
    "铅笔 锤子 梯子"
).split()
TINTS = "红色 蓝色 绿色 黄色 白色 黑色 棕色 灰色 紫色 橙色".split()
CHINESE = [
    ("根据{year}年的统计，{city}的常住人口是多少？", "{year}年{city}的常住人口为{n}人。"),
    ("{city}的老石桥是由谁修建的？", "{city}的老石桥是由{person}修建的。"),
    ("{person}在哪一年开办了{city}的大型工厂？", "{person}于{year}年开办了这家大型工厂。"),
    ("在{year}年，{city}的博物馆接待了多少名游客？", "当年{city}的博物馆接待了{n}名游客。"),
    ("{person}的商店里一箱{thing}卖多少钱？", "那里一箱{thing}卖{n}元。"),
    ("{person}出售的{thing}是什么颜色的？", "{person}出售的{thing}是{colour}的。"),
    (
        "{person}为什么关闭了{city}的{thing}小店？",
        "因为{thing}的价格下跌了{n}%，所以{person}关闭了小店。",
    ),
    ("从{city}到湖边的公路有多长？", "从{city}到湖边的公路长{n}公里。"),
    ("如果顾客逾期退还{thing}，{person}要收取多少费用？", "{person}要收取{n}元的费用。"),
]
CHINESE_WORDS = dict(
    pair.split(">")
    for pair in (
        "修建>建造 统计>普查 开办>创办 接待>迎来 出售>贩卖 关闭>关停 公路>道路 "
        "退还>归还 费用>款项 商店>店铺 大型>大规模 为什么>为何 价格>售价 "
        "老石桥>古石桥 "
    ).split()
)


@dataclass(frozen=True)
class Pair:
    id: str
    question: str
    answer: str
    split: str
    repeats: str = ""
    """Id of the pair that it says again."""


def made_pairs(n: int, language: str, seed: int = 0, planted: float = 0.3) -> list[Pair]:
    """Pairs of which a share repeats an earlier one."""
    draw = random.Random(f"{seed} {language}")
    pairs: list[Pair] = []
    known: set[str] = set()
    n_repeats = int(n * planted)
    while len(pairs) < n - n_repeats:
        question, answer = _filled(draw, language)
        if question not in known:  # one answer for each question
            known.add(question)
            pairs.append(Pair(f"{language}-{len(pairs)}", question, answer, "train"))
    kinds = (punctuation, swapped, reordered, one_word)
    repeats: list[Pair] = []
    for number, base in enumerate(draw.sample(pairs, n_repeats)):
        start = number % len(kinds)
        for kind in (*kinds[start:], *kinds[:start]):
            question, answer = kind(base, draw, language)
            if (question, answer) != (base.question, base.answer):
                break
        repeats.append(Pair(f"{base.id}-{kind.__name__}", question, answer, "train", base.id))
    return [*pairs, *repeats]


def _filled(draw: random.Random, language: str) -> tuple[str, str]:
    english = language == "en"
    question, answer = draw.choice(ENGLISH if english else CHINESE)
    slots = {
        "city": draw.choice(CITIES if english else PLACES),
        "person": draw.choice(PEOPLE if english else PERSONS),
        "thing": draw.choice(THINGS if english else GOODS),
        "colour": draw.choice(COLOURS if english else TINTS),
        "year": draw.randint(1700, 2023),
        "n": draw.randint(11, 99_999),
    }
    return question.format(**slots), answer.format(**slots)


def punctuation(pair: Pair, draw: random.Random, language: str) -> tuple[str, str]:
    question = pair.question.replace(",", "").replace("，", "").rstrip("?？")
    return "  " + question + draw.choice(["", " ?", "?!", "？"]), pair.answer.rstrip(".。") + "!"


def one_word(pair: Pair, draw: random.Random, language: str) -> tuple[str, str]:
    words = ENGLISH_WORDS if language == "en" else CHINESE_WORDS
    fitting = [word for word in words if word in pair.question]
    if not fitting:
        fitting = [word for word in words if word in pair.answer]
        word = draw.choice(fitting) if fitting else ""
        return pair.question, pair.answer.replace(
            word, words.get(word, ""), 1
        ) if word else pair.answer
    word = draw.choice(fitting)
    return pair.question.replace(word, words[word], 1), pair.answer


def swapped(pair: Pair, draw: random.Random, language: str) -> tuple[str, str]:
    """Two neighbouring words change places."""
    if language == "en":
        words = pair.question.rstrip("?").split(" ")
        at = draw.randrange(1, len(words) - 1)
        words[at], words[at + 1] = words[at + 1], words[at]
        return " ".join(words) + "?", pair.answer
    for one in ("多少", "什么", "谁", "多长"):
        if one in pair.question:
            return f"{one}？{pair.question.replace(one, '', 1)}", pair.answer
    return pair.question, pair.answer


def reordered(pair: Pair, draw: random.Random, language: str) -> tuple[str, str]:
    """A clause in front goes to the end."""
    mark = ", " if language == "en" else "，"
    clause, _, main = pair.question.rstrip("?？").partition(mark)
    if not main:
        return pair.question, pair.answer
    if language == "en":
        return f"{main[0].upper()}{main[1:]} {clause[0].lower()}{clause[1:]}?", pair.answer
    return f"{main}，{clause}？", pair.answer
