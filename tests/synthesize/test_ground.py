"""Ground: what was invented is caught, and what is true passes, in whatever form it is written."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from tunesmith.synthesize.ground import locate, unsupported
from tunesmith.synthesize.injection import instructions_in
from tunesmith.synthesize.lint import lint

CASES = Path(__file__).parent
MOST_REJECTED, LEAST_CAUGHT = 0.02, 0.99


def judged(name: str) -> tuple[list[dict[str, str]], list[dict[str, str]], Counter[str]]:
    """Inventions that passed, truths that were rejected, and how many there were of each."""
    passed, rejected = [], []
    counts: Counter[str] = Counter()
    for line in (CASES / name).read_text("utf-8").splitlines():
        case = json.loads(line)
        is_good = case["expected"] == "good"
        counts["good" if is_good else "invented"] += 1
        found = locate(case["quote"], case["passage"])
        reasons = unsupported(case["answer"], [case["passage"]])
        if is_good and (found is None or reasons):
            rejected.append({**case, "reasons": reasons})
        elif not is_good and found is not None and not reasons:
            passed.append(case)
    for case in [*passed, *rejected]:
        print(case["expected"], "|", case["answer"], "|", case.get("reasons", case["quote"]))
    return passed, rejected, counts


@pytest.mark.parametrize("name", ["grounding.jsonl", "grounding_heldout.jsonl"])
def test_planted_inventions_are_caught_and_truths_pass(name):
    passed, rejected, counts = judged(name)

    assert len(passed) <= (1 - LEAST_CAUGHT) * counts["invented"]
    assert len(rejected) <= MOST_REJECTED * counts["good"]


def test_there_are_200_cases_in_two_languages():
    lines = (CASES / "grounding.jsonl").read_text("utf-8").splitlines()
    kinds = Counter(json.loads(line)["expected"] for line in lines)

    assert kinds == {"good": 80, "number": 41, "name": 38, "unit": 24, "date": 11, "quote": 6}
    assert sum("\u4e00" <= json.loads(line)["question"][0] <= "\u9fff" for line in lines) > 80


PASSAGE = (
    "The Corran lighthouse was lit on 1 October 1860 by Hector MacPhail of the World Health "
    "Organization. It is 11 metres high, cost $1,234.50 and uses 5 % of the power; two thirds of "
    "its 1.2 million visitors come between 7:30 p.m. and midnight, in France and Norway mostly."
)


@pytest.mark.parametrize(
    "answer",
    [
        "It was lit on October 1st, 1860.",
        "1860-10-01",
        "In October 1860.",
        "The date: 01/10/1860.",
        "Eleven metres.",
        "It's 11 m high.",
        "It cost 1234.50 dollars.",
        "1.234,50 $",
        "Five percent.",
        "5 per cent",
        "1,200,000 visitors",
        "About 1.2 million people visit it, most of them French or Norwegian.",
        "2/3 of the visitors come after 19:30.",
        "MacPhail's lamp belongs to the WHO.",
        "There are three facts: the height, the cost and the power.",
        "Two reasons speak for it.",
        "Because Hector lit it.",
        "Yes.",
    ],
)
def test_the_same_in_another_form_passes(answer):
    assert unsupported(answer, [PASSAGE]) == []


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("It is 12 metres high.", "number 12 is not in the passage"),
        ("It is 11 feet high.", "unit of '11 feet'"),
        ("It cost €1,234.50.", "unit of"),
        ("It was lit on 2 October 1860.", "date 2 October 1860"),
        ("It was lit in November 1860.", "date November 1860"),
        ("It was lit by Angus MacPhail.", "name Angus"),
        ("Most come from Denmark.", "name Denmark"),
        ("They come after 8:30 p.m.", "time 8:30 p.m."),
        ("1.2 billion visitors", "number 1.2 billion"),
        ("It uses 5 kW.", "unit of '5 kW'"),
        ("It belongs to the UNHCR.", "name UNHCR"),
        ("It cost $1,234.50 and $11 in fees, so $1,245.50.", "number 1,245.50"),
        ('He said "the lamp never failed".', "quoted words"),
        ("It has twelve rooms.", "number twelve"),
    ],
)
def test_what_was_invented_is_named(answer, reason):
    reasons = unsupported(answer, [PASSAGE])

    assert len(reasons) >= 1
    assert any(one.startswith(reason) for one in reasons)


@pytest.mark.parametrize(
    ("answer", "source", "is_held"),
    [
        ("共三百人", "共300人", True),
        ("两万人", "20000人", True),
        ("二〇二四年", "2024年", True),
        ("百分之五", "5%", True),
        ("五成", "50%", True),
        ("三分之一", "1/3", True),
        ("3.2亿元", "320000000元", True),
        ("５公里", "5公里", True),
        ("2024年1月5日", "January 5, 2024", True),
        ("下午两点半", "14:30", True),
        ("半小时", "30分钟", True),
        ("5英里", "5公里", False),
        ("百分之五", "5人", False),
        ("二〇二三年", "2024年", False),
        ("三千五百人", "3050人", False),
        ("《论语》", "《孟子》", False),
        ("在四川大学", "在浙江大学", False),
        ("由王建国设计", "由李建国设计", False),
        ("由西门豹主持修建", "由李冰主持修建", False),
        ("由专业人员负责", "由工程师负责", True),
        ("晚上8点", "8:00至18:00", False),
        ("早上8点", "8:00至18:00", True),
        ("使用 BERT 模型", "使用 GPT 模型", False),
    ],
)
def test_chinese_forms(answer, source, is_held):
    assert (unsupported(answer, [source]) == []) is is_held


@pytest.mark.parametrize(
    ("answer", "source"),
    [
        ("El plazo es de 1.500 días y termina el 5 de enero de 2024.",
         "Plazo: 1500 días. Fin: 5 de enero de 2024."),
        ("Según la Ley, el Ministerio de Vivienda aprueba los planes.",
         "El ministerio de vivienda aprueba los planes de la ley."),
        ("Los proyectos pagan un 12,5 por ciento.", "Los proyectos pagan un 12,5 %."),
        ("등대의 높이는 11미터입니다.", "등대는 높이가 11 m이다."),
        ("2020년 3월 30일에 시작되었습니다.", "시작일은 2020년 3월 30일이다."),
        ("확진자는 9,661명입니다.", "국내 확진자는 9661명이다."),
        ("Das Haus hat einen Garten und 3 Zimmer.", "Das Haus mit Garten hat 3 Zimmer."),
    ],
)  # fmt: skip
def test_other_languages_do_not_misfire(answer, source):
    assert unsupported(answer, [source]) == []


def test_headings_and_context_are_sources_and_answers_may_be_translated():
    assert unsupported("It is 5 km long.", ["| Vela | 5 |", "Length (km)"]) == []
    assert unsupported("The bridge is in Hebei and 5 km long.", ["桥在河北，长5公里。"]) == []
    assert unsupported("The bridge in Hebei is 6 km long.", ["桥在河北，长5公里。"]) != []


ONES = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen "
    "sixteen seventeen eighteen nineteen"
).split()
TENS = "twenty thirty forty fifty sixty seventy eighty ninety".split()


def in_english(number: int) -> str:
    for scale, name in ((10**6, "million"), (10**3, "thousand"), (100, "hundred")):
        if number >= scale:
            rest = number % scale
            joint = " and " if scale == 100 else " "
            more = f"{joint}{in_english(rest)}" if rest else ""
            return f"{in_english(number // scale)} {name}{more}"
    if number < 20:
        return ONES[number]
    return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")


def in_chinese(number: int) -> str:
    """As written: 一千零五, 三万二千."""
    if number >= 10**4:
        high, low = divmod(number, 10**4)
        gap = "零" if low and low < 1000 else ""
        return in_chinese(high) + "万" + gap + (in_chinese(low) if low else "")
    text, gap = "", False
    for scale, name in ((1000, "千"), (100, "百"), (10, "十"), (1, "")):
        digit = number // scale % 10
        if digit:
            text += ("零" if gap and text else "") + "零一二三四五六七八九"[digit] + name
            gap = False
        else:
            gap = True
    return text or "零"


def forms(number: int) -> list[str]:
    digits = str(number)
    return [
        digits,
        f"{number:,}",
        f"{number:,}".replace(",", "\u00a0"),
        f"{number:,}".replace(",", "'"),
        digits.translate(str.maketrans("0123456789", "０１２３４５６７８９")),
        in_english(number),
        in_chinese(number),
    ]


def counted(form: str) -> str:
    is_chinese = any("\u4e00" <= char <= "\u9fff" for char in form)
    return f"共{form}人。" if is_chinese else f"{form} in all."


@settings(max_examples=150, deadline=None)
@given(st.integers(13, 99_999_999), st.data())
def test_a_number_equals_itself_in_every_form(number, data):
    answer = data.draw(st.sampled_from(forms(number)))
    source = data.draw(st.sampled_from(forms(number)))

    assert unsupported(counted(answer), [counted(source)]) == []


@settings(max_examples=150, deadline=None)
@given(st.integers(13, 99_999_999), st.integers(13, 99_999_999), st.data())
def test_no_form_of_another_number_passes(number, other, data):
    assume(number != other)
    answer = data.draw(st.sampled_from(forms(number)))
    source = data.draw(st.sampled_from(forms(other)))

    assert unsupported(counted(answer), [counted(source)]) != []


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=80), st.text(max_size=80))
def test_anything_can_be_judged(answer, source):
    assert isinstance(unsupported(answer, [source]), list)


@pytest.mark.slow
def test_sentences_of_real_documents_support_themselves(shared):
    from tunesmith.synthesize.chunks import chunks
    from tunesmith.synthesize.documents.limits import Limits
    from tunesmith.synthesize.documents.pool import read_documents
    from tunesmith.synthesize.sentences import sentences

    files = [(p, p.name) for p in sorted((shared / "documents").iterdir()) if p.suffix != ".md"]
    n, rejected = 0, []
    for read in read_documents(files, Limits()):
        document = read.document
        assert document is not None, read.reason
        for chunk in chunks(document):
            text = chunk.text_in(document)
            for start, end in sentences(text):
                sentence = text[start:end].strip()
                if len(sentence) < 8:
                    continue
                n += 1
                reasons = unsupported(sentence, [text])
                if locate(sentence, text) is None or reasons:
                    rejected.append((sentence[:80], reasons))
    print(f"{len(rejected)} of {n} rejected", *rejected[:20], sep="\n")
    assert n > 1_500
    assert len(rejected) <= MOST_REJECTED * n


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    ["1" * 6_000, "一" * 6_000, "1,000" * 2_000, "a" * 30_000, "(" * 20_000, '"“' * 5_000,
     "Ab " * 8_000, "五分之" * 3_000, "1/2 " * 3_000, "1 " * 8_000, "由王" * 4_000],
)  # fmt: skip
def test_long_nonsense_takes_no_time(text):
    start = time.perf_counter()

    unsupported(text, [text[:20_000]])
    unsupported(text[:2_000], ["The lamp was lit."])
    lint(text, text)
    instructions_in(text)

    assert time.perf_counter() - start < 10
