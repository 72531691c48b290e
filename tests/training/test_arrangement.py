"""A step's rows that begin alike come into one micro-batch, within the same limits."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.prefixes import grow
from tunesmith.training.arrangement import _cheapest, arranged
from tunesmith.training.batching import Batching
from tunesmith.training.sharing import Sharing


def row(kind: int, own: int, n_shared: int = 60, n_own: int = 20) -> np.ndarray:
    """A row that begins like all of its kind."""
    return np.concatenate([np.full(n_shared, 1000 + kind), np.arange(n_own) + 100 * own])


def n_computed(step, ids, least=1):
    return sum(grow([ids[number] for number in micro], least).n_tokens for micro in step)


@pytest.mark.parametrize("packs", [True, False])
def test_alternating_instructions_are_brought_together(packs):
    ids = {number: row(number % 4, number) for number in range(16)}
    planned = [list(range(start, start + 4)) for start in range(0, 16, 4)]
    found = arranged(planned, ids, Sharing(16), Batching(packs, 16, 320))
    assert sorted(sorted(micro) for micro in found) == [[k, k + 4, k + 8, k + 12] for k in range(4)]
    assert n_computed(planned, ids) == 16 * 80
    assert n_computed(found, ids) == 4 * (60 + 4 * 20)


def test_rows_with_little_in_common_stay_as_they_were_planned():
    ids = {number: row(number % 4, number, n_shared=10) for number in range(8)}
    planned = [[0, 1, 2, 3], [4, 5, 6, 7]]
    assert arranged(planned, ids, Sharing(16), Batching(True, 8, 200)) is planned
    # Nor is a step taken apart that shares as much already.
    ids = {number: row(0, number) for number in range(8)}
    assert arranged(planned, ids, Sharing(16), Batching(True, 8, 320)) is planned


def test_rows_that_attention_does_not_see_whole_stay_as_they_were_planned():
    ids = {number: row(number % 2, number) for number in range(4)}
    planned, batching = [[0, 1], [2, 3]], Batching(True, 4, 160)
    assert arranged(planned, ids, Sharing(16, longest=79), batching) is planned
    found = arranged(planned, ids, Sharing(16, longest=80), batching)
    assert [sorted(micro) for micro in found] == [[0, 2], [1, 3]]


@given(
    st.lists(
        st.tuples(st.integers(0, 3), st.integers(1, 40), st.integers(1, 30)),
        min_size=1,
        max_size=14,
    ),
    st.integers(1, 160),
    st.integers(1, 5),
    st.booleans(),
)
def test_a_step_keeps_its_rows_and_its_limits(drawn, room, most, packs):
    ids = {
        number + 7: row(kind, number, n_shared, n_own)
        for number, (kind, n_shared, n_own) in enumerate(drawn)
    }
    batching = Batching(packs, most, room)
    sizes = np.array([len(ids[number]) for number in ids])
    numbers = list(ids)
    planned = [[numbers[at] for at in micro] for micro in batching.divide(sizes)]
    found = arranged(planned, ids, Sharing(2), batching)
    assert sorted(number for micro in found for number in micro) == numbers
    assert found == arranged(planned, ids, Sharing(2), batching)
    assert n_computed(found, ids, 2) <= n_computed(planned, ids, 2)
    for micro in found:
        own = np.array([len(ids[number]) for number in micro])
        assert len(micro) == 1 or (len(micro) <= most and batching.size(own) <= room)


def cheapest_of_all(sizes, common, batching, each):
    """The same by trying every start for every end."""
    best = [(0, 0)]
    for end in range(1, len(sizes) + 1):
        ways, tokens = [], 0
        for start in range(end - 1, -1, -1):
            tokens += int(sizes[start]) - (int(common[start]) if start < end - 1 else 0)
            is_within = (
                end - start <= batching.rows_at_once
                and batching.size(sizes[start:end]) <= batching.limit
            )
            if start < end - 1 and not is_within:
                break
            ways.append((best[start][0] + tokens + each, start))
        best.append(min(ways))
    cuts, end = [], len(sizes)
    while end:
        cuts.append((best[end][1], end))
        end = best[end][1]
    return cuts[::-1]


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(0, 40)), min_size=1, max_size=40),
    st.one_of(st.none(), st.integers(1, 300)),
    st.integers(1, 50),
    st.booleans(),
    st.integers(1, 30),
)
def test_the_cuts_are_those_of_trying_all(drawn, room, most, packs, each):
    sizes = np.array([size for size, _ in drawn])
    common = np.array([min(shared, size) for size, shared in drawn])[:-1]
    common = np.minimum(common, sizes[1:])
    batching = Batching(packs, most, room)
    found = _cheapest(sizes, common, batching, each)
    assert found == cheapest_of_all(sizes, common, batching, each)


@pytest.mark.parametrize("packs", [True, False])
def test_many_rows_are_cut_without_a_look_at_each_stretch(packs, monkeypatch):
    n_rows, n_looks = 2048, 0
    size_of = Batching.size_of

    def look(self, *args):
        nonlocal n_looks
        n_looks += 1
        return size_of(self, *args)

    monkeypatch.setattr(Batching, "size_of", look)
    sizes = np.full(n_rows, 20)
    _cheapest(sizes, np.full(n_rows - 1, 10), Batching(packs, n_rows, 20 * n_rows), 16)
    assert n_looks <= 2 * n_rows
