"""Rows as a trie: every row is a way through it, and nothing is there twice that need not be."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.prefixes import grow, shared_with_next, sharing_order

ROWS = st.lists(st.lists(st.integers(0, 2), min_size=1, max_size=8), min_size=1, max_size=9)


def arrays(rows):
    return [np.array(row, np.int32) for row in rows]


def line_of(tree, rows):
    line = np.full(tree.n_tokens, -1)
    for places, row in zip(tree.places, rows, strict=True):
        line[places] = row
    return line


def test_a_pair_and_its_prompt():
    rows = arrays([[1, 2, 3, 7], [1, 2, 3, 8, 9]])
    tree = grow(rows)
    assert (tree.lengths, tree.parents, tree.begins.tolist()) == ((3, 1, 2), (-1, 0, 0), [0, 3, 3])
    assert [places.tolist() for places in tree.places] == [[0, 1, 2, 3], [0, 1, 2, 4, 5]]
    assert (tree.n_tokens, tree.n_saved) == (6, 3)


def test_a_trie_of_several_levels():
    """One system prompt, two questions behind it, and a row that is the beginning of others."""
    rows = arrays([[1, 1, 2, 5], [1, 1, 2, 6], [1, 1, 3], [1, 1], [4], [1, 1, 3]])
    tree = grow(rows)
    assert tree.n_tokens == len("1125634")
    assert tree.places[3].tolist() == tree.places[0][:2].tolist()
    assert tree.places[2].tolist() == tree.places[5].tolist()


def test_a_prefix_that_saves_too_little_stays_with_each_row():
    rows = arrays([[1, 1, 2, 5], [1, 1, 2, 6], [1, 1, 3, 3]])
    assert grow(rows, 4).parents == (-1, 0, 0, 0)  # [1, 1] saves 4, [2] only 1
    assert grow(rows, 5).parents == (-1, -1, -1)
    deep = arrays([[1, 2, 2, 2, 5], [1, 2, 2, 2, 6], [1, 3]])
    assert grow(deep, 4).parents == (-1, 0, 0, -1)  # [1] saves 2, then [1, 2, 2, 2] saves 4


@given(rows=ROWS, least=st.integers(1, 9))
def test_every_row_is_a_way_from_a_root(rows, least):
    tree = grow(arrays(rows), least)
    line = line_of(tree, rows)
    assert (line >= 0).all()  # no place that no row has
    starts = np.cumsum([0, *tree.lengths])
    for row, places in zip(rows, tree.places, strict=True):
        assert line[places].tolist() == row
        piece = int(np.searchsorted(starts, places[-1], side="right")) - 1
        assert places[-1] == starts[piece + 1] - 1  # ends with a piece
        way = [piece]
        while tree.parents[way[-1]] >= 0:
            way.append(tree.parents[way[-1]])
        expected = [p for one in way[::-1] for p in range(starts[one], starts[one + 1])]
        assert places.tolist() == expected
    for piece, parent in enumerate(tree.parents):
        assert parent < piece
        before = 0 if parent < 0 else tree.begins[parent] + tree.lengths[parent]
        assert tree.begins[piece] == before
        row = rows[tree.sources[piece]]
        begin = int(tree.begins[piece])
        own = line[starts[piece] : starts[piece + 1]]
        assert own.tolist() == row[begin : begin + tree.lengths[piece]]


@given(rows=ROWS)
def test_a_line_has_each_prefix_once(rows):
    prefixes = {tuple(row[: n + 1]) for row in rows for n in range(len(row))}
    assert grow(arrays(rows)).n_tokens == len(prefixes)


@given(rows=ROWS, least=st.integers(1, 9))
def test_a_shared_piece_saves_what_it_must(rows, least):
    tree = grow(arrays(rows), least)
    starts = np.cumsum([0, *tree.lengths])
    for piece, length in enumerate(tree.lengths):
        users = sum(int(starts[piece]) in places.tolist() for places in tree.places)
        assert users == 1 or (users - 1) * length >= least


@given(rows=ROWS)
def test_rows_that_begin_alike_are_neighbours(rows):
    given_rows = arrays(rows)
    order = sharing_order(given_rows)
    assert sorted(order) == list(range(len(rows)))
    for n in range(1, 9):
        keys = [tuple(rows[row][:n]) for row in order if len(rows[row]) >= n]
        assert (
            len(set(keys)) == 1 + sum(a != b for a, b in zip(keys, keys[1:], strict=False))
            or not keys
        )
    ordered = [given_rows[row] for row in order]
    n_shared = shared_with_next(ordered).sum()
    assert sum(map(len, given_rows)) - n_shared == grow(given_rows).n_tokens


@pytest.mark.parametrize("dtype", [np.int32, np.int64, np.uint16])
def test_any_type_of_token_ids(dtype):
    rows = [np.array([300, 5, n], dtype) for n in (1, 256, 1)]
    assert grow(rows).n_tokens == 4
