"""Intervals: as scipy makes them, and as wide as they say."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.evaluation.statistics.bootstrap import bootstrap, student_quantile
from tunesmith.evaluation.statistics.sample import paired, ratio, sample, sample_of_values

stats = pytest.importorskip("scipy.stats")


def skewed(n, seed=0):
    return np.random.default_rng(seed).beta(0.6, 2.0, n)


def test_the_interval_of_a_mean_is_that_of_scipy():
    values = skewed(80)
    ours = bootstrap(sample_of_values(values), resamples=40_000, expand=False)
    theirs = stats.bootstrap(
        (values,), np.mean, n_resamples=40_000, method="BCa", rng=np.random.default_rng(1)
    ).confidence_interval
    assert ours.value == pytest.approx(values.mean())
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.02 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.02 * width)


def test_the_interval_of_a_ratio_of_sums_is_that_of_scipy():
    draw = np.random.default_rng(3)
    tokens = draw.integers(5, 60, 60).astype(float)
    losses = tokens * draw.gamma(4, 0.5, 60)
    ours = bootstrap(sample(np.stack([losses, tokens], 1), ratio), resamples=40_000, expand=False)
    theirs = stats.bootstrap(
        (losses, tokens),
        lambda a, b, axis: a.sum(axis) / b.sum(axis),
        n_resamples=40_000,
        paired=True,
        vectorized=True,
        method="BCa",
        rng=np.random.default_rng(1),
    ).confidence_interval
    width = theirs.high - theirs.low
    assert ours.low == pytest.approx(theirs.low, abs=0.02 * width)
    assert ours.high == pytest.approx(theirs.high, abs=0.02 * width)


@pytest.mark.parametrize("degrees", [1, 2, 5, 9, 20, 99, 1000])
@pytest.mark.parametrize("share", [0.9, 0.975, 0.995])
def test_quantiles_of_student_are_those_of_scipy(degrees, share):
    exact = stats.t.ppf(share, degrees)
    near = 1e-9 if degrees < 3 else 2e-2 if degrees < 9 else 1e-3 if degrees < 20 else 1e-4
    assert student_quantile(share, degrees) == pytest.approx(exact, rel=near)


def test_answers_of_one_document_count_as_one_unit():
    """Ten copies of each value say no more than the values themselves."""
    values = skewed(40)
    alone = bootstrap(sample_of_values(values))
    names = [f"document {n}" for n in range(40) for _ in range(10)]
    copied = bootstrap(sample_of_values(np.repeat(values, 10), names))
    assert copied.value == pytest.approx(alone.value)
    assert (copied.low, copied.high) == pytest.approx((alone.low, alone.high))
    naive = bootstrap(sample_of_values(np.repeat(values, 10)))
    assert naive.high - naive.low < 0.4 * (alone.high - alone.low)


def test_the_same_sample_gives_the_same_interval_to_the_last_bit():
    one, two = (bootstrap(sample_of_values(skewed(50)), seed=7) for _ in range(2))
    assert one == two


def test_resamples_that_are_kept_are_those_that_are_drawn_anew(monkeypatch):
    one, two = (sample_of_values(skewed(50, seed)) for seed in (0, 1))
    kept = [bootstrap(each, seed=7) for each in (one, two, one)]
    assert kept[0] == kept[2] != kept[1]
    monkeypatch.setattr("tunesmith.evaluation.statistics.bootstrap.CHUNK", 1000)
    anew = bootstrap(one, seed=7)
    assert (anew.low, anew.high) == pytest.approx((kept[0].low, kept[0].high), rel=1e-12)


def test_one_example_has_no_interval_and_equal_values_have_no_width():
    alone = bootstrap(sample_of_values([0.3]))
    assert alone.value == 0.3 and not alone.is_known
    same = bootstrap(sample_of_values([0.3] * 9))
    assert (same.low, same.high) == (same.value, same.value)


@given(st.lists(st.floats(-1e6, 1e6), min_size=2, max_size=30))
@settings(deadline=None, max_examples=60)
def test_any_values_give_an_interval_within_their_range(values):
    found = bootstrap(sample_of_values(values), resamples=200)
    slack = 1e-6 * max(1.0, *map(abs, values))
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack
    assert not math.isnan(found.value)


def coverage(draw, truth, n_sets, resamples):
    held = 0
    for number in range(n_sets):
        found = bootstrap(draw(np.random.default_rng(number)), resamples=resamples, seed=number)
        held += found.low <= truth <= found.high
    return held / n_sets


@pytest.mark.slow
def test_intervals_of_95_percent_hold_the_truth_in_94_to_96_percent_of_2000_samples():
    """A skewed score of two correlated models, 110 examples; the truth is known."""

    def draw(generator):
        shared = generator.beta(0.6, 2.0, 110)
        one = 0.7 * shared + 0.3 * generator.beta(2.0, 2.0, 110)
        other = 0.7 * shared + 0.3 * generator.beta(1.0, 3.0, 110)
        return paired(sample_of_values(one), sample_of_values(other))

    assert 0.94 <= coverage(draw, 0.3 * (0.5 - 0.25), 2000, 1500) <= 0.96


@pytest.mark.slow
def test_intervals_hold_the_truth_where_examples_come_in_conversations():
    def draw(generator):
        turns = generator.integers(1, 6, 80)
        mood = np.repeat(generator.normal(0.0, 1.0, 80), turns)
        names = [str(n) for n in np.repeat(np.arange(80), turns)]
        return sample_of_values(mood + generator.normal(0.2, 0.5, turns.sum()), names)

    assert 0.94 <= coverage(draw, 0.2, 2000, 1500) <= 0.96
