from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tunesmith.tasks.collate import collate  # noqa: E402


def row(ids, weights):
    return np.asarray(ids, np.int32), np.asarray(weights, np.float32)


def test_labels_are_the_tokens_that_follow_and_only_where_they_are_learnt():
    batch = collate([row([1, 5, 6, 7], [0, 0, 1, 1]), row([1, 8], [0, 1])], pad_id=2)
    assert batch.input_ids.tolist() == [[1, 5, 6, 7], [1, 8, 2, 2]]
    assert batch.targets["labels"].tolist() == [6, 7, 8]
    assert batch.target_rows.tolist() == [1, 2, 4]
    assert (batch.n_targets, batch.n_tokens) == (3, 6)
    assert "weights" not in batch.targets


def test_weights_follow_their_targets_and_their_sum_divides_the_loss():
    batch = collate([row([1, 5, 6], [0, 0.25, 1]), row([1, 8], [0, 0.5])], pad_id=2)
    assert batch.targets["weights"].tolist() == [0.25, 1, 0.5]
    assert batch.n_targets == 1.75
