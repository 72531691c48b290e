"""What votes tell: shares, strengths and agreement, beside scikit-learn and known truths."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tunesmith.evaluation.statistics.bradley_terry import bradley_terry, strengths
from tunesmith.evaluation.statistics.kappa import cohen_kappa
from tunesmith.evaluation.statistics.rate import rate

sklearn_metrics = pytest.importorskip("sklearn.metrics")


def votes(truth, n_examples, seed, per_example=3):
    """[N, M, M] votes of simulated voters, and the example of each."""
    draw, n_models = np.random.default_rng(seed), len(truth)
    found, clusters = [], []
    for example in range(n_examples):
        for _ in range(per_example):
            one, other = draw.choice(n_models, 2, replace=False)
            table = np.zeros((n_models, n_models))
            wins = draw.random() < 1 / (1 + math.exp(truth[other] - truth[one]))
            table[(one, other) if wins else (other, one)] = 1
            found.append(table)
            clusters.append(f"example {example}")
    return np.stack(found), clusters


def test_two_models_have_the_odds_of_their_wins():
    found = bradley_terry(np.array([[0, 30.0], [10, 0]]))
    assert found == pytest.approx([math.log(3) / 2, -math.log(3) / 2])


def test_strengths_are_those_of_a_logistic_regression():
    from sklearn.linear_model import LogisticRegression

    tables, _ = votes([0.8, 0.1, -0.2, -0.7], 200, seed=1)
    sides, results = [], []
    for table in tables:
        one, other = map(int, np.argwhere(table)[0])
        for sign in (1, -1):  # both ways round, so that no side is favoured
            side = np.zeros(4)
            side[[one, other]] = sign, -sign
            sides.append(side)
            results.append(int(sign > 0))
    theirs = LogisticRegression(C=np.inf, fit_intercept=False, tol=1e-10).fit(sides, results)
    wanted = theirs.coef_[0] - theirs.coef_[0].mean()
    assert bradley_terry(tables.sum(0)) == pytest.approx(wanted, abs=1e-5)


def test_strengths_that_voters_were_made_with_are_found_again():
    truth = np.array([1.0, 0.3, -0.4, -0.9])
    tables, _ = votes(truth, 4000, seed=2)
    assert bradley_terry(tables.sum(0)) == pytest.approx(truth, abs=0.08)


def test_a_model_that_won_all_is_strong_and_not_infinite():
    found = bradley_terry(np.array([[0, 9.0, 9], [0, 0, 5], [0, 4, 0]]))
    assert np.isfinite(found).all() and found[0] > 2 > found[1] > found[2]
    many = bradley_terry(np.array([[[0, 9.0], [0, 0]], [[0, 30], [10, 0]]]))
    assert many[0, 0] - many[0, 1] == pytest.approx(math.log(9.5 / 0.5))
    assert many[1, 0] == pytest.approx(math.log(3) / 2)  # the others are left as they are


def test_ties_draw_models_together():
    without = bradley_terry(np.array([[0, 8.0], [2, 0]]))
    with_ties = bradley_terry(np.array([[0, 8.0 + 5], [2 + 5, 0]]))
    assert 0 < with_ties[0] < without[0]


@pytest.mark.slow
def test_95_intervals_of_strengths_hold_the_truth():
    truth = [0.6, 0.0, -0.6]
    n_held, n = 0, 200
    for seed in range(n):
        tables, clusters = votes(truth, 60, seed)
        first = strengths(tables, clusters, resamples=400)[0]
        n_held += first.low <= truth[0] <= first.high
    assert 0.91 <= n_held / n <= 0.985


def test_kappa_is_that_of_scikit_learn():
    draw = np.random.default_rng(0)
    one = draw.choice(["one", "other", "tie"], 300, p=[0.5, 0.3, 0.2])
    other = np.where(draw.random(300) < 0.6, one, draw.choice(["one", "other", "tie"], 300))
    found = cohen_kappa(list(one), list(other))
    assert found.kappa.value == pytest.approx(sklearn_metrics.cohen_kappa_score(one, other))
    assert found.kappa.low < found.kappa.value < found.kappa.high
    assert found.alike == pytest.approx(float((one == other).mean()))


def test_kappa_of_one_word_alone_is_not_told():
    found = cohen_kappa(["one"] * 5, ["one"] * 5)
    assert math.isnan(found.kappa.value) and found.alike == 1 and found.n == 5


def test_a_share_has_ends_and_a_p_value_and_ties_count_half():
    points = [1.0] * 30 + [0.5] * 10 + [0.0] * 10
    found = rate(points, [1 - p for p in points], None, seed=0)
    assert found.interval.value == pytest.approx(0.7) and found.n == 50
    assert 0.5 < found.interval.low < 0.7 < found.interval.high and found.p < 0.01
    turned = rate([1 - p for p in points], points, None, seed=0)
    assert turned.interval.value == pytest.approx(0.3) and turned.p == found.p


def test_all_alike_is_not_certain_for_ever():
    """Eight wins of eight: the lower end is Clopper and Pearson's."""
    found = rate([1.0] * 8, [0.0] * 8, None, seed=0)
    assert found.interval.value == found.interval.high == 1
    assert found.interval.low == pytest.approx(0.025 ** (1 / 8))
    assert found.p == pytest.approx(2 / 2**8)
    ties = rate([0.5] * 8, [0.5] * 8, None, seed=0)
    assert ties.interval.low < 0.5 < ties.interval.high and ties.p == 1


def test_nothing_counted_tells_nothing():
    assert rate([0.0], [0.0], None, seed=0).p is None
    assert math.isnan(rate([], [], None, seed=0).interval.value)
    alone = rate([1.0, 1.0], [0.0, 0.0], ["a", "a"], seed=0)
    assert alone.interval.value == 1 and math.isnan(alone.interval.low) and alone.p is None


def test_who_never_differs_has_no_interval_without_width():
    found = cohen_kappa(["one", "other"], ["one", "other"])
    assert found.kappa.value == 1 and not found.kappa.is_known
    tables = np.zeros((4, 3, 3))
    tables[:, [0, 0, 1], [1, 2, 2]] = 1  # the first beats all, the second the third, four times
    for one in strengths(tables, None, resamples=200):
        assert math.isfinite(one.value) and not one.is_known
