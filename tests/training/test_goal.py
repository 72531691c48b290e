from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.errors import RecipeError
from tunesmith.training.goal import Goal

VALUES = st.lists(st.one_of(st.floats(-5, 5), st.just(math.nan)), max_size=12)


def evaluations(values, name="eval_loss"):
    return [(10 * place, {name: value}) for place, value in enumerate(values)]


def test_the_earliest_of_equals_is_the_best():
    assert Goal().best(evaluations([3.0, 1.0, 2.0, 1.0])) == (10, 1.0)
    assert Goal(higher_is_better=True).best(evaluations([1.0, 3.0, 3.0])) == (10, 3.0)


def test_what_is_no_number_is_never_the_best():
    assert Goal().best(evaluations([math.nan, 2.0, math.nan])) == (10, 2.0)
    assert Goal(higher_is_better=True).best(evaluations([math.inf, 2.0])) == (10, 2.0)
    assert Goal().best(evaluations([math.nan])) is None
    assert Goal().best([]) is None


@given(VALUES, st.booleans())
def test_the_best_is_an_evaluation_that_none_beats(values, higher):
    best = Goal(higher_is_better=higher).best(evaluations(values))
    numbers = [value for value in values if math.isfinite(value)]
    if best is None:
        assert not numbers
    else:
        assert best[1] == (max if higher else min)(numbers)
        assert best[0] == 10 * values.index(best[1])


@pytest.mark.parametrize(
    ("values", "min_delta", "waited"),
    [
        ([], 0, 0),
        ([2.0], 0, 0),
        ([2.0, 1.9, 1.8], 0, 0),
        ([2.0, 2.0, 2.0], 0, 2),
        ([2.0, 1.0, 1.5, 1.2], 0, 2),
        ([2.0, 1.95, 1.89], 0.1, 0),  # small gains add up
        ([2.0, 1.95, 1.92], 0.1, 2),
        ([2.0, math.nan, math.nan], 0, 2),
        ([math.nan, 2.0], 0, 0),
    ],
)
def test_patience_counts_evaluations_without_gain(values, min_delta, waited):
    goal = Goal(patience=2, min_delta=min_delta)
    found = evaluations(values)
    assert goal.n_without_gain(found) == waited
    assert goal.is_hopeless(found) == (waited >= 2)


@given(VALUES, st.integers(1, 4), st.floats(0, 1))
def test_a_goal_says_the_same_after_any_stop(values, patience, min_delta):
    """Patience ends at one place only: the first prefix that is hopeless."""
    goal = Goal(patience=patience, min_delta=min_delta)
    found = evaluations(values)
    for end in range(len(found)):
        waited = goal.n_without_gain(found[:end])
        assert goal.n_without_gain(found[: end + 1]) in (0, waited + 1)


def test_without_patience_nothing_is_hopeless():
    assert not Goal().is_hopeless(evaluations([1.0] * 50))


def test_a_figure_that_nobody_finds_is_told_with_those_there_are():
    with pytest.raises(RecipeError, match=r"'eval_los' .* Did you mean 'eval_loss'\? .*score_rows"):
        Goal("eval_los").require({"eval_loss": 1.0, "perplexity": 2.0})
