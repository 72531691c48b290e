"""Locate: a quote is found whatever was done to its spaces and marks, and nothing else is."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.synthesize.ground import locate
from tunesmith.synthesize.grounding.fold import fold

TEXT = (
    "Intro. “We did not expect the glacier to move this fast,” said Ingrid. It retreated by 1.8 "
    "kilo-\nmetres – about 110 metres a year, at -5 °C.\n| North | barley | 12.4 | 68 |\n"
    "赵州桥位于河北省，桥长５０.８２米，\n是世界上现存最早的敞肩石拱桥。"
    " C++ and C# are not C. ﬁne café"
)


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ('"We did not expect the glacier to move this fast"', None),
        ("We did not expect the glacier to move this fast,", None),
        ("we did not\n   expect the glacier", "We did not expect the glacier"),
        ("it retreated by 1.8 kilometres - about 110 metres a year", None),
        ("1.8 kilometres — about 110 metres", "1.8 kilo-\nmetres – about 110 metres"),
        ("North, barley, 12.4", "North | barley | 12.4"),
        ("赵州桥位于河北省,桥长50.82米,是世界上", None),
        ("桥长50.82米", "桥长５０.８２米"),
        ("fine cafe\u0301", "ﬁne café"),
        ("**at -5 °C**", "at -5 °C"),
        ("We did not expect ... said Ingrid", None),
        ("We did not expect [...] about 110 metres", None),
        ("赵州桥位于……敞肩石拱桥", None),
        ("C# are not C", "C# are not C"),
    ],
)
def test_a_quote_is_found_although_it_was_tidied(quote, found):
    span = locate(quote, TEXT)

    assert span is not None
    place = TEXT[span[0] : span[1]]
    if found is not None:
        assert place == found
    elif "..." not in quote and "…" not in quote:
        assert fold(place).text == fold(quote).text


@pytest.mark.parametrize(
    "quote",
    [
        "We did not expect the glacier to move that fast",
        "It retreated by 1.9 kilometres",
        "retreated by 18 kilometres",  # 1.8
        "10 metres a year",  # of 110
        "at 5 °C",  # -5
        "12.468",  # two cells
        "68 | North",
        "glacier to mov",
        "xpect the glacier",
        "said Ingrid ... We did not expect",  # out of order
        "桥长50.82公里",
        "C are not C",  # C#
        "caf",
        "...",
        "",
        "“”",
    ],
)
def test_a_changed_quote_is_not_found(quote):
    assert locate(quote, TEXT) is None


def test_parts_of_an_ellipsis_must_not_be_far_apart():
    text = "The lamp was lit. " + "Nothing was seen. " * 100 + "The keeper slept."

    assert locate("The lamp was lit ... The keeper slept", text) is None
    assert locate("The lamp ... was seen", text) is not None


def test_a_later_beginning_serves_where_the_first_leads_nowhere():
    text = "The lamp. " + "x " * 800 + "The lamp was lit and the keeper slept."

    start, end = locate("The lamp … the keeper slept.", text) or (0, 0)

    assert text[start:end] == "The lamp was lit and the keeper slept."


WORDS = st.lists(
    st.text(st.sampled_from("abcdeéñüßКлм灯塔桥河가나다라0123456789"), min_size=1, max_size=7),
    min_size=3,
    max_size=30,
    unique_by=lambda word: fold(word).text,
)
SPACE = st.sampled_from([" ", "\n", "  ", "\u00a0", " \n ", "\t", "\u3000", "\r\n"])


@settings(max_examples=200, deadline=None)
@given(st.data(), WORDS)
def test_a_stretch_is_found_in_its_place_with_any_white_space(data, words):
    words = [f"w{number}x{word}z" for number, word in enumerate(words)]
    text = " ".join(words)
    first = data.draw(st.integers(0, len(words) - 1))
    last = data.draw(st.integers(first, len(words) - 1))
    quote = words[first]
    for word in words[first + 1 : last + 1]:
        quote += data.draw(SPACE) + word
    start = sum(len(word) + 1 for word in words[:first])

    assert locate(quote, text) == (start, start + len(" ".join(words[first : last + 1])))


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=40), st.text(max_size=200))
def test_anything_can_be_asked(quote, text):
    span = locate(quote, text)

    assert span is None or 0 <= span[0] < span[1] <= len(text)


def test_time_is_linear():
    text = "aab " * 50_000
    fold(text)
    start = time.perf_counter()
    assert locate("aab " * 3_000 + "x", text) is None
    assert time.perf_counter() - start < 2


def test_white_space_of_a_real_page_is_no_matter(shared):
    page = (shared / "documents" / "en_llamafactory_readme.md").read_text("utf-8")[:20_000]
    for line in page.splitlines()[:80]:
        if len(re.findall(r"\w", line)) > 10:
            assert locate(" ".join(line.split()), page) is not None
