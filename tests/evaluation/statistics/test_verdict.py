"""Verdicts: the word follows from p, and the number of examples from the spread."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tunesmith.evaluation.statistics.no_width import interval_of
from tunesmith.evaluation.statistics.power import (
    examples_for,
    fewest_units,
    least_difference,
    standard_error,
)
from tunesmith.evaluation.statistics.sample import paired, sample_of_values
from tunesmith.evaluation.statistics.verdict import compare

stats = pytest.importorskip("scipy.stats")


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
    error = standard_error(paired(*two(0.0)))
    least = least_difference(error)
    assert examples_for(110, error, least) == pytest.approx(110, abs=1)
    assert examples_for(110, error, least / 4) == pytest.approx(16 * 110, abs=1)
    assert examples_for(110, error, 0.0) is None


def test_several_pairs_need_more_examples_as_their_p_values_are_raised():
    """By the ratio of the normal quantiles that 0.05 and 0.05 / 6 ask for, squared."""
    alone = compare(*two(0.004, noise=0.2))
    among = replace(alone, n_pairs=6, p_corrected=1.0)
    reach = [stats.norm.ppf(1 - 0.025 / m) + stats.norm.ppf(0.8) for m in (1, 6)]
    assert among.least / alone.least == pytest.approx(reach[1] / reach[0])
    assert alone.n_for_shown and among.n_for_shown
    wanted = alone.n_for_shown * (reach[1] / reach[0]) ** 2
    assert among.n_for_shown == pytest.approx(wanted, abs=2)


@pytest.mark.parametrize(("n_pairs", "fewest"), [(1, 6), (3, 7), (6, 8)])
def test_fewer_units_than_any_test_can_tell_by_are_too_few_and_it_says_how_many_do(n_pairs, fewest):
    """Of n units p is never below 2^(1 - n); here the first is better on every one of them."""

    def among(n):
        better = sample_of_values([0.5 + 0.01 * k for k in range(n)])
        alone = compare(better, sample_of_values([0.1] * n))
        assert alone.p == pytest.approx(2.0 ** (1 - n))
        return replace(alone, n_pairs=n_pairs, p_corrected=min(1.0, n_pairs * (alone.p or 1.0)))

    assert fewest_units(n_pairs) == fewest
    few, enough = among(fewest - 1), among(fewest)
    assert (few.word, enough.word) == ("too few", "better")
    assert few.sentence() == (
        f"cannot be told apart: {fewest - 1} examples are too few for any verdict; at least "
        f"{fewest} are needed"
    )
    assert np.isnan(few.least)


def test_documents_that_are_too_few_are_counted_as_documents():
    names = [str(n // 10) for n in range(40)]
    one = sample_of_values(np.linspace(0.5, 0.9, 40), names)
    found = compare(one, sample_of_values(np.linspace(0.1, 0.4, 40), names))
    assert "4 documents are too few for any verdict; at least 6" in found.sentence()
    assert found.n_for_shown is None or found.n_for_shown >= 60


def test_answers_that_are_all_alike_leave_no_interval_without_width():
    """None of 12: by Clopper and Pearson 0.265 at most."""
    none, every = sample_of_values([0.0] * 12), sample_of_values([1.0] * 12)
    upper = stats.binomtest(0, 12).proportion_ci(0.95).high
    share = interval_of(none, is_share=True)
    assert (share.value, share.low) == (0.0, 0.0) and share.high == pytest.approx(upper)
    assert not interval_of(none, is_share=False).is_known
    same = compare(none, none, is_share=True)
    assert same.word == "the same" and same.sentence() == "the same on all 12 examples"
    ends = (same.difference.low, same.difference.high)
    assert ends == pytest.approx((-upper, upper))
    apart = compare(every, none, is_share=True)
    assert apart.word == "better" and apart.difference.high == 1.0
    assert apart.difference.low == pytest.approx(1 - 2 * upper)
    unbounded = compare(none, none)
    assert unbounded.word == "the same" and not unbounded.difference.is_known


@pytest.mark.slow
def test_the_least_difference_is_seen_in_four_of_five_samples():
    error = standard_error(paired(*two(0.0, n=5000, noise=0.2)))
    least = least_difference(error) * np.sqrt(5000 / 200)
    seen = [
        compare(*two(least, n=200, noise=0.2, seed=seed)).word == "better" for seed in range(400)
    ]
    assert np.mean(seen) == pytest.approx(0.8, abs=0.06)


@pytest.mark.slow
def test_models_that_are_equally_good_are_called_apart_in_no_more_than_5_percent():
    """Of 1,000 pairs 5 % are 50, and more than 67 of them would be chance once in a hundred."""
    called = 0
    for number in range(1000):
        draw = np.random.default_rng(number)
        shared = draw.beta(0.6, 2.0, 60)
        one, other = (sample_of_values(0.6 * shared + 0.4 * draw.beta(1, 2, 60)) for _ in range(2))
        called += compare(one, other, is_share=True).word in ("better", "worse")
    assert stats.binom.ppf(0.99, 1000, 0.05) == 67
    assert called <= 67
