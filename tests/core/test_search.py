from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.errors import RecipeError
from tunesmith.core.search import Rung, best, drawn, grid, parse_axis, rungs


def test_a_grid_is_every_combination_in_order():
    axes = [parse_axis("optim.lr=1e-5,5e-5"), parse_axis("train.batch_size=8,16")]
    assert grid(axes) == [
        {"optim.lr": "1e-5", "train.batch_size": "8"},
        {"optim.lr": "1e-5", "train.batch_size": "16"},
        {"optim.lr": "5e-5", "train.batch_size": "8"},
        {"optim.lr": "5e-5", "train.batch_size": "16"},
    ]


def test_commas_within_brackets_part_nothing():
    axis = parse_axis("method.targets=[q_proj,v_proj],all-linear")
    assert axis.choices == ("[q_proj,v_proj]", "all-linear")


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("optim.lr", "written key=value"),
        ("optim.lr=1e-4,,2e-4", "an empty value"),
        ("optim.lr=log:1e-3..1e-5", "ends where it starts"),
        ("optim.lr=log:0..1e-5", "no zero"),
        ("optim.lr=log:a..b", "are numbers"),
    ],
)
def test_what_cannot_be_tried_is_said(text, named):
    with pytest.raises(RecipeError, match=named):
        parse_axis(text)


def test_a_range_needs_a_number_of_draws():
    with pytest.raises(RecipeError, match="--random N"):
        grid([parse_axis("optim.lr=log:1e-5..1e-3")])


@given(st.integers(0, 10**6), st.integers(1, 30))
def test_draws_lie_in_their_range_and_a_longer_draw_begins_with_a_shorter_one(seed, n):
    axes = [
        parse_axis("optim.lr=log:1e-5..1e-3"),
        parse_axis("method.rank=log:4..64"),
        parse_axis("method.dropout=0.0..0.3"),
        parse_axis("method.name=lora,qlora"),
    ]
    found = drawn(axes, n, seed)
    assert len(found) == n and drawn(axes, n + 3, seed)[:n] == found
    for setting in found:
        assert 0.99e-5 <= float(setting["optim.lr"]) <= 1.01e-3
        assert 4 <= int(setting["method.rank"]) <= 64
        assert 0 <= float(setting["method.dropout"]) <= 0.3
        assert setting["method.name"] in ("lora", "qlora")


def test_no_two_draws_are_alike_and_there_may_be_no_more():
    assert sorted(s["a.b"] for s in drawn([parse_axis("a.b=1,2,3")], 9, 0)) == ["1", "2", "3"]


def test_powers_are_drawn_evenly():
    axis = parse_axis("optim.lr=log:1e-6..1e-2")
    logs = [math.log10(float(s["optim.lr"])) for s in drawn([axis], 400, 1)]
    assert abs(sum(logs) / len(logs) + 4) < 0.2


def test_halving_trains_fewer_runs_further():
    assert rungs(9, 3) == [Rung(1 / 9, 9), Rung(1 / 3, 3), Rung(1.0, 1)]
    assert rungs(2, 3) == [Rung(1.0, 2)]
    assert rungs(5, None) == [Rung(1.0, 5)]


@given(st.integers(1, 200), st.integers(2, 5))
def test_rounds_cost_about_the_same_and_the_last_goes_to_the_end(n, eta):
    found = rungs(n, eta)
    assert found[0].n_runs == n and found[-1].share == 1 and found[-1].n_runs < eta
    assert all(rung.n_runs * rung.share <= n * found[0].share + 1e-9 for rung in found)


def test_a_run_without_a_score_is_never_the_best():
    scores = {1: None, 2: math.nan, 3: 0.5, 4: 0.25, 5: 0.25}
    assert best(scores, 2, higher_is_better=False) == [4, 5]
    assert best(scores, 9, higher_is_better=True) == [3, 4, 5]
