from __future__ import annotations

import math

import pytest

from tunesmith.training.lr_range import Reading, has_exploded, rising, smoothed, suggested


def test_rates_rise_by_equal_factors_from_end_to_end():
    rates = [rising(step, 8) for step in range(8)]
    assert rates[0] == 1e-7 and rates[-1] == pytest.approx(1.0)
    assert all(b / a == pytest.approx(10) for a, b in zip(rates, rates[1:], strict=False))


def test_a_constant_loss_stays_itself_when_smoothed():
    assert smoothed([2.0] * 5) == pytest.approx([2.0] * 5)


def test_the_end_comes_when_all_that_was_learnt_is_lost():
    falling = [5.0 - 0.1 * step for step in range(30)]
    assert not has_exploded(falling)
    assert not has_exploded([*falling, 4.0])
    assert has_exploded([*falling, *[9.0] * 12])
    assert has_exploded([5.0, math.nan])


def test_a_tenth_of_the_rate_of_the_lowest_loss_is_suggested():
    losses = [abs(math.log10(rising(step, 71)) + 3) for step in range(71)]
    readings = [Reading(rising(step, 71), loss, loss) for step, loss in enumerate(losses)]
    assert suggested(readings) == pytest.approx(1e-4, rel=0.01)


def test_a_loss_that_never_falls_suggests_nothing():
    assert suggested([Reading(rising(s, 20), 2.0, 2.0 + s / 100) for s in range(20)]) is None
    assert suggested([]) is None
