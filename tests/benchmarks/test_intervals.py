"""The simulation of intervals: its truths are true, and the page tells what its file holds."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from intervals import CASES, simulated, table  # noqa: E402


@pytest.mark.parametrize("name", CASES)
def test_the_scores_of_many_sets_lie_around_the_truth_that_is_told(name):
    case = CASES[name]
    found = [one.value for n in range(300) for one in case.draw(np.random.default_rng(n))]
    # Both models share their examples, so that 300 sets are what counts.
    error = np.std(found) / np.sqrt(300)
    slack = 0.005 if name == "macro F1" else 0.0  # of so few examples it is biased a little
    assert abs(np.mean(found) - case.truth) < 4 * error + slack


def test_a_case_is_told_by_shares_of_its_sets():
    found = simulated(CASES["few binary"], 10)
    assert found["sets"] == 10 and 0.0 <= found["called"] <= 1.0
    assert found["score_held"] >= 0.5 and found["difference_held"] >= 0.5


def test_the_page_tells_what_the_file_holds():
    file = ROOT / "benchmarks" / "results" / "2026-11-22-coverage.json"
    lines = table(json.loads(file.read_text("utf-8")))
    assert "\n".join(lines) in (ROOT / "docs" / "why" / "statistics.md").read_text("utf-8")
