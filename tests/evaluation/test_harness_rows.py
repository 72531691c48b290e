"""What a model reads of a continuation that is as long as its window."""

from __future__ import annotations

import numpy as np
import pytest

from tunesmith.core.errors import DataError
from tunesmith.evaluation.harness_rows import row_within


@pytest.mark.parametrize(("n_scored", "n_read"), [(2, 8), (7, 8), (8, 8)])
def test_every_scored_token_has_one_before_it_within_the_window(n_scored, n_read):
    row = row_within(np.arange(20), n_scored, 8)
    assert len(row[:-1]) == n_read and row[-1] == 19
    assert len(row[-n_scored - 1 : -1]) == n_scored


def test_a_continuation_beyond_the_window_is_told_of():
    with pytest.raises(DataError, match="9 tokens cannot be scored: the model reads 8"):
        row_within(np.arange(20), 9, 8)
