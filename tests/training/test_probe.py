from __future__ import annotations

import math

import pytest

from tunesmith.training.probe import (
    ALIKE,
    PASSES,
    SHARE,
    SIZES,
    fastest,
    sizes_worth_trying,
    speeds,
)


def test_a_run_that_is_too_short_is_not_measured():
    """All sizes of a CPU take 15,360 tokens in two passes, and a hundredth of the run must do."""
    n_steps = math.ceil(PASSES * sum(SIZES["cpu"]) / SHARE / (16 * 200))
    assert sizes_worth_trying("cpu", [200] * 500, 16, n_steps) == SIZES["cpu"]
    assert sizes_worth_trying("cpu", [200] * 500, 16, n_steps - 1) == ()
    assert sizes_worth_trying("cpu", [], 16, 10**9) == ()


def test_a_fixed_number_that_is_larger_than_all_sizes_is_tried_too():
    tried = sizes_worth_trying("cpu", [600] * 500, 16, 10**6, fixed=8192)
    assert tried == (*SIZES["cpu"], 8192)
    assert sizes_worth_trying("cpu", [600] * 500, 16, 10**6, fixed=2048) == SIZES["cpu"]
    assert sizes_worth_trying("cpu", [100] * 500, 6, 10**6, fixed=8192) == (512, 1024)


def test_no_size_is_tried_beyond_one_that_holds_a_whole_step():
    assert sizes_worth_trying("cpu", [100] * 500, 6, 10**6) == (512, 1024)
    assert sizes_worth_trying("cpu", [100] * 500, 2, 10**6) == ()  # nothing to choose
    assert sizes_worth_trying("cpu", [100] * 2, 16, 10**6) == ()


def test_of_sizes_that_are_about_as_fast_the_smallest_is_taken():
    assert fastest({256: 80.0, 512: 100.0, 1024: 100 * (1 + ALIKE) - 0.1, 2048: 95.0}) == 512
    assert fastest({256: 80.0, 512: 100.0, 1024: 120.0}) == 1024
    assert fastest({}) is fastest({512: 100.0}) is None


def test_the_faster_of_the_passes_counts():
    left = {256: [500.0, 900.0], 512: [1000.0, 700.0]}
    assert speeds((256, 512), lambda size: left[size].pop()) == {256: 900.0, 512: 1000.0}


@pytest.mark.parametrize("how", ["refused", "foreseen"])
def test_a_size_without_memory_ends_it(how):
    tried = []

    def speed(size):
        tried.append(size)
        return None if size == 1024 and how == "refused" else 10.0 * size

    found = speeds((256, 512, 1024, 2048), speed, lambda size: how == "refused" or size < 1024)
    assert found == {256: 2560.0, 512: 5120.0}
    assert 2048 not in tried and (1024 in tried) == (how == "refused")


def test_no_pass_is_begun_that_would_take_too_long():
    """At 100 tokens a second one pass of 256 takes 2.6 s, and one of 2,048 another 20."""
    asked: list[int] = []
    found = speeds((256, 2048, 4096), lambda size: asked.append(size) or 100.0)
    assert asked == [256] and found == {256: 100.0}
    asked.clear()
    assert speeds((256, 512, 4096), lambda size: asked.append(size) or 100.0).keys() == {256, 512}
    assert asked == [256, 512]
