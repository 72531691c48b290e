"""The GPU benchmark judges its goals, and says so where it cannot."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "benchmarks"))

from gpu_verdicts import ratios, table, verdicts  # noqa: E402

CARD = "NVIDIA H200"


def entry(rate, gib):
    return {"tokens_per_s": rate, "peak_gib": gib}


CASES = {
    "lora": entry(20000.0, 60.0),
    "lora trl": entry(15000.0, 80.0),
    "lora unsloth": entry(16000.0, 50.0),
    "qlora": entry(15000.0, 30.0),
    "qlora trl": entry(10000.0, 30.0),
    "qlora unsloth": {"skipped": "unsloth is not here"},
    "dpo": {"failed": "out of memory"},
    "dpo trl": entry(9000.0, 70.0),
}


def judged(cases=CASES, gpu: str | None = CARD):
    return {(row["case"], row["what"].split(",")[0]): row for row in verdicts(cases, gpu)}


@pytest.mark.parametrize(
    ("case", "what", "found", "is_met"),
    [
        ("lora", "useful tokens/s on one H200", 20000, True),
        ("qlora", "useful tokens/s on one H200", 15000, False),
        # Against the fastest peer, its memory too, though another takes more.
        ("lora", "times the fastest peer", 1.25, False),
        ("lora", "times its memory", 1.2, False),
        ("qlora", "times the fastest peer", 1.5, True),
        ("qlora", "times its memory", 1.0, True),
        ("dpo", "times the fastest peer", None, None),
        ("dpo", "times its memory", None, None),
    ],
)
def test_each_goal_is_judged(case, what, found, is_met):
    row = judged()[case, what]
    assert row["found"] == (None if found is None else pytest.approx(found))
    assert row["is_met"] is is_met
    if found is None:
        assert row["why"] == "out of memory"


def test_another_card_is_not_judged_by_the_goals_of_this_one():
    for gpu, why in (("NVIDIA A100", "this is NVIDIA A100"), (None, "this is no GPU")):
        row = judged(gpu=gpu)["lora", "useful tokens/s on one H200"]
        assert row["is_met"] is None and row["why"] == why
        assert judged(gpu=gpu)["qlora", "times the fastest peer"]["is_met"] is True


def test_without_peers_or_figures_nothing_is_claimed():
    rows = verdicts({"lora": {"skipped": "no time left"}}, CARD)
    assert len(rows) == 8 and all(row["is_met"] is None for row in rows)
    assert {row["why"] for row in rows} == {"no time left", "no figure", "no peer ran"}
    assert ratios({}) == {}


def test_the_table_says_what_is_not_met():
    lines = table(verdicts(CASES, CARD)).splitlines()
    assert len(lines) == 8
    assert [line.rsplit("  ", 1)[1] for line in lines] == [
        *("met", "NOT MET"),
        *("NOT MET", "NOT MET", "met", "met", "not judged", "not judged"),
    ]
    assert ratios(CASES) == pytest.approx({"lora": 1.25, "qlora": 1.5})
