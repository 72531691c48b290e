from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tunesmith.training.batching import Batching
from tunesmith.training.plan import n_steps, plan_epoch

LENGTHS = st.lists(st.integers(1, 500), min_size=1, max_size=200)


def plan(lengths, *, rows=3, tokens=None, packs=False, **fields):
    defaults = {"batch_size": 8, "seed": 1, "epoch": 0}
    return plan_epoch(lengths, batching=Batching(packs, rows, tokens), **{**defaults, **fields})


@given(LENGTHS, st.integers(1, 20), st.integers(1, 20), st.booleans(), st.booleans())
def test_every_row_comes_once_and_no_portion_is_too_large(lengths, batch, micro, shuffle, group):
    steps = plan(lengths, batch_size=batch, rows=micro, shuffle=shuffle, group_by_length=group)
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
    steps = plan([5, 1, 4, 2], batch_size=2, rows=2, shuffle=False)
    assert steps == [[[0, 1]], [[2, 3]]]


def test_grouping_saves_padding():
    lengths = [10, 500] * 100

    def padding(group):
        parts = [p for s in plan(lengths, group_by_length=group) for p in s]
        return sum(max(lengths[r] for r in p) * len(p) - sum(lengths[r] for r in p) for p in parts)

    assert padding(True) < padding(False) / 5


@given(
    LENGTHS, st.integers(1, 20), st.integers(1, 2000), st.integers(1, 20), st.booleans(),
    st.booleans(), st.booleans(), st.integers(0, 3),
)  # fmt: skip
def test_whatever_the_batching_a_step_has_the_same_rows(
    lengths, batch, tokens, rows, packs, shuffle, group, epoch
):
    fields = {
        "batch_size": batch, "shuffle": shuffle, "group_by_length": group, "epoch": epoch
    }  # fmt: skip
    by_rows = plan(lengths, **fields)
    by_tokens = plan(lengths, tokens=tokens, rows=rows, packs=packs, **fields)
    held = [
        [sorted(row for part in step for row in part) for step in steps]
        for steps in (by_rows, by_tokens)
    ]
    assert held[0] == held[1]
    assert sorted(row for step in held[1] for row in step) == list(range(len(lengths)))
    assert by_tokens == plan(lengths, tokens=tokens, rows=rows, packs=packs, **fields)


def test_steps_of_a_run():
    assert n_steps(33, batch_size=16, epochs=2, max_steps=None) == 6
    assert n_steps(33, batch_size=16, epochs=2, max_steps=4) == 4
    assert n_steps(33, batch_size=16, epochs=0.1, max_steps=None) == 1
