"""Models beside each other: figures that are told again to the byte, faults that cost no work."""

from __future__ import annotations

import json
import shlex
import shutil
from dataclasses import asdict
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.cli.compare import command as verb  # noqa: E402
from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import DataError, RecipeError, RunError  # noqa: E402
from tunesmith.evaluation.comparison.again import again  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

FILES = ("comparison.json", "comparison.md", "comparison.html", "examples.jsonl")


@pytest.fixture(scope="module")
def data(tmp_path_factory, tiny):
    folder = tmp_path_factory.mktemp("compare")
    rows = [
        {"instruction": f"Who comes on day {n}?", "input": "", "output": f"Guest {n} comes."}
        for n in range(12)
    ]
    file = folder / "asked.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return file


@pytest.fixture
def request_of(data, tiny, tmp_path):
    def make(*models, **fields):
        given = {"data": str(data), "out": str(tmp_path / "out"), "max_new_tokens": 6, **fields}
        return CompareRequest(models or (f"a={tiny}", "b=tunesmith-tiny"), **given)

    return make


def contents(request):
    return [(Path(request.out) / name).read_bytes() for name in FILES]


def test_two_models_are_compared_and_a_second_run_tells_the_same_to_the_byte(request_of):
    request = request_of()
    found = compare(request)
    assert set(found["models"]) == {"a", "b"} and found["n"] == 12
    [pair] = [pair for pair in found["pairs"] if pair["score"] == "rougeL"]
    of = {name: found["models"][name]["scores"]["rougeL"]["value"] for name in "ab"}
    assert pair["difference"] == pytest.approx(of["b"] - of["a"])
    assert pair["low"] <= pair["difference"] <= pair["high"]
    first = contents(request)
    assert compare(request) == found
    assert contents(request) == first


def test_answers_that_are_kept_are_not_asked_again(request_of, teacher):
    server = teacher()
    request = request_of(f"hosted={server.url}#any", f"again={server.url}#any")
    compare(request)
    asked = len(server.ledger)
    assert asked == 12  # the same request twice is asked once
    compare(request)
    compare(request_of(f"hosted={server.url}#any"))
    assert len(server.ledger) == asked


def test_a_model_that_is_down_is_a_row_with_its_reason_and_the_others_are_kept(request_of, tiny):
    found = compare(request_of(f"a={tiny}", "gone=http://127.0.0.1:9/v1#any"))
    assert set(found["models"]) == {"a"}
    assert "127.0.0.1" in found["failed"]["gone"]
    with pytest.raises(RunError, match="no model answered"):
        compare(request_of("gone=http://127.0.0.1:9/v1#any"))


@pytest.mark.slow
def test_a_run_brings_its_own_held_out_rows_and_names_what_got_worse(recipe_fields, tmp_path):
    run = train(make_recipe(recipe_fields))
    out = str(tmp_path / "out")
    models = (f"base={recipe_fields['model']['path']}", f"tuned={run.path}")
    found = compare(CompareRequest(models, out=out, against="base"))
    assert found["n"] == 6 and found["task"] == "sft"
    for one in found["worse"]["tuned"]:
        assert one["before"] > one["after"]
        assert "dialogues.jsonl:" in one["origin"]


def test_one_example_is_told_to_be_too_few(request_of):
    found = compare(request_of(max_rows=1))
    assert {pair["verdict"] for pair in found["pairs"]} == {"too few"}
    assert found["models"]["a"]["scores"]["rougeL"]["low"] is None


def test_the_command_on_the_page_asks_for_the_same_again(request_of):
    fields = {"metrics": ("rouge", "chrf"), "templates": {"a": "alpaca"}, "against": "a"}
    request = request_of("a=it's a model", "openai:gpt-4o", max_rows=3, **fields)
    words = shlex.split(again(asdict(request)))
    assert words[:2] == ["tunesmith", "compare"]
    params = verb.make_context("compare", words[2:]).params
    assert params.pop("templates") == ("a=alpaca",)
    for name in asdict(request).keys() - {"templates", "seed", "judge"}:
        assert params[name] == getattr(request, name), name


def test_mistakes_are_answered_with_the_next_step(request_of, tmp_path, lines):
    with pytest.raises(RecipeError, match="--data FILE"):
        compare(request_of(data=None))
    with pytest.raises(RecipeError, match="'c' is none of the models: a, b"):
        compare(request_of(against="c"))
    with pytest.raises(RecipeError, match="taken in the table"):
        compare(request_of("a=tunesmith-tiny", "a=tunesmith-tiny"))
    asked = lines(tmp_path / "asked.jsonl", {"messages": [{"role": "user", "content": "Hi"}]})
    with pytest.raises(DataError):
        compare(request_of(data=str(asked)))


def test_the_verb_prints_tables_and_ends_with_1_where_a_model_failed(request_of, tiny, capsys):
    request = request_of()
    options = ["--data", request.data, "--out", request.out, "--max-new-tokens", "4"]
    assert command(["compare", *request.models, *options]) == 0
    told = capsys.readouterr().out
    assert "b against a" in told and "95 %" in told
    assert f"page: {Path(request.out) / 'comparison.html'}" in told
    assert command(["compare", f"a={tiny}", "gone=http://127.0.0.1:9/v1#any", *options]) == 1


def test_a_judge_is_asked_behind_the_models_and_a_second_run_tells_the_same(request_of, teacher):
    from tunesmith.pipelines.judge_request import JudgeRequest
    from tunesmith.synthesize.teacher.script import Reply

    verdict = {"items": [{"criterion": "correct", "reason": "so", "verdict": "tie"}]}
    server = teacher(otherwise=Reply(json.dumps(verdict)))
    judge = JudgeRequest(f"{server.url}#judge", criteria=("correct",))
    request = request_of(judge=judge)
    found = compare(request)
    [row] = found["judged"]
    assert (row["one"], row["other"]) == ("b", "a") and row["ties"] == 12
    first, asked = contents(request), len(server.ledger)
    assert compare(request) == found and contents(request) == first
    assert len(server.ledger) == asked
    with pytest.raises(RecipeError, match="no such rubric"):
        compare(request_of(judge=JudgeRequest(f"{server.url}#judge", rubric="none")))
    of_a_summary = JudgeRequest(f"{server.url}#judge", criteria=("faithful",))
    out = Path(request.out).with_name("other")
    with pytest.raises(RecipeError, match="not in the rubric 'instruction'"):
        compare(request_of(judge=of_a_summary, out=str(out)))
    assert not out.exists()  # before any model is asked


@pytest.mark.slow
def test_a_model_of_this_machine_may_judge_and_what_it_cannot_say_is_broken(
    request_of, tiny, tmp_path
):
    from tunesmith.pipelines.judge_request import JudgeRequest

    roomy = Path(shutil.copytree(tiny, tmp_path / "roomy"))  # a judge is asked at length
    config = json.loads((roomy / "config.json").read_text())
    (roomy / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 4096}))
    judge = JudgeRequest(str(roomy), criteria=("overall",))
    [row] = compare(request_of(judge=judge, max_rows=3))["judged"]
    assert row["broken"] + row["n"] == 3 and row["broken"] > 0
