from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.packing import pack, slices, spread


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


SIZES = st.lists(st.integers(1, 400), min_size=1, max_size=60)


@given(SIZES, st.integers(1, 1500), st.integers(1, 20), st.booleans())
def test_a_division_holds_every_example_once_within_its_limits(lengths, room, most, packs):
    sizes = np.array(lengths)
    parts = (spread if packs else slices)(sizes, room, most)
    assert sorted(n for part in parts for n in part) == list(range(len(lengths)))
    for part in parts:
        held = sizes[part]
        size = held.sum() if packs else held.max() * len(part)
        assert len(part) <= most and (size <= room or len(part) == 1)
        assert held.tolist() == sorted(held, reverse=True)


@given(SIZES, st.integers(1, 1500), st.integers(1, 20), st.booleans())
def test_a_part_is_not_divided_again(lengths, room, most, packs):
    sizes, divide = np.array(lengths), spread if packs else slices
    for part in divide(sizes, room, most):
        assert divide(sizes[part], room, most) == [list(range(len(part)))]


def test_no_line_is_nearly_empty():
    """Filled up one after the other, the second would hold a fifth of the first."""
    lengths = np.array([100] * 12)
    assert [len(line) for line in spread(lengths, 1000, 99)] == [6, 6]
    assert [len(line) for line in slices(lengths, 1000, 99)] == [6, 6]


@given(SIZES, st.integers(400, 1500))
def test_lines_are_filled_alike(lengths, room):
    """No line could give its last example away to another and both be nearer to each other."""
    sizes = np.array(lengths)
    filled = [int(sizes[line].sum()) for line in spread(sizes, room, 99) if sizes[line][0] < room]
    if filled:
        assert max(filled) - min(filled) <= max(n for n in lengths)


def test_rectangles_hold_like_lengths_together():
    assert slices(np.array([10, 300, 20, 290, 15]), 700, 99) == [[1, 3], [2, 4, 0]]
