from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.core.bundled import BUNDLED
from tunesmith.core.examples import SpanQuestion
from tunesmith.tasks.best_spans import best_answer
from tunesmith.tasks.windows import Reach, Window, read_in_windows
from tunesmith.templates.tokenizer import Tokenizer

TINY = Tokenizer.from_folder(BUNDLED["tunesmith-tiny"])
CONTEXTS = ["one two three", "a  b\n c", "黑豹队 won 308分", "  ", "x"]


def windows_of(context: str, max_tokens: int = 64, overlap: int = 4) -> tuple[Window, ...]:
    asked = SpanQuestion("Who?", context, (), "f:1")
    return read_in_windows([asked], TINY, Reach(max_tokens, 16, overlap))[0].windows


def scores(windows, seed=0):
    generator = np.random.default_rng(seed)
    return [generator.normal(size=(len(w.input_ids), 2)).astype(np.float32) for w in windows]


def answer(context, windows, logits, **changed):
    options = {"n_best": 5, "max_answer_tokens": 4, "no_answer": False, "null_threshold": 0.0}
    return best_answer(context, windows, logits, **{**options, **changed})


def every_span(context, windows, logits, max_answer_tokens):
    """All stretches with their best score, by trying every pair of tokens."""
    found: dict[tuple[int, int], float] = {}
    for window, of_window in zip(windows, logits, strict=True):
        n = len(window.spans)
        for i in range(n):
            for j in range(i, min(n, i + max_answer_tokens)):
                begin, end = window.spans[i, 0], window.spans[j, 1]
                while begin < end and context[begin].isspace():
                    begin += 1
                while begin < end and context[end - 1].isspace():
                    end -= 1
                score = float(of_window[window.first + i, 0]) + float(
                    of_window[window.first + j, 1]
                )
                if begin < end:
                    found[begin, end] = max(score, found.get((begin, end), -np.inf))
    return sorted(found.items(), key=lambda item: (-item[1], item[0]))


@given(
    context=st.sampled_from(CONTEXTS) | st.text(st.sampled_from("ab 黑é\n"), max_size=40),
    seed=st.integers(0, 99),
    max_tokens=st.integers(12, 40),
    n_best=st.integers(1, 30),
    longest=st.integers(1, 12),
)
@settings(deadline=None)
def test_the_best_are_those_of_trying_every_pair(context, seed, max_tokens, n_best, longest):
    windows = windows_of(context, max_tokens)
    logits = scores(windows, seed)
    expected = every_span(context, windows, logits, longest)[:n_best]
    found = answer(context, windows, logits, n_best=n_best, max_answer_tokens=longest)
    assert [f.text for f in found.best if f.text] == [context[a:b] for (a, b), _ in expected]
    assert [f.score for f in found.best if f.text] == pytest.approx([s for _, s in expected])
    assert sum(f.probability for f in found.best) == pytest.approx(1)
    assert found.text == (context[slice(*expected[0][0])] if expected else "")


def test_an_answer_is_cut_out_of_the_context_and_never_spelt_anew():
    context = "It was  the   黑豹队 (NFL) !"
    [window] = windows_of(context)
    logits = np.zeros((len(window.input_ids), 2), np.float32)
    begin, end = context.index("the"), context.index(")") + 1
    logits[window.first + int(np.searchsorted(window.spans[:, 1], begin, "right")), 0] = 9
    logits[window.first + int(np.searchsorted(window.spans[:, 0], end)) - 1, 1] = 9
    found = answer(context, [window], [logits], max_answer_tokens=60)
    assert found.text == "the   黑豹队 (NFL)"
    assert found.best[0].start == begin


def test_no_answer_wins_by_more_than_the_threshold_and_the_least_sure_window_counts():
    context = "one two three four five six seven eight nine ten " * 3
    windows = windows_of(context, 20)
    logits = [np.zeros((len(w.input_ids), 2), np.float32) for w in windows]
    assert len(logits) > 1
    for of_window, null in zip(logits, (3.0, *[1.0] * len(logits)), strict=False):
        of_window[0] = null  # counts twice: as start and as end
    found = answer(context, windows, logits, no_answer=True)
    assert (found.text, found.null_margin) == ("", 2.0)
    assert found.best[0].text == ""
    assert found.best_text
    for threshold, is_none in ((1.9, True), (2.0, False)):
        told = answer(
            context,
            windows,
            logits,
            no_answer=True,
            null_threshold=threshold,
        )
        assert (told.text == "") == is_none
    never = answer(context, windows, logits)
    assert never.text
    assert all(f.text for f in never.best)


def test_scores_far_apart_give_probabilities_without_overflow():
    [window] = windows_of("one two")
    logits = np.zeros((len(window.input_ids), 2), np.float32)
    logits[window.first] = 3e4
    found = answer("one two", [window], [logits])
    assert found.best[0].probability == pytest.approx(1)
