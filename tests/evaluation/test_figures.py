"""Numbers as pages and terminals write them."""

from __future__ import annotations

import math

import pytest

from tunesmith.evaluation.figures import (
    ends_text,
    examples_text,
    p_text,
    percent_text,
    plain_signed,
    plain_text,
)


@pytest.mark.parametrize(
    ("value", "told"),
    [(0.0, "0%"), (2 / 500, "0.4%"), (1 / 9000, "< 0.1%"), (0.63, "63%")]
    + [(0.995, "99.5%"), (8999 / 9000, "> 99.9%"), (1.0, "100%"), (None, "–"), (math.nan, "–")],
)
def test_a_few_are_never_none_and_most_never_all(value, told):
    assert percent_text(value) == told


def test_figures_in_plain_signs():
    assert [plain_text(0.12345), plain_text(None), plain_text(math.nan)] == ["0.123", "-", "-"]
    assert [plain_signed(-0.0124), plain_signed(0.5, 2), plain_signed(None)] == [
        *["-0.012", "+0.50", "-"]
    ]
    assert [p_text(0.0001), p_text(0.0312), p_text(None)] == ["< 0.001", "0.031", ""]
    assert [ends_text(0.1, 0.2, plain_text), ends_text(None, 0.2, plain_text)] == [
        *["0.100 to 0.200", ""]
    ]
    assert [examples_text(n) for n in (0, 1, 1200)] == [
        *["0 examples", "1 example", "1,200 examples"]
    ]
