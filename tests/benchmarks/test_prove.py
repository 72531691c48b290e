"""The benchmark of proofs: sound recipes, no row both learnt and asked, and a page of it all."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def known(tmp_path_factory):
    pytest.importorskip("psutil")
    sys.path.insert(0, str(BENCHMARKS))
    try:
        import prove_cases
        import prove_page
    finally:
        sys.path.remove(str(BENCHMARKS))
    return prove_cases, prove_page


def test_every_recipe_is_sound_and_no_row_is_learnt_and_asked(known, shared, tmp_path):
    from tunesmith.recipe import make_recipe

    cases = known[0].cases(shared, tmp_path, known[0].Size())
    assert list(cases) == ["tweetsumm", "dialogsum", "imdb", "xquad"]
    for case in cases.values():
        recipes = [make_recipe(fields) for fields in case.recipes.values()]
        assert all(set(one.data.path) == {"train", "test"} for one in recipes)
    rows = {}
    for part in ("train", "test"):
        with (tmp_path / f"imdb-{part}.csv").open(encoding="utf-8", newline="") as stream:
            rows[part] = [row["text"] for row in csv.DictReader(stream)]
    assert len(rows["train"]) == 1600 and len(rows["test"]) == 400
    titles = {
        part: {
            a["title"] for a in json.loads((tmp_path / f"xquad-{part}.json").read_text())["data"]
        }
        for part in ("train", "test")
    }
    assert titles["train"] and titles["test"] and not titles["train"] & titles["test"]


def test_the_page_says_where_a_second_comparison_told_something_else(known):
    comparison = {
        "n": 2, "source": "x", "n_clusters": None, "left_out": 0, "notes": [], "failed": {},
        "judged_by": "rougeL", "headings": {"rougeL": "ROUGE-L"}, "pairs": [],
        "models": {"a": {"scores": {"rougeL": {"value": 0.5, "low": 0.4, "high": 0.6}}}},
    }  # fmt: skip
    case = {
        "title": "T", "about": "A", "comparison": comparison, "training": {},
        "same_to_the_byte": {"comparison.json": True, "comparison.md": False},
        "commands": [{"command": "tunesmith compare a", "seconds": 3}] * 2,
    }  # fmt: skip
    machine = {"cpu": "c", "cores": 2, "python": "3.11", "date": "2026-11-22"}
    results = {"machine": machine, "seconds": 60, "quick": False, "cases": {"t": case}}
    page = known[1].page(results, "results.json")
    assert "0.500 (0.400 to 0.600)" in page and "told **something else**" in page
