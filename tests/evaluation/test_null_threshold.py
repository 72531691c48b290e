from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.evaluation.null_threshold import best_null_threshold

ROWS = st.lists(
    st.tuples(
        st.sampled_from([-3.0, -1.0, -0.5, 0.0, 0.25, 2.0]),
        st.floats(0, 1),
        st.sampled_from([0.0, 1.0]),
    ),
    min_size=1,
    max_size=12,
)


def mean_at(threshold, rows):
    return sum(none if margin > threshold else some for margin, some, none in rows) / len(rows)


@given(rows=ROWS)
def test_no_other_threshold_scores_better(rows):
    threshold, score = best_null_threshold(*zip(*rows, strict=True))
    tried = [-1e10, -4, -2, -0.75, -0.25, 0.1, 1, 3, 1e10]
    assert score == pytest.approx(max(mean_at(t, rows) for t in tried), abs=1e-8)
    assert mean_at(threshold, rows) == pytest.approx(score, abs=1e-8)


def test_it_lies_between_the_questions_with_and_those_without_an_answer():
    threshold, score = best_null_threshold([-4, -2, 1, 3], [1, 1, 0, 0], [0, 0, 1, 1])
    assert (threshold, score) == (-0.5, 1.0)
