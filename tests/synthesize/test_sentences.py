"""Sentences in several languages, and places where no text may be cut."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.synthesize.sentences import may_part, sentences


def parts(text: str) -> list[str]:
    return [text[start:end].strip() for start, end in sentences(text)]


@pytest.mark.parametrize(
    "expected",
    [
        ["One is here.", "Two is there!", "Is it three?", "Yes"],
        ["Dr. Smith paid approx. 3.50 dollars to J. R. Brown on Jan. 3.", "He left."],
        ["See e.g. Fig. 3 and p. 12.", "The U.S. Congress met."],
        ['He said "Stop."', "Then he went (as always.)", "Home."],
        ["今天下雨了。", "你带伞了吗？", "没有！", "“那就等一等。”", "好"],
        ["他说：“走吧。”", "我们走了……", "到了。"],
        ["¿Cuánto cuesta?", "¡Mucho!", "El Sr. Gómez paga 2.000 euros.", "Véase pág. 7 y art. 3."],
        ["오늘은 비가 왔다.", "우산이 있습니까?", "없습니다."],
        ["1. Wash your hands.", "2. Dry them."],
        ["Wait... and see.", "Version 2.0 is out."],
    ],
)
def test_sentences(expected):
    joint = "" if any("\u4e00" <= char <= "\u9fff" for char in expected[0]) else " "
    assert parts(joint.join(expected)) == expected


def test_a_line_end_parts_nothing_and_an_empty_line_does():
    assert parts("one line\nand the next\n\nanother") == ["one line\nand the next", "another"]


@given(st.text(), st.integers(0, 20), st.integers(0, 20))
def test_sentences_cover_the_stretch(text, start, end):
    start, end = sorted((min(start, len(text)), min(end, len(text))))
    spans = sentences(text, start, end)
    assert "".join(text[a:b] for a, b in spans) == text[start:end]
    assert all(a < b for a, b in spans)


@pytest.mark.parametrize(
    "one", ["e\u0301", "\r\n", "👩\u200d👩\u200d👧", "👍🏽", "🇩🇪", "❤\ufe0f", "का", "1\ufe0f\u20e3"]
)
def test_what_a_reader_sees_as_one_is_not_cut(one):
    text = f"a{one}b"
    allowed = [place for place in range(len(text) + 1) if may_part(text, place)]
    assert allowed == [0, 1, 1 + len(one), len(text)]


def test_two_flags_can_be_parted():
    assert [may_part("🇩🇪🇫🇷", place) for place in range(5)] == [True, False, True, False, True]
