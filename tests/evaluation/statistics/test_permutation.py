"""The permutation test: exact where it can be, scipy's where it is not, and honest about chance."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.evaluation.statistics.permutation import holm, permutation_test
from tunesmith.evaluation.statistics.sample import sample_of_values

stats = pytest.importorskip("scipy.stats")
SCORES = st.floats(0, 1, width=16)


@given(st.lists(st.tuples(SCORES, SCORES), min_size=1, max_size=8))
@settings(deadline=None, max_examples=60)
def test_few_units_are_exchanged_in_every_way(pairs):
    one, other = (np.array(side) for side in zip(*pairs, strict=True))
    differences = one - other
    observed = abs(differences.mean())
    means = [abs((differences * signs).mean()) for signs in product((-1, 1), repeat=len(pairs))]
    wanted = np.mean([m >= observed - 1e-12 for m in means])
    found = permutation_test(sample_of_values(one), sample_of_values(other))
    assert found == pytest.approx(wanted)


def test_many_units_give_the_p_value_of_scipy():
    draw = np.random.default_rng(5)
    one = draw.beta(2, 3, 90)
    other = np.clip(one + draw.normal(0.01, 0.1, 90), 0, 1)
    theirs = stats.permutation_test(
        (one, other),
        lambda a, b, axis: a.mean(axis) - b.mean(axis),
        permutation_type="samples",
        n_resamples=40_000,
        vectorized=True,
        rng=np.random.default_rng(2),
    ).pvalue
    ours = permutation_test(sample_of_values(one), sample_of_values(other), permutations=40_000)
    assert 0.002 < theirs < 0.2
    assert ours == pytest.approx(theirs, abs=0.006)


def test_equal_models_have_p_of_one_and_order_does_not_matter():
    values = np.linspace(0, 1, 30)
    same = sample_of_values(values)
    assert permutation_test(same, same) == 1.0
    other = sample_of_values(values**2)
    assert permutation_test(same, other, seed=1) == permutation_test(other, same, seed=1)


def test_holm_raises_each_by_how_many_are_left():
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.9, 0.8]) == [1.0, 1.0]
    assert holm([]) == []


@pytest.mark.slow
def test_a_difference_that_is_not_there_is_called_in_at_most_5_percent():
    called = 0
    for number in range(2000):
        draw = np.random.default_rng(number)
        shared = draw.beta(0.6, 2.0, 60)
        one, other = (sample_of_values(0.6 * shared + 0.4 * draw.beta(1, 2, 60)) for _ in range(2))
        called += permutation_test(one, other, permutations=1000, seed=number) <= 0.05
    # Two standard errors of such a share are 1 %: what is tested is that it is not above 5 %.
    assert called / 2000 <= 0.06
