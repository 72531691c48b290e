import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.checks.lengths import measure, round_width


@given(st.lists(st.integers(0, 10_000), min_size=1, max_size=200))
def test_every_row_stands_in_one_bar(lengths):
    measured = measure(np.array(lengths), "tokens")

    assert measured is not None
    assert sum(measured.counts) == len(lengths)
    assert (measured.shortest, measured.longest) == (min(lengths), max(lengths))
    assert measured.open_end == (max(lengths) >= len(measured.counts) * measured.width)


def test_half_of_the_rows_are_at_most_the_median():
    measured = measure(np.arange(1, 101), "tokens")

    assert measured is not None
    assert (measured.median, measured.p95, measured.mean) == (50, 95, 50.5)


def test_no_rows_have_no_lengths():
    assert measure(np.array([], np.int64), "tokens") is None


@pytest.mark.parametrize(("least", "width"), [(0.2, 1), (1.1, 2), (3, 5), (7, 10), (101, 200)])
def test_bars_are_a_round_number_wide(least, width):
    assert round_width(least) == width
