from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.errors import RecipeError
from tunesmith.training.plan import n_steps, packed_room, plan_epoch

LENGTHS = st.lists(st.integers(1, 500), min_size=1, max_size=200)


def plan(lengths, **fields):
    defaults = {"batch_size": 8, "micro_batch_size": 3, "seed": 1, "epoch": 0}
    return plan_epoch(lengths, **{**defaults, **fields})


def test_a_line_without_room_is_told_the_room_that_is_needed():
    """A pair takes twice its longer side, so that no limit of tokens would say the same."""
    with pytest.raises(RecipeError, match="takes 62 tokens") as told:
        packed_room([62, 40], 31, 8)
    assert str(told.value).endswith("Raise it to 62 or more.")
    assert "max_tokens" not in str(told.value)
    assert packed_room([62, 40], 62, 8) == 62


@given(LENGTHS, st.integers(1, 20), st.integers(1, 20), st.booleans(), st.booleans())
def test_every_row_comes_once_and_no_portion_is_too_large(lengths, batch, micro, shuffle, group):
    steps = plan(
        lengths, batch_size=batch, micro_batch_size=micro, shuffle=shuffle, group_by_length=group
    )
    rows = [row for step in steps for part in step for row in part]
    assert sorted(rows) == list(range(len(lengths)))
    assert all(len(part) <= micro for step in steps for part in step)
    sizes = sorted((sum(map(len, step)) for step in steps), reverse=True)
    assert sizes[:-1] == [batch] * (len(sizes) - 1)


@given(LENGTHS)
def test_a_plan_is_a_function_of_its_arguments(lengths):
    assert plan(lengths) == plan(lengths)


def test_epochs_and_seeds_differ():
    lengths = list(range(1, 100))
    assert plan(lengths, epoch=0) != plan(lengths, epoch=1)
    assert plan(lengths, seed=1) != plan(lengths, seed=2)


def test_without_shuffling_rows_keep_the_order_of_the_data():
    steps = plan([5, 1, 4, 2], batch_size=2, micro_batch_size=2, shuffle=False)
    assert steps == [[[0, 1]], [[2, 3]]]


def test_grouping_saves_padding():
    lengths = [10, 500] * 100

    def padding(group):
        parts = [p for s in plan(lengths, group_by_length=group) for p in s]
        return sum(max(lengths[r] for r in p) * len(p) - sum(lengths[r] for r in p) for p in parts)

    assert padding(True) < padding(False) / 5


@given(LENGTHS, st.integers(1, 20), st.integers(500, 2000), st.booleans())
def test_packing_leaves_every_step_its_rows(lengths, batch, room, group):
    fields = {"batch_size": batch, "group_by_length": group}
    lines = plan(lengths, tokens_per_row=room, **fields)
    rows = [[sorted(row for part in step for row in part) for step in steps]
            for steps in (plan(lengths, **fields), lines)]  # fmt: skip
    assert rows[0] == rows[1]
    assert all(sum(lengths[row] for row in line) <= room for step in lines for line in step)


def test_a_line_has_room_for_a_padded_micro_batch_where_nothing_else_is_said():
    assert packed_room([5, 40, 12], None, rows_at_once=3) == 120
    assert packed_room([5, 40, 12], 40, rows_at_once=3) == 40
    with pytest.raises(RecipeError, match="=39, and the longest row takes 40 tokens"):
        packed_room([5, 40, 12], 39, rows_at_once=3)


def test_steps_of_a_run():
    assert n_steps(33, batch_size=16, epochs=2, max_steps=None) == 6
    assert n_steps(33, batch_size=16, epochs=2, max_steps=4) == 4
    assert n_steps(33, batch_size=16, epochs=0.1, max_steps=None) == 1
