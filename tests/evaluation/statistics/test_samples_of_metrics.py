"""Every metric's scores are what its samples say, whole and resampled."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.evaluation.metrics import METRICS
from tunesmith.evaluation.score import score_answers
from tunesmith.evaluation.statistics.permutation import permutation_test
from tunesmith.evaluation.statistics.sample import paired

LABELS = st.sampled_from(["a", "b", "c", "d"])
NUMBERS = st.floats(-50, 50).map(lambda x: round(x, 2))
WORDS = st.lists(st.sampled_from(["cat", "sat", "the", "mat", "ran"]), max_size=6).map(" ".join)
KINDS = {
    "accuracy": LABELS,
    "label-f1": LABELS,
    "mcc": LABELS,
    "squared-error": NUMBERS,
    "correlation": NUMBERS,
    "rouge": WORDS,
    "squad": WORDS,
    "cmrc": WORDS,
}


def drawn(name):
    return st.lists(st.tuples(KINDS[name], KINDS[name]), min_size=2, max_size=12)


@pytest.mark.parametrize("name", KINDS)
def test_a_sample_gives_the_score_of_any_resample(name):
    """Scoring the drawn answers anew is the known truth; Spearman's alone has no sample."""

    @given(drawn(name), st.data())
    @settings(deadline=None, max_examples=40)
    def check(pairs, data):
        places = data.draw(st.lists(st.integers(0, len(pairs) - 1), min_size=2, max_size=12))
        found = score_answers([name], [a for a, _ in pairs], [[r] for _, r in pairs])
        samples = METRICS.parse(name).score(*zip(*[(a, [r]) for a, r in pairs], strict=True))
        samples = samples.samples()
        again = score_answers(
            [name], [pairs[p][0] for p in places], [[pairs[p][1]] for p in places]
        )
        for score, sample in samples.items():
            assert sample.value == pytest.approx(found.values[score], abs=1e-9)
            resampled = sample.statistic(sample.sums[places].sum(0))
            if score in again.values:
                assert resampled == pytest.approx(again.values[score], abs=1e-6)
            else:  # there is no such class, one side is constant, or one kind of question
                assert not np.isfinite(resampled) or name in ("correlation", "squad")
        assert set(samples) == set(found.values) - {"spearman"}

    check()


def test_models_that_named_different_classes_are_compared():
    right = [["a"], ["b"], ["a"], ["b"]]
    one, other = (
        METRICS.parse("label-f1").score(said, right).samples()["macro_f1"]
        for said in (["a", "b", "a", "b"], ["a", "c", "a", None])
    )
    assert paired(one, other).value == pytest.approx(1 - 1 / 3)
    assert permutation_test(one, other) == permutation_test(other, one) == 0.5


@pytest.mark.filterwarnings("ignore:A single label was found")
@given(st.lists(st.tuples(LABELS, LABELS), min_size=1, max_size=30))
@settings(deadline=None)
def test_the_correlation_of_classes_is_that_of_scikit_learn(pairs):
    sk = pytest.importorskip("sklearn.metrics")
    said, right = zip(*pairs, strict=True)
    found = score_answers(["mcc"], said, [[one] for one in right]).values["mcc"]
    assert found == pytest.approx(sk.matthews_corrcoef(right, said), abs=1e-9)
