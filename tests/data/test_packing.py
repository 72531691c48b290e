from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.packing import pack


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
def test_packing_by_room_equals_packing_as_the_textbook_has_it(lengths, room):
    assert len(pack(np.array(lengths), room)) == one_by_one(lengths, room)


def test_halves_pack_in_pairs():
    assert len(pack(np.array([50] * 100), 100)) == 50
    assert len(pack(np.array([51] * 100), 100)) == 100


@given(st.lists(st.integers(1, 60), min_size=1, max_size=80))
def test_every_example_stands_in_one_row_and_no_row_is_too_long(lengths):
    rows = pack(np.array(lengths), 60)
    assert sorted(number for row in rows for number in row) == list(range(len(lengths)))
    assert all(sum(lengths[number] for number in row) <= 60 for row in rows)
