"""The benchmark of scoring: real words in summaries' lengths, figures that are rouge_score's."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

pytest.importorskip("rouge_score")
sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from score import LONGEST, SHORTEST, drawn_pairs, measured  # noqa: E402


def test_many_pairs_are_scored_fast_and_as_rouge_score_does():
    found = measured(1500, 150)
    assert found["furthest_from_rouge_score"] < 1e-12
    # 100,000 pairs are to take less than 60 s on two cores; CPU seconds of one are stricter.
    assert found["cpu_seconds_per_1000"] < 0.6


def test_pairs_are_the_same_again_and_of_the_lengths_that_are_told():
    answers, references = drawn_pairs(50)
    assert drawn_pairs(50) == (answers, references)
    lengths = [len(text.split()) for text in (*answers, *(one for [one] in references))]
    assert min(lengths) >= SHORTEST and max(lengths) <= LONGEST
    assert any("\n" in text for text in answers)
