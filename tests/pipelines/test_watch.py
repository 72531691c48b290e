"""What a run is watched by: scores, samples, forgetting, the best checkpoint, early stopping."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from markupsafe import escape

torch = pytest.importorskip("torch")

from tunesmith.core.errors import DataError, RecipeError  # noqa: E402
from tunesmith.core.runs import METRICS, SAMPLES, Run  # noqa: E402
from tunesmith.evaluation.forgetting import BUNDLED, TextRows, general_text  # noqa: E402
from tunesmith.pipelines.evaluate import evaluate  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.pipelines.watch import goal_of  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.checkpoint import load_checkpoint, newest_checkpoint  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402


def changed(fields: dict, **groups) -> dict:
    both = {k: {**fields[k], **v} for k, v in groups.items() if isinstance(v, dict)}
    return {**fields, **groups, **both}


def evaluations(run: Run) -> list[dict]:
    return [line for line in run.lines(METRICS) if line["kind"] == "eval"]


def last_tensors(run: Run) -> dict:
    place, _ = newest_checkpoint(run.checkpoints)
    assert place is not None
    found = load_checkpoint(place)
    return {**found.weights, **found.optimizer, **found.random}


def test_watching_leaves_training_as_it_is(recipe_fields, tmp_path):
    """Bitwise, dropout included: whatever is asked of the model in between."""
    plain = changed(recipe_fields, evaluate={"forgetting": None}, out=str(tmp_path / "plain"))
    watched = changed(
        recipe_fields, train={"score_rows": 3, "samples": 2}, out=str(tmp_path / "watched")
    )
    runs = [train(make_recipe(fields)) for fields in (plain, watched)]
    tensors = [last_tensors(run) for run in runs]
    assert tensors[0].keys() == tensors[1].keys()
    assert all(torch.equal(tensors[0][key], tensors[1][key]) for key in tensors[0])
    steps = [[line for line in run.lines(METRICS) if line["kind"] == "train"] for run in runs]
    assert steps[0] == steps[1]
    extra = evaluations(runs[1])[0].keys() - evaluations(runs[0])[0].keys()
    assert {"rougeL", "cut_fraction", "general_perplexity"} <= extra
    assert not (runs[0].path / SAMPLES).read_text()


def test_scores_are_those_of_the_evaluation_of_the_same_rows(recipe_fields):
    fields = changed(
        recipe_fields,
        train={"score_rows": 6, "keep": "last"},
        evaluate={"max_rows": None, "max_new_tokens": 12},
    )
    run = train(make_recipe(fields))
    last, scores = evaluations(run)[-1], evaluate(run, split="validation")["tuned"]
    for name in ("rougeL", "rouge1", "mean_words", "cut_fraction"):
        assert last[name] == pytest.approx(scores[name], abs=1e-9), name
    card = (run.artifact / "README.md").read_text()
    assert "Scores on 6 rows of `validation`" in card


def test_evaluation_logs_what_the_objective_counts(recipe_fields):
    run = train(make_recipe(recipe_fields))
    assert all(0 <= line["token_accuracy"] <= 1 for line in evaluations(run))


def test_the_best_by_a_score_is_kept(recipe_fields):
    """At a rate that destroys the model, the highest score is not the last."""
    fields = changed(
        recipe_fields,
        optim={"lr": 3.0, "schedule": "constant", "warmup_fraction": 0},
        train={"eval_every_fraction": 0.16, "best_metric": "token_accuracy"},
    )
    run = train(make_recipe(fields))
    values = {line["step"]: line["token_accuracy"] for line in evaluations(run)}
    summary = run.summary
    assert summary["best_metric"] == "token_accuracy"
    assert summary["best_step"] == max(values, key=values.__getitem__)
    assert summary["best_value"] == max(values.values())
    assert values[summary["model_step"]] == summary["model_values"]["token_accuracy"]


def test_a_metric_that_no_evaluation_finds_ends_the_run_before_its_first_step(recipe_fields):
    fields = changed(recipe_fields, train={"best_metric": "rougeL"})
    with pytest.raises(RecipeError, match=r"'rougeL' is not among .*train\.score_rows"):
        train(make_recipe(fields))
    assert train(make_recipe(recipe_fields)).is_finished


def test_a_metric_of_unknown_direction_is_asked_for(recipe_fields):
    fields = changed(recipe_fields, train={"best_metric": "glory"})
    with pytest.raises(RecipeError, match=r"set train\.higher_is_better|Set train\.higher"):
        train(make_recipe(fields))


def test_rewards_are_logged_by_side_and_no_side_has_a_direction(recipe_fields):
    """Chosen and rejected may both fall while their margin grows, which is known to be good."""
    for name in ("reward_chosen", "reward_rejected", "rewards"):
        with pytest.raises(RecipeError, match=f"'{name}': nobody knows"):
            goal_of(make_recipe(changed(recipe_fields, train={"best_metric": name})))
    made = make_recipe(changed(recipe_fields, train={"best_metric": "reward_margin"}))
    assert goal_of(made).higher_is_better


RUINOUS = {"lr": 3.0, "schedule": "constant", "warmup_fraction": 0}


def test_a_run_ends_when_its_patience_does(recipe_fields, tmp_path):
    fields = changed(
        recipe_fields,
        optim=RUINOUS,
        train={"epochs": 8, "eval_every_fraction": 0.04, "patience": 3, "min_delta": 0.001},
    )
    run = train(make_recipe(fields))
    values = [line["eval_loss"] for line in evaluations(run)]
    best = min(values[:-3])
    assert run.summary["steps"] < 24
    assert all(value > best - 0.001 for value in values[-3:])
    assert run.summary["stopped"].startswith(f"early, after {run.summary['steps']} of 24 steps")
    assert "3 evaluations" in run.summary["stopped"]


@pytest.mark.parametrize("stop_at", [2, 3, 4])
def test_an_early_end_is_the_same_after_a_resume(recipe_fields, tmp_path, monkeypatch, stop_at):
    """Stopped before, at and where patience ends; the log and every weight are the same."""
    fields = changed(
        recipe_fields,
        optim=RUINOUS,
        train={"epochs": 8, "eval_every_fraction": 0.04, "patience": 3, "samples": 1},
        evaluate={"max_new_tokens": 3},
    )
    whole = train(make_recipe({**fields, "out": str(tmp_path / "whole")}))

    class Killed(BaseException):
        pass

    fit = Trainer.fit

    def fit_and_die(self, should_stop=lambda step: False):
        fit(self, lambda step: step == stop_at)
        raise Killed

    halves = make_recipe({**fields, "out": str(tmp_path / "halves")})
    monkeypatch.setattr(Trainer, "fit", fit_and_die)
    with pytest.raises(Killed):
        train(halves)
    monkeypatch.undo()
    again = train(halves, resume=True)
    assert again.summary["stopped"] == whole.summary["stopped"]
    for name in (METRICS, SAMPLES):
        assert (again.path / name).read_bytes() == (whole.path / name).read_bytes()
    a, b = last_tensors(whole), last_tensors(again)
    assert all(torch.equal(a[key], b[key]) for key in a)


def test_samples_are_the_same_rows_each_time_and_are_shown(recipe_fields):
    fields = changed(recipe_fields, train={"samples": 2})
    run = train(make_recipe(fields))
    lines = run.lines(SAMPLES)
    steps = [line["step"] for line in evaluations(run)]
    assert [line["step"] for line in lines] == [step for step in steps for _ in range(2)]
    by_step = [[line for line in lines if line["step"] == step] for step in steps]
    assert len({tuple(s["origin"] for s in found) for found in by_step}) == 1
    for line in lines:
        assert line["origin"].startswith(str(recipe_fields["data"]["path"]))
        assert "leaks" in line["prompt"] and "leaks" in line["reference"]
        assert line["is_cut"] in (True, False)
    report = (run.path / "report.html").read_text()
    assert escape(by_step[0][0]["reference"]) in report


def test_rows_to_answer_must_be_held_out(recipe_fields):
    fields = changed(recipe_fields, data={"validation_fraction": 0.0}, train={"score_rows": 4})
    with pytest.raises(DataError, match=r"train\.score_rows: no rows are held out"):
        train(make_recipe(fields))


def test_a_task_without_answers_cannot_be_scored(recipe_fields, tmp_path, lines):
    texts = [{"text": f"Kettle {n} leaks, and a new one comes on Monday."} for n in range(24)]
    fields = changed(
        recipe_fields,
        data={"path": str(lines(tmp_path / "texts.jsonl", *texts))},
        train={"samples": 4},
        task="causal-lm",
    )
    with pytest.raises(RecipeError, match=r"train\.samples: task 'causal-lm' gives no answers"):
        train(make_recipe(fields))


def test_what_is_forgotten_is_told(recipe_fields, capsys):
    fields = changed(recipe_fields, optim=RUINOUS, method="full", train={"keep": "last"})
    run = train(make_recipe(fields))
    found = run.summary["forgetting"]
    values = {line["step"]: line["general_perplexity"] for line in evaluations(run)}
    assert found["perplexity_before"] == values[0]
    assert found["perplexity_after"] == values[6] > values[0]
    assert found["rise"] == pytest.approx(values[6] / values[0] - 1)
    assert "lost some of what it knew" in capsys.readouterr().err
    assert "perplexity on general text" in (run.artifact / "README.md").read_text()
    assert "erplexity on general text" in (run.path / "report.html").read_text()


def test_forgetting_within_the_limit_is_not_warned_of(recipe_fields, capsys):
    fields = changed(recipe_fields, evaluate={"forgetting_limit": 1e9})
    assert train(make_recipe(fields)).summary["forgetting"]["warning"] is None
    assert "lost some" not in capsys.readouterr().err


def test_general_perplexity_is_that_of_a_plain_computation(recipe_fields, tmp_path):
    """Against transformers' own loss over the same windows, each with its own context."""
    text = tmp_path / "own.txt"
    text.write_text("The sea is wide. Ships cross it by night.\n" * 20)
    fields = changed(
        recipe_fields,
        evaluate={"forgetting": str(text)},
        train={"keep": "last"},
        data={"max_tokens": 100},
        method={"dropout": 0.0},
    )
    run = train(make_recipe(fields))
    model = load(run)
    ids = [1, *model.tokenizer.encode(text.read_text()), model.tokenizer.eos_id]
    total, count = 0.0, 0
    for start in range(0, len(ids) - 1, 99):
        window = torch.tensor([ids[start : start + 100]])
        with torch.no_grad():
            logits = model.causal_lm(input_ids=window).logits[0, :-1].log_softmax(-1)
        total -= logits.gather(1, window[0, 1:, None]).sum().item()
        count += window.shape[1] - 1
    assert evaluations(run)[-1]["general_perplexity"] == pytest.approx(
        math.exp(total / count), rel=1e-5
    )


def test_the_general_text_is_short_and_in_two_languages(tokenizer):
    text = general_text("general")
    assert 2000 < len(text.encode()) < 4000
    assert any("\u4e00" <= c <= "\u9fff" for c in text) and "river" in text
    assert BUNDLED.is_file()


def test_a_text_that_cannot_be_read_is_told_before_training(recipe_fields, tmp_path):
    for content, reason in ((None, "No such file"), (b"\xff\xfe\x00", "UTF-8"), (b" ", "empty")):
        file = tmp_path / "general.txt"
        if content is not None:
            file.write_bytes(content)
        fields = changed(recipe_fields, evaluate={"forgetting": str(file)})
        with pytest.raises(DataError, match=rf"evaluate\.forgetting: .*{reason}"):
            train(make_recipe(fields))


def test_rows_of_a_text_cover_every_token_once(tokenizer):
    from tunesmith.tasks.task import Limits
    from tunesmith.templates import TEMPLATES

    text = "A river begins as rain. " * 30
    rows = TextRows(text, tokenizer, TEMPLATES.parse("alpaca"), Limits(50))
    n_learnt = sum(int((row.weights > 0).sum()) for row in rows.rows)
    assert n_learnt == len(tokenizer.encode(text)) + 1
    assert max(rows.lengths) <= 50


def test_a_card_tells_data_recipe_and_how_to_load(recipe_fields):
    run = train(make_recipe(recipe_fields))
    card = (run.artifact / "README.md").read_text()
    lock = run.read("lock.json")
    head = card.split("---")[1]
    assert "library_name: peft" in head and f"base_model: {recipe_fields['model']['path']}" in head
    for part in (
        lock["data"],
        lock["weights"],
        "rank: 4",
        "PeftModel",
        "tunesmith.load",
        "| train",
    ):
        assert part in card, part


def test_the_code_of_a_card_loads_the_model(recipe_fields, monkeypatch):
    run = train(make_recipe(recipe_fields))
    blocks = (run.artifact / "README.md").read_text().split("```python\n")[1:]
    for block in blocks:
        code = block.split("```")[0].replace("FOLDER", str(run.artifact))
        names: dict = {}
        exec(code, names)
        assert names["model"] is not None


def test_the_licence_of_the_base_is_told(recipe_fields, tiny, tmp_path):
    import shutil

    base = tmp_path / "licensed"
    shutil.copytree(tiny, base)
    (base / "README.md").write_text("---\nlicense: llama2\n---\n# Base\n")
    fields = changed(recipe_fields, model={"path": str(base)})
    card = (train(make_recipe(fields)).artifact / "README.md").read_text()
    assert "license: llama2" in card.split("---")[1]


def test_the_command_says_what_was_best_and_why_it_ended(recipe_fields, tmp_path, capsys):
    from tunesmith.cli.main import run as command

    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(json.dumps(changed(recipe_fields, train={"best_metric": "perplexity"})))
    assert command(["train", str(recipe)]) == 0
    out = capsys.readouterr().out
    assert "ended as planned, after 6 steps" in out
    assert "best perplexity" in out
    assert Path(recipe_fields["out"]).is_dir()


@pytest.fixture
def labelled(recipe_fields, tmp_path, lines) -> dict:
    """A recipe that learns to tell two kinds of texts apart by a head."""
    rows = [
        {"text": f"kettle {n} {'leaks' if n % 2 else 'shines'}", "label": ["good", "bad"][n % 2]}
        for n in range(24)
    ]
    path = str(lines(tmp_path / "labels.jsonl", *rows))
    fields = {k: v for k, v in recipe_fields.items() if k != "template"}
    return changed(fields, data={"path": path}, task="classify")


@pytest.mark.parametrize("method", ["full", {"name": "lora", "rank": 4}])
def test_a_head_is_scored_too_and_its_card_loads_it(labelled, method):
    fields = changed(
        {**labelled, "method": method},
        train={"score_rows": 6, "samples": 2, "best_metric": "macro_f1"},
    )
    run = train(make_recipe(fields))
    last = evaluations(run)[-1]
    assert 0 <= last["macro_f1"] <= 1 and "general_perplexity" not in last
    assert run.summary["best_metric"] == "macro_f1"
    assert run.summary["forgetting"] is None
    assert {line["answer"] for line in run.lines(SAMPLES)} <= {"good", "bad"}
    card = (run.artifact / "README.md").read_text()
    for block in card.split("```python\n")[1:]:
        names: dict = {}
        exec(block.split("```")[0].replace("FOLDER", str(run.artifact)), names)
        assert names["model"] is not None


@pytest.mark.parametrize("change", [{"forgetting": None}, {"length_normalised": True}])
def test_a_changed_watch_is_refused_at_a_resume(recipe_fields, tmp_path, monkeypatch, change):
    from tunesmith.core.errors import RunError

    class Killed(BaseException):
        pass

    fit = Trainer.fit

    def fit_and_die(self, should_stop=lambda step: False):
        fit(self, lambda step: step == 2)
        raise Killed

    monkeypatch.setattr(Trainer, "fit", fit_and_die)
    with pytest.raises(Killed):
        train(make_recipe(recipe_fields))
    monkeypatch.undo()
    fields = changed(recipe_fields, evaluate=change)
    with pytest.raises(RunError, match=rf"evaluate\.{min(change)}: \w+ -> (null|true)"):
        train(make_recipe(fields), resume=True)


def test_a_run_without_held_out_rows_is_watched_for_forgetting_alone(recipe_fields, capsys):
    fields = changed(recipe_fields, data={"validation_fraction": 0.0})
    run = train(make_recipe(fields), show_progress=True)
    assert [set(line) for line in evaluations(run)][0] == {"kind", "step", "general_perplexity"}
    summary = run.summary
    assert summary["best_step"] is None and summary["model_step"] == summary["steps"]
    assert "nothing was held out" in (run.path / "report.html").read_text()
