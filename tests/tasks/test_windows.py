from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Span, SpanQuestion
from tunesmith.tasks.windows import Reach, place_in, read_in_windows
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
SOME_TEXT = st.text(
    st.sampled_from("ab Z.,-\n黑豹队分é½😀👩‍🚀 ") | st.characters(exclude_categories=["Cs"]),
    min_size=1,
    max_size=60,
)


def question(context: str, text: str = "", start: int | None = None) -> SpanQuestion:
    at = context.find(text) if start is None else start
    spans = (Span(text, at),) if text else ()
    return SpanQuestion("Who won?", context, spans, "f:1")


def read(asked: SpanQuestion, max_tokens: int = 64, overlap: int = 16, longest: int = 32):
    [windows] = read_in_windows([asked], TINY, Reach(max_tokens, longest, overlap))
    return windows


def said(window, place, context):
    spans = window.spans[place[0] - window.first : place[1] - window.first + 1]
    return context[spans[0, 0] : spans[-1, 1]]


def test_a_window_is_bos_question_bos_context():
    [window] = read(question("It leaks.")).windows
    bos = TINY.id_of(TINY.bos)
    expected = [bos, *TINY.encode("Who won?"), bos, *TINY.encode("It leaks.")]
    assert window.input_ids.tolist() == expected
    assert window.input_ids[window.first :].tolist() == TINY.encode("It leaks.")


@given(context=SOME_TEXT, data=st.data())
@settings(deadline=None)
def test_an_answer_is_found_at_its_own_characters_in_any_script(context, data):
    start = data.draw(st.integers(0, len(context) - 1))
    end = data.draw(st.integers(start + 1, len(context)))
    asked = question(context, context[start:end], start)
    [window] = read(asked, max_tokens=2048).windows
    place = place_in(window, asked.answers[0])
    assert place is not None
    spans = window.spans[place[0] - window.first : place[1] - window.first + 1]
    assert spans[0, 0] <= start < spans[0, 1]
    assert spans[-1, 0] < end <= spans[-1, 1]
    # No token around them has a part of the answer.
    outside = [
        *window.spans[: place[0] - window.first],
        *window.spans[place[1] + 1 - window.first :],
    ]
    assert all(b <= start or a >= end for a, b in outside)


@given(
    n_words=st.integers(0, 80),
    max_tokens=st.integers(8, 70),
    overlap=st.integers(0, 40),
    longest=st.integers(1, 40),
)
@settings(deadline=None)
def test_windows_hold_the_whole_context_and_share_what_they_are_told_to(
    n_words, max_tokens, overlap, longest
):
    context = " ".join(f"leak{n}" for n in range(n_words))
    windows = read(question(context), max_tokens, overlap, longest).windows
    whole = TINY.encode(context)
    room = max_tokens - windows[0].first
    shared = min(overlap, room // 2)
    assert all(len(w.input_ids) <= max_tokens for w in windows)
    assert all(len(w.input_ids) == max_tokens for w in windows[:-1])
    assert all(len(w.spans) == len(w.input_ids) - w.first for w in windows)
    parts = [w.input_ids[w.first :].tolist() for w in windows]
    assert parts[0] + [t for part in parts[1:] for t in part[shared:]] == whole
    assert all(a[len(a) - shared :] == b[:shared] for a, b in zip(parts, parts[1:], strict=False))
    # The last one is needed: without it the end of the context would be missing.
    assert len(parts) == 1 or len(parts[-1]) > shared


def test_a_window_that_lacks_a_part_of_the_answer_does_not_have_it():
    context = " ".join(f"leak{n}" for n in range(40))
    asked = question(context, "leak20 leak21")
    windows = read(asked, 64, 24).windows
    places = [place_in(window, asked.answers[0]) for window in windows]
    assert {said(w, p, context).strip() for w, p in zip(windows, places, strict=True) if p} == {
        "leak20 leak21"
    }
    for window, place in zip(windows, places, strict=True):
        begin, end = asked.answers[0].start, asked.answers[0].start + len("leak20 leak21")
        holds = window.spans[0, 0] <= begin and end <= window.spans[-1, 1]
        assert holds == (place is not None)


def test_characters_of_several_tokens_are_taken_whole():
    asked = question("黑豹队丢了 308分。", "豹队")
    [window] = read(asked).windows
    first, last = place_in(window, asked.answers[0])
    assert last - first + 1 == 6  # each of the two is three tokens here
    assert said(window, (first, last), asked.context) == "豹队"


def test_a_long_question_is_cut_on_the_side_that_is_named_and_counted():
    asked = SpanQuestion("first " + "why " * 50 + "last", "It leaks.", (), "f:1")
    for side, left in (("end", "first"), ("start", "last")):
        [windows] = read_in_windows([asked], TINY, Reach(64, 20, 8, side))
        shown = TINY.decode(windows.windows[0].input_ids)
        assert windows.n_question_tokens - windows.n_cut == 20
        assert left in shown
        assert ("first" in shown) != ("last" in shown)


def test_too_short_a_window_is_refused_with_the_way_out():
    with pytest.raises(DataError, match=r"data.max_tokens=7 is too short.*Raise it"):
        read(question("It leaks."), 7)
