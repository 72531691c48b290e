"""Verdicts: the word follows from p, and the number of examples from the spread."""

from __future__ import annotations

import numpy as np
import pytest

from tunesmith.evaluation.statistics.power import examples_for, least_difference, standard_error
from tunesmith.evaluation.statistics.sample import paired, sample_of_values
from tunesmith.evaluation.statistics.verdict import compare


def two(shift, n=110, noise=0.1, seed=0):
    draw = np.random.default_rng(seed)
    one = draw.beta(2, 3, n)
    return sample_of_values(one + shift + draw.normal(0, noise, n)), sample_of_values(one)


def test_a_clear_gain_is_better_or_of_an_error_worse():
    one, other = two(0.1)
    assert compare(one, other).word == "better"
    assert compare(other, one).word == "worse"
    assert compare(one, other, higher_is_better=False).word == "worse"


def test_a_small_gain_cannot_be_told_and_says_how_many_examples_would_do():
    found = compare(*two(0.004, noise=0.2))
    assert found.word == "not told apart"
    assert found.n_for_shown is not None
    sentence = found.sentence()
    assert sentence.startswith("cannot be told apart with 110 examples; about ")
    assert sentence.endswith("would show a difference of 2 points")


def test_one_example_tells_nothing_and_equal_answers_are_the_same():
    assert compare(sample_of_values([1.0]), sample_of_values([0.0])).sentence() == (
        "cannot be told apart with 1 example"
    )
    same = sample_of_values([0.1, 0.5, 0.9])
    assert compare(same, same).sentence() == "the same on all 3 examples"


def test_the_standard_error_of_a_mean_is_the_textbook_one():
    values = np.random.default_rng(1).normal(0, 2, 50)
    textbook = values.std(ddof=1) / np.sqrt(50)
    assert standard_error(sample_of_values(values)) == pytest.approx(textbook)


def test_a_quarter_of_the_difference_needs_sixteen_times_the_examples():
    both = paired(*two(0.0))
    least = least_difference(both)
    assert examples_for(both, least) == pytest.approx(110, abs=1)
    assert examples_for(both, least / 4) == pytest.approx(16 * 110, abs=1)
    assert examples_for(both, 0.0) is None


@pytest.mark.slow
def test_the_least_difference_is_seen_in_four_of_five_samples():
    least = least_difference(paired(*two(0.0, n=5000, noise=0.2))) * np.sqrt(5000 / 200)
    seen = [
        compare(*two(least, n=200, noise=0.2, seed=seed)).word == "better" for seed in range(400)
    ]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.06)
