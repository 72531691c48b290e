"""Whether states of frozen layers are worth keeping, and whether there is room."""

from __future__ import annotations

import pytest

from tunesmith.training.settings import Train
from tunesmith.training.trunk_cost import Load, n_passes, no_room, pays, worth_keeping

SMALL = 4 * 994_000
"""Weights in four layers of a model of 15 million."""


def load(passes: float, n_tokens: int = 232_000) -> Load:
    return Load(n_tokens, n_tokens * 288 * 4, passes)


def test_one_pass_saves_nothing():
    assert not pays(load(1), SMALL, "cpu")


def test_three_epochs_of_a_small_model_pay():
    assert pays(load(3), SMALL, "cpu")


def test_a_layer_of_a_toy_does_not_pay():
    assert not pays(Load(1000, 1000 * 32 * 4, 3), 9000, "cpu")


def test_states_under_a_head_pay_where_those_of_all_tokens_do_not():
    every = Load(1000, 1000 * 32 * 4, 3)
    last = Load(1000, 10 * 32 * 4, 3)
    assert worth_keeping({"train": every, "validation": last}, 9000, "cpu") == ("validation",)


def test_held_out_rows_are_seen_at_every_evaluation():
    settings = Train(epochs=1, batch_size=4, eval_every_fraction=0.25)
    assert n_passes(settings, 40, 10) == {"train": 1.0, "validation": 6}


@pytest.mark.parametrize(
    ("place", "memory", "disk", "reason"),
    [
        ("disk", 0, 200, ""),
        ("disk", 1000, 199, "0.00 GB of free disk"),
        ("memory", 200, 0, ""),
        ("memory", 199, 1000, "0.00 GB of free memory"),
        ("memory", None, 0, ""),
    ],
)
def test_half_of_what_is_free_stays_free(place, memory, disk, reason):
    assert reason in no_room(place, 100, 1000, memory, disk)
    assert bool(no_room(place, 100, 1000, memory, disk)) == bool(reason)


def test_the_limit_of_the_recipe_holds():
    assert "train.trunk_cache_gb allows 1e-08" in no_room("disk", 100, 10, None, 10**12)
