"""What got worse with a model, by a score that single examples have, and what is said else."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import RecipeError  # noqa: E402
from tunesmith.core.examples import Conversation, Document, Message  # noqa: E402
from tunesmith.core.runs import LOCK, Run  # noqa: E402
from tunesmith.evaluation.measures import measures_of  # noqa: E402
from tunesmith.evaluation.score import Scored, score_answers  # noqa: E402
from tunesmith.pipelines import compared_runs  # noqa: E402
from tunesmith.pipelines.beside import named_models  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.compared_worse import got_worse  # noqa: E402
from tunesmith.pipelines.judge_request import JudgeRequest  # noqa: E402

EXAMPLES = [Conversation((Message("user", "Hi"),), f"films.jsonl:{n}") for n in (1, 2)]


@pytest.fixture
def films(tmp_path, lines):
    rows = [{"text": f"A {w} film {n}.", "label": w} for n in range(3) for w in ("good", "bad")]
    return str(lines(tmp_path / "films.jsonl", *rows))


def test_where_the_score_has_no_value_of_an_example_another_tells_what_got_worse():
    rows = [[{"accuracy": 1.0}, {"accuracy": 1.0}], [{"accuracy": 1.0}, {"accuracy": 0.0}]]
    scored = {name: Scored({}, of) for name, of in zip("ab", rows, strict=True)}
    found = got_worse("a", EXAMPLES, measures_of(["label-f1", "accuracy"]), scored, {})
    assert [one["origin"] for one in found.by_model["b"]] == ["films.jsonl:2"]
    assert found.score == "accuracy"
    [note] = found.notes
    assert "Macro F1 has no value of a single example" in note and "worse by Accuracy" in note


def test_where_no_score_has_one_it_is_said_and_no_count_is_told(films, tmp_path, tiny):
    models = (f"a={tiny}", "b=tunesmith-tiny")
    fields = {"data": films, "out": str(tmp_path / "out"), "max_new_tokens": 4, "max_rows": 4}
    found = compare(CompareRequest(models, metrics=("mcc",), against="a", **fields))
    assert found["worse"] == {} and found["worse_by"] is None
    page = (tmp_path / "out" / "comparison.md").read_text("utf-8")
    assert "MCC has no value of a single example" in page and "--metric accuracy" in page


def test_where_the_model_itself_failed_it_is_said(films, tmp_path):
    models = ("gone=http://127.0.0.1:9/v1#any", "b=tunesmith-tiny")
    out = Path(tmp_path / "out")
    found = compare(
        CompareRequest(models, data=films, out=str(out), max_new_tokens=4, against="gone")
    )
    assert found["worse"] == {}
    assert any(n.startswith("--against gone: that model was not") for n in found["notes"])


def test_a_judge_with_no_two_texts_to_judge_is_told_why(films, tmp_path, lines):
    judge = JudgeRequest("http://127.0.0.1:9/v1#judge")
    fields = {"out": str(tmp_path / "out"), "max_new_tokens": 4, "judge": judge}
    asked = lines(tmp_path / "asked.jsonl", {"instruction": "Who?", "output": "Ana."})
    texts = lines(tmp_path / "texts.jsonl", {"text": "The kettle leaks, and a new one comes."})
    found = compare(CompareRequest(("b=tunesmith-tiny",), data=str(asked), **fields))
    assert "no two texts to judge: only b answered" in found["judge"]["failed"]
    two = ("a=tunesmith-tiny", "b=tunesmith-tiny")
    found = compare(CompareRequest(two, data=str(texts), **fields))
    assert "no two texts to judge: the models foretold" in found["judge"]["failed"]
    page = (tmp_path / "out" / "comparison.md").read_text("utf-8")
    assert "no two texts to judge" in page


def test_runs_are_found_from_another_working_directory(tmp_path, monkeypatch):
    run = tmp_path / "here" / "runs" / "a"
    run.mkdir(parents=True)
    shown = []
    monkeypatch.setattr(compared_runs, "_shown", lambda name, path, run: shown.append(run.path))
    monkeypatch.setattr(Run, "is_finished", True)
    (run / LOCK).write_text("{}", "utf-8")
    monkeypatch.chdir(tmp_path / "here")
    models = ("tuned=runs/a", "far=openai:gpt-4o")
    places = compared_runs.places_of(named_models(models, taken=()))
    assert places == {"tuned": str(run)}
    monkeypatch.chdir(tmp_path)
    compared_runs.compared_runs(models, places)
    assert shown == [run]


def test_a_model_that_examples_are_held_against_joins_the_comparison(films, tmp_path, tiny):
    fields = {"data": films, "max_new_tokens": 4, "max_rows": 2}
    found = compare(
        CompareRequest(
            ("b=tunesmith-tiny",), metrics=("mcc",), against=str(tiny), out=str(tmp_path), **fields
        )
    )
    assert {name.split("/")[0] for name in found["models"]} == {"b", tiny.name}
    assert found["request"]["against"] == tiny.name
    again = CompareRequest((f"a={tiny}", "b=tunesmith-tiny"), against=str(tiny), **fields)
    found = compare(replace(again, metrics=("mcc",), out=str(tmp_path / "again")))
    assert {name.split("/")[0] for name in found["models"]} == {"a", "b"}
    assert found["request"]["against"] == "a"
    with pytest.raises(RecipeError, match="'nobody' is none of the models"):
        compare(replace(again, against="nobody"))


def test_numbers_got_worse_by_their_own_error():
    right = [[1.0], [2.0], [3.0]]
    scored = {
        name: Scored(found.values, list(found.rows), found)
        for name, said in {"old": [1.0, 2.5, 3.0], "new": [1.5, 2.0, 3.0]}.items()
        for found in [score_answers(["squared-error"], said, right)]
    }
    examples = [Document("x", f"n.jsonl:{n}") for n in (1, 2, 3)]
    lost = got_worse("old", examples, measures_of(["squared-error"]), scored, {})
    assert lost.score == "mse" and not lost.notes
    assert [(one["example"], one["by"]) for one in lost.by_model["new"]] == [(0, 0.25)]
