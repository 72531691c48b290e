import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.checks.lengths import measure, round_width
from tunesmith.checks.packing import packed_rows


def one_by_one(lengths: list[int], room: int) -> int:
    """Best fit decreasing as the textbook has it."""
    rows: list[int] = []
    for length in sorted(lengths, reverse=True):
        fitting = [i for i, left in enumerate(rows) if left >= length]
        if fitting:
            rows[min(fitting, key=lambda i: rows[i])] -= length
        else:
            rows.append(room - length)
    return len(rows)


@given(st.lists(st.integers(1, 60), min_size=1, max_size=80), st.integers(60, 100))
def test_packing_together_equals_packing_one_by_one(lengths, room):
    assert packed_rows(np.array(lengths), room) == one_by_one(lengths, room)


def test_halves_pack_in_pairs():
    assert packed_rows(np.array([50] * 100), 100) == 50
    assert packed_rows(np.array([51] * 100), 100) == 100


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
