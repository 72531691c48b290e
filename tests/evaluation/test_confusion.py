"""Confusion: every row is in one cell, and the scores are scikit-learn's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.evaluation.confusion import confusion

sk = pytest.importorskip("sklearn.metrics")
LABELS = ["bad", "fair", "good"]
PAIRS = st.lists(st.tuples(st.sampled_from(LABELS), st.sampled_from([*LABELS, None])), min_size=1)


@settings(deadline=None)
@given(PAIRS)
def test_every_row_is_counted_once_and_the_scores_are_scikit_learns(pairs):
    found = confusion("tuned", LABELS, pairs)
    right = [one for one, _ in pairs]
    said = [other or "unread" for _, other in pairs]
    assert sum(map(sum, found.counts)) + sum(found.unread) == len(pairs)
    theirs = sk.confusion_matrix(right, said, labels=[*LABELS, "unread"])
    assert found.counts == theirs[:3, :3].tolist()
    assert found.unread == theirs[:3, 3].tolist()
    scores = sk.precision_recall_fscore_support(right, said, labels=LABELS, zero_division=0.0)
    for place, one in enumerate(found.classes):
        ours = [value or 0.0 for value in (one.precision, one.recall, one.f1)]
        assert ours == pytest.approx([column[place] for column in scores[:3]])
        assert one.n == scores[3][place]


def test_what_was_never_answered_has_no_precision():
    found = confusion("tuned", ["a", "b", "c"], [("a", "a"), ("b", "a"), ("b", None), ("b", "a")])
    assert [one.precision for one in found.classes] == [1 / 3, None, None]
    assert [one.recall for one in found.classes] == [1.0, 0.0, None]
    assert found.mistakes == [("b", "a", 2)]
    assert found.unread == [0, 1, 0]
