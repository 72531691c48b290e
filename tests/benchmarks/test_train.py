"""The benchmark of training: its arithmetic, and the whole of it on a tiny model without peers."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(autouse=True)
def on_path(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


def contender(tokens: int, seconds: list[float], losses: list[float]) -> dict[str, Any]:
    runs = [
        {"tokens": tokens, "cpu_s": s, "wall_s": s / 2, "memory_mb": {"peak": 100.0, "now": 90.0}}
        for s in seconds
    ]
    return {"ready": {"version": "1"}, "runs": runs, "losses": losses}


def row(**contenders: Any) -> dict[str, Any]:
    work = {"size": "M", "kind": "sft", "precision": "float32", "dropout": 0.0, "shared_tokens": 0}
    return {
        "work": work,
        "contenders": contenders,
        "machine": {"load": 1.0, "load_after": 2.0},
        "products_per_token": 3e8,
        "note": "",
    }


def test_a_ratio_is_the_median_of_the_rounds():
    from train_figures import ratio

    ours = contender(100, [1, 1, 1], [2.0])
    theirs = contender(100, [2, 3, 10], [2.0])

    found = ratio(ours, theirs)

    assert (found.cpu, found.wall, found.least) == (3, 3, 3)
    assert (found.low, found.high) == (2, 10)


def test_other_losses_make_a_comparison_void():
    from train_figures import void

    found = row(
        tunesmith=contender(1, [1], [10.0, 9.0]),
        same=contender(1, [1], [10.0001, 9.001]),
        other=contender(1, [1], [10.0, 9.5]),
        shorter=contender(1, [1], [10.0]),
        broken=contender(1, [1], [10.0, float("nan")]),
    )

    assert void(found, "same") == ""
    assert void(found, "other") == "last loss 9.5000, ours 9.0000"
    assert "2 losses of ours, 1 of theirs" in void(found, "shorter")
    assert void(found, "broken")


def test_a_goal_is_held_against_the_fastest_that_is_valid():
    from train_figures import reached

    found = row(
        tunesmith=contender(100, [1, 1, 1], [10.0, 9.0]),
        **{
            "well-configured loop": contender(100, [2, 2, 2], [10.0, 9.0]),
            "well-configured loop, sorted": contender(100, [1.5, 1.5, 1.5], [10.0, 9.0]),
        },
    )
    by_row = {one.goal.row: one for one in reached({"M-fp32": found})}

    assert by_row["M-fp32"].value == pytest.approx(1.5) and by_row["M-fp32"].is_met
    assert not by_row["S-fp32"].is_met and by_row["S-fp32"].words == "not measured"


def test_products_of_a_token_are_those_of_the_paper():
    """../shared/reference/speed.md: 361 million for M, 32 for S, 18 % of the tokens being targets.

    That count leaves out some of what the last layer needs of every token.
    """
    from train_figures import products_per_token

    assert products_per_token({"size": "M"}, [232] * 4, 167) / 1e6 == pytest.approx(361, rel=0.05)
    assert products_per_token({"size": "S"}, [232] * 4, 167) / 1e6 == pytest.approx(32, rel=0.1)


def test_the_goals_name_rows_and_contenders_that_there_are():
    from train_rows import GOALS, ROWS

    for goal in GOALS:
        assert set(goal.theirs) <= {entrant.name for entrant in ROWS[goal.row].entrants}
    assert all(row.work.name == name for name, row in ROWS.items())


def test_the_page_tells_failures_and_void_rows():
    from train_page import page, plots

    found = row(
        tunesmith=contender(100, [1, 1], [10.0, 9.0]),
        void=contender(100, [2, 2], [10.0, 8.0]),
        lost={"failed": "Traceback\nKeyError: 'x'"},
    )
    machine = {"cpu": "one", "cores": 2, "memory_gib": 4, "python": "3.11", "date": "today"}
    found["machine"] |= machine
    found["threads"] = 2
    results = {"rows": {"M-fp32": found}}

    written = page(results, "results.json")

    assert "void: last loss 8.0000" in written and "did not run: KeyError: 'x'" in written
    assert plots(results)["speed.svg"].startswith("<svg")


@pytest.mark.slow
def test_contenders_make_the_same_steps(tmp_path, monkeypatch):
    from train import ENV, measured
    from train_figures import ratio, void
    from train_page import page
    from train_rows import PLAIN, PRODUCTS, SORTED, TUNESMITH, Row
    from train_work import Work

    for key in ENV:
        monkeypatch.setenv(key, ENV[key])
    work = Work("trial", "tiny", n_rows=24, batch_size=8, micro_batch_size=4, prompt=(5, 20, 40))
    homes = {"own": sys.executable, "trl": sys.executable}
    found = measured(
        Row(work, (PRODUCTS, TUNESMITH, PLAIN, SORTED), 2),
        [PRODUCTS, TUNESMITH, PLAIN, SORTED],
        homes,
        tmp_path,
        threads=1,
        rounds=2,
    )

    contenders = found["contenders"]
    assert all(not void(found, name) for name in (PLAIN.name, SORTED.name))
    assert len(contenders["tunesmith"]["losses"]) == 1 + 2 * 2
    assert (
        contenders["tunesmith"]["runs"][0]["tokens"] == contenders[PLAIN.name]["runs"][0]["tokens"]
    )
    assert ratio(contenders["tunesmith"], contenders[PLAIN.name]).cpu > 0
    assert "trial" in page({"rows": {"trial": json.loads(json.dumps(found))}}, "results.json")
