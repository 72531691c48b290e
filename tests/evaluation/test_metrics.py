"""Metrics of labels and numbers against scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.evaluation.baseline import best_constant
from tunesmith.evaluation.measures import measures_of
from tunesmith.evaluation.score import score_answers
from tunesmith.evaluation.side_by_side import side_by_side

sk = pytest.importorskip("sklearn.metrics")
LABELS = list("abc")
labels = st.sampled_from(LABELS)
sets = st.sets(labels).map(lambda chosen: tuple(sorted(chosen)))


@given(st.lists(st.tuples(labels, labels), min_size=1))
def test_single_labels_score_as_scikit_learn_says(pairs):
    said, right = zip(*pairs, strict=True)
    found = score_answers(["accuracy", "label-f1"], said, [[one] for one in right])
    assert found.values["accuracy"] == pytest.approx(sk.accuracy_score(right, said))
    for kind in ("macro", "micro"):
        expected = sk.f1_score(right, said, average=kind, zero_division=0)
        assert found.values[f"{kind}_f1"] == pytest.approx(expected)
    known = sorted({*said, *right})
    each = sk.f1_score(right, said, average=None, labels=known, zero_division=0)
    assert [found.values[f"f1/{label}"] for label in known] == pytest.approx(list(each))


@given(st.lists(st.tuples(sets, sets), min_size=1))
def test_sets_of_labels_score_as_scikit_learn_says(pairs):
    said, right = zip(*pairs, strict=True)
    found = score_answers(["accuracy", "label-f1"], said, [[one] for one in right])
    known = sorted({label for one in (*said, *right) for label in one})
    flags = [np.array([[n in one for n in LABELS] for one in side]) for side in (right, said)]
    assert found.values["accuracy"] == pytest.approx(sk.accuracy_score(*flags))
    micro = sk.f1_score(*flags, average="micro", zero_division=0)
    assert found.values["micro_f1"] == pytest.approx(micro)
    if known:
        columns = [LABELS.index(label) for label in known]
        macro = sk.f1_score(*(f[:, columns] for f in flags), average="macro", zero_division=0)
        if len(known) > 1:
            assert found.values["macro_f1"] == pytest.approx(macro)


def test_an_answer_that_cannot_be_read_is_wrong():
    found = score_answers(["accuracy", "label-f1"], ["a", None], [["a"], ["a"]])
    assert found.values["accuracy"] == 0.5
    assert found.values["macro_f1"] == pytest.approx(2 / 3)
    assert found.rows == [{"accuracy": 1.0}, {"accuracy": 0.0}]


numbers = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))


@given(st.lists(st.tuples(numbers, numbers), min_size=2))
def test_numbers_score_as_numpy_and_scipy_say(pairs):
    stats = pytest.importorskip("scipy.stats")
    said, right = zip(*pairs, strict=True)
    found = score_answers(["squared-error", "correlation"], said, [[x] for x in right]).values
    assert found["mse"] == pytest.approx(sk.mean_squared_error(right, said))
    assert found["mae"] == pytest.approx(sk.mean_absolute_error(right, said))
    if len(set(said)) > 1 and len(set(right)) > 1:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # scipy tells of nearly constant input
            expected = stats.pearsonr(said, right)[0], stats.spearmanr(said, right)[0]
        assert found["pearson"] == pytest.approx(expected[0], abs=1e-6)
        assert found["spearman"] == pytest.approx(expected[1], abs=1e-9)
    else:
        assert "pearson" not in found


def test_numbers_that_cannot_be_read_are_left_out():
    found = score_answers(["squared-error", "correlation"], [1.0, None], [[3.0], [4.0]])
    assert found.values == {"mse": 4.0, "mae": 2.0}
    assert score_answers(["squared-error"], [None], [[3.0]]).values == {}


def test_errors_are_no_scores_between_0_and_1_and_each_answer_has_its_own():
    measures = measures_of(["squared-error"])
    assert measures.scales == {"mse": "", "mae": ""}
    found = score_answers(["squared-error"], [1.0, None, 2.5], [[3.0], [4.0], [2.0]])
    assert found.rows == [{"mse": 4.0, "mae": 2.0}, {}, {"mse": 0.25, "mae": 0.5}]


def test_a_correlation_of_ranks_says_why_it_has_no_interval():
    right = [[float(n)] for n in range(6)]
    found = score_answers(["correlation"], [0.0, 2.0, 1.0, 3.0, 5.0, 4.0], right)
    assert any("Spearman's correlation has no interval" in note for note in found.notes)
    parted = side_by_side(
        {"one": found.samples()}, ["pearson", "spearman"], values={"one": found.values}
    )
    rank, line = (parted.intervals["one"][name] for name in ("spearman", "pearson"))
    assert rank.value == pytest.approx(found.values["spearman"]) and not rank.is_known
    assert line.is_known


def test_the_best_constant_is_the_commonest_label_or_the_mean():
    assert best_constant(["a", "b", "b"], is_text=False) == "b"
    assert best_constant([("a",), (), ("a",)], is_text=False) == ("a",)
    assert best_constant([1.0, 2.0], is_text=False) == 1.5
