"""Preferences in whole runs: planned, killed, resumed, scored."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from tunesmith.core.errors import DataError, RunError  # noqa: E402
from tunesmith.core.runs import METRICS  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.check import check, make_request  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.evaluate import evaluate  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.preview import preview  # noqa: E402
from tunesmith.pipelines.reference import MARKER, TENSORS  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import load_recipe, make_recipe  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402

ROOT = Path(__file__).parents[2]
OBJECTIVES = ["dpo", "hinge", "ipo", "kto-pair", "orpo", "simpo", "kto"]
REFERENCE_FREE = {"orpo", "simpo"}
QUICK = {"dpo", "simpo", "kto"}
EACH = pytest.mark.parametrize(
    "objective", [o if o in QUICK else pytest.param(o, marks=pytest.mark.slow) for o in OBJECTIVES]
)


@pytest.fixture
def pair_fields(recipe_fields, tmp_path, lines):
    rows = [
        {
            "prompt": f"Question {i} {'and more ' * (i % 5)}",
            "chosen": f"A good answer {'indeed ' * (i * 3 % 7)}",
            "rejected": f"No {'never ' * (i % 4)}{i}",
        }
        for i in range(24)
    ]
    file = lines(tmp_path / "pairs.jsonl", *rows)
    data = {"path": str(file), "validation_fraction": 0.25}
    return {**recipe_fields, "data": data, "template": "alpaca", "task": "preference"}


@pytest.fixture
def single_fields(pair_fields, tmp_path, lines):
    rows = [
        {"prompt": f"Question {i}", "completion": f"Answer {'so ' * (i % 6)}", "label": i % 3 > 0}
        for i in range(24)
    ]
    file = lines(tmp_path / "singles.jsonl", *rows)
    data = {"path": str(file), "validation_fraction": 0.25}
    return {**pair_fields, "data": data, "objective": "kto"}


def assert_same_artifacts(a, b):
    one, other = (load_file(r.artifact / "adapter_model.safetensors") for r in (a, b))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[key], other[key]) for key in one)


class Killed(BaseException):
    pass


def killed_at(recipe, step, monkeypatch):
    fit = Trainer.fit

    def fit_and_die(self, should_stop=lambda step: False):
        fit(self, lambda now: now == step)
        raise Killed

    monkeypatch.setattr(Trainer, "fit", fit_and_die)
    with pytest.raises(Killed):
        train(recipe)
    monkeypatch.undo()


@EACH
def test_a_killed_run_ends_bitwise_as_one_that_was_not(
    pair_fields, tmp_path, monkeypatch, objective
):
    fields = {**pair_fields, "objective": objective}
    fields["train"] = {**fields["train"], "neftune_alpha": 5.0}
    whole = train(make_recipe({**fields, "out": str(tmp_path / "whole")}))
    assert whole.summary["eval_loss_best"] < whole.summary["eval_loss_first"]
    assert (whole.path / TENSORS).is_file() == (objective not in REFERENCE_FREE)
    halves = make_recipe({**fields, "out": str(tmp_path / "halves")})
    killed_at(halves, 4, monkeypatch)
    resumed = train(halves, resume=True)
    assert_same_artifacts(whole, resumed)
    assert (whole.path / METRICS).read_bytes() == (resumed.path / METRICS).read_bytes()
    last = [line for line in whole.lines(METRICS) if line["kind"] == "eval"][-1]
    assert "perplexity" not in last
    assert 0 <= last["reward_accuracy"] <= 1


def test_a_run_over_single_answers_is_resumed_too(single_fields, tmp_path, monkeypatch):
    whole = train(make_recipe({**single_fields, "out": str(tmp_path / "whole")}))
    halves = make_recipe({**single_fields, "out": str(tmp_path / "halves")})
    killed_at(halves, 4, monkeypatch)
    assert_same_artifacts(whole, train(halves, resume=True))
    assert all("kl" in line for line in whole.lines(METRICS))


def test_a_resume_compares_with_the_same_figures(pair_fields, tmp_path, monkeypatch, capsys):
    recipe = make_recipe({**pair_fields, "out": str(tmp_path / "run")})
    killed_at(recipe, 4, monkeypatch)
    file, marker = tmp_path / "run" / TENSORS, tmp_path / "run" / MARKER
    good, told = file.read_bytes(), marker.read_text()

    changed = {key: tensor + 1 for key, tensor in load_file(file).items()}
    save_file(changed, file)

    marker.write_text(json.dumps({"sha256": hashlib.sha256(file.read_bytes()).hexdigest()}))
    with pytest.raises(RunError, match="hash of reference"):
        train(recipe, resume=True)

    marker.write_text(told)  # now the file is not what was written: it is made anew, the same
    resumed = train(recipe, resume=True)
    assert (
        "reference.safetensors: damaged; its figures are computed again" in capsys.readouterr().err
    )
    assert file.read_bytes() == good
    assert resumed.is_finished


def test_a_start_without_a_checkpoint_asks_its_own_reference(
    pair_fields, tiny, tmp_path, monkeypatch
):
    """What an earlier beginning left, here of another model, is not compared with."""
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    weights = load_file(other / "model.safetensors")
    weights["model.embed_tokens.weight"] *= 1.5
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    fields = {**pair_fields, "out": str(tmp_path / "run")}

    def die(*args, **kwargs):
        raise Killed

    monkeypatch.setattr(Trainer, "fit", die)
    monkeypatch.setattr("tunesmith.pipelines.train._clear", lambda run: None)  # as a kill leaves it
    with pytest.raises(Killed):
        train(make_recipe({**fields, "model": {"path": str(other)}}))
    monkeypatch.undo()
    left = (tmp_path / "run" / TENSORS).read_bytes()
    run = train(make_recipe(fields), resume=True)
    assert (run.path / TENSORS).read_bytes() != left
    [first, *_] = [line for line in run.lines(METRICS) if line["kind"] == "eval"]
    assert first["eval_loss"] == pytest.approx(0.693147, abs=1e-5)  # the policy is its reference


class Silent:
    def step_done(self, values): ...

    def evaluated(self, values): ...

    def save(self, checkpoint): ...


@EACH
def test_micro_batches_do_not_change_a_step(pair_fields, objective):
    """Neither losses nor gradients, nor what is measured over the step."""
    found = []
    for size in (1, 2, 6):
        fields = {**pair_fields, "objective": objective, "method": {"name": "lora", "rank": 4}}
        fields["train"] = {**fields["train"], "micro_batch_size": size}
        recipe = make_recipe(fields)
        trainer = build_trainer(recipe, prepare(recipe), Silent())
        trainer.fit(lambda step: step == 3)
        found.append({name: p.detach().clone() for name, p in trainer.parameters.items()})
    for other in found[1:]:
        for name, weight in found[0].items():
            torch.testing.assert_close(other[name], weight, atol=2e-5, rtol=2e-3)


def test_the_reference_is_the_policy_before_its_first_update(pair_fields, tmp_path):
    """Without dropout or noise, and for a further run the adapter it goes on from."""
    fields = {**pair_fields, "out": str(tmp_path / "first")}
    first = train(make_recipe(fields))
    start = [line for line in first.lines(METRICS) if line["kind"] == "eval"]
    assert start[0]["eval_loss"] == pytest.approx(0.693147, abs=1e-5)
    assert start[-1]["eval_loss"] < 0.69
    model = {**fields["model"], "adapter": str(first.path)}
    second = train(make_recipe({**fields, "model": model, "out": str(tmp_path / "second")}))
    [begun, *_] = [line for line in second.lines(METRICS) if line["kind"] == "eval"]
    assert begun["eval_loss"] == pytest.approx(0.693147, abs=1e-5)
    assert begun["logps_chosen"] == pytest.approx(start[-1]["logps_chosen"], rel=1e-4)


@pytest.mark.parametrize(
    ("method", "objective", "lr"),
    [
        ("lora", "dpo", 5e-6),
        ("full", "dpo", 5e-7),
        ("lora", "kto", 5e-6),
        ("lora", "orpo", 5e-5),
    ],
)
def test_rates_are_those_of_preferences_where_none_is_set(pair_fields, method, objective, lr):
    fields = {**pair_fields, "method": method, "objective": objective, "optim": {}}
    assert make_recipe(fields).lr == pytest.approx(lr)
    assert make_recipe({**fields, "optim": {"lr": 1e-3}}).lr == 1e-3


def test_the_plan_counts_pairs(pair_fields):
    plan = dry_run(make_recipe(pair_fields))
    assert (plan["rows"], plan["steps"]) == (18, 6)
    lengths = prepare(make_recipe(pair_fields)).encoded["train"].lengths
    assert plan["longest_tokens"] == 2 * lengths.max()


def test_an_objective_for_pairs_is_refused_single_answers_before_any_weight(single_fields):
    with pytest.raises(DataError, match="Set objective=kto"):
        dry_run(make_recipe({**single_fields, "objective": "dpo"}))


def test_evaluation_says_how_both_models_rank_held_out_answers(pair_fields, tmp_path):
    fields = {**pair_fields, "evaluate": {}, "out": str(tmp_path / "run")}
    run = train(make_recipe(fields))
    [*_, last] = [line for line in run.lines(METRICS) if line["kind"] == "eval"]
    scores = evaluate(run)
    assert (scores["split"], scores["n"], scores["left_out"]) == ("validation", 6, 0)
    base, tuned = scores["base"], scores["tuned"]
    assert (base["reward_accuracy"], base["reward_margin"]) == (0.5, 0)
    assert tuned["reward_accuracy"] == last["reward_accuracy"] > 0.5
    assert tuned["reward_margin"] == pytest.approx(last["reward_margin"], rel=1e-3)
    assert 0 <= tuned["likelier_fraction"] <= 1
    [first, *_] = run.lines("predictions.jsonl")
    assert first["prompt"].startswith("Question")
    assert first["rejected"].startswith("No")
    assert first["answers"]["tuned"]["text"].startswith("chosen, by ")
    page = (run.path / "report.html").read_text()
    assert "reward accuracy on 6 validation rows; its base scores 0.50" in page
    assert evaluate(run, split="train")["n"] == 18


def test_evaluation_of_single_answers_and_without_a_reference(single_fields, pair_fields, tmp_path):
    run = train(make_recipe({**single_fields, "out": str(tmp_path / "singles")}))
    scores = evaluate(run)
    assert scores["base"]["reward_accuracy"] == 0.5
    assert "likelier_fraction" not in scores["tuned"]
    fields = {**pair_fields, "objective": "simpo", "out": str(tmp_path / "simpo")}
    before = evaluate(make_recipe(fields))  # not trained yet
    assert set(before) == {"base", "split", "n", "left_out", "seconds"}
    base = before["base"]
    assert base["reward_accuracy"] == base["likelier_fraction"]


def test_a_preview_shows_both_sides(pair_fields):
    shown = preview(make_recipe(pair_fields), n_examples=2)["examples"]
    assert [example["told"] for example in shown] == ["chosen", "rejected"] * 2
    assert shown[0]["origin"] == shown[1]["origin"]
    assert shown[0]["runs"][0]["text"] == shown[1]["runs"][0]["text"]


@pytest.mark.parametrize("kind", ["pairs", "singles"])
def test_data_check_counts_the_tokens_of_preferences(pair_fields, single_fields, tmp_path, kind):
    request = make_request(str(tmp_path / f"{kind}.jsonl"), tokenizer="tunesmith-tiny")
    found = check(request)
    assert found["ok"], found["findings"]
    assert found["tokens"]["splits"]["train"]["supervised_tokens"] > 0
    assert sum(split["read"] for split in found["splits"].values()) == 24
    forecast = found["tokens"]["forecast"]
    assert 0 <= forecast["padding_fraction_by_length"] <= forecast["padding_fraction_at_random"] < 1


def test_the_recipe_for_a_large_model_is_planned_without_loading_anything():
    recipe = load_recipe(ROOT / "recipes/dpo-ultrafeedback-llama2-qlora.yaml")
    plan = dry_run(recipe)
    assert plan["lr"] == 5e-6
    assert plan["model"]["parameters"] == 6738415616
    unset = recipe.model_copy(update={"optim": recipe.optim.model_copy(update={"lr": None})})
    assert unset.lr == pytest.approx(5e-6)


@pytest.mark.slow
def test_real_pairs_are_learnt(shared, tmp_path):
    """LLaMA-Factory's demonstration pairs: half of some learnt, the other half ranked."""
    recipe = make_recipe(
        {
            "model": {"path": str(shared / "models/stories260K-hf")},
            "data": {
                "path": str(shared / "llamafactory/data/dpo_en_demo.json"),
                "validation_fraction": 0.5,
                "max_rows": 150,
                "max_tokens": 256,
                "cut_answers": True,
                "bad_rows": "reject",
            },
            "task": "preference",
            "template": "alpaca",
            "method": "full",
            "optim": {"lr": 2e-3},
            "train": {"epochs": 4, "batch_size": 8, "eval_every_fraction": 1.0, "keep": "last"},
            "out": str(tmp_path / "run"),
        }
    )
    run = train(recipe)
    counts = run.summary["ledger"]
    assert sum(split["read"] for split in counts.values()) == 150
    learnt, other = (evaluate(run, split=name) for name in ("train", "validation"))
    for name, scores in (("learnt", learnt), ("held out", other)):
        tuned = scores["tuned"]
        print(f"{name}: {scores['n']} pairs, accuracy {tuned['reward_accuracy']:.3f}")
    assert learnt["base"]["reward_accuracy"] == 0.5
    assert learnt["tuned"]["reward_accuracy"] > 0.7


@pytest.mark.parametrize("objective", ["dpo", "kto"])
def test_packing_does_not_change_a_step(pair_fields, objective):
    found = []
    for packing in (False, True):
        fields = {**pair_fields, "objective": objective, "method": {"name": "lora", "rank": 4}}
        fields["train"] = {**fields["train"], "packing": packing, "shuffle": False}
        recipe = make_recipe(fields)
        trainer = build_trainer(recipe, prepare(recipe), Silent())
        trainer.fit(lambda step: step == 3)
        found.append({name: p.detach().clone() for name, p in trainer.parameters.items()})
    for name, weight in found[0].items():
        torch.testing.assert_close(found[1][name], weight, atol=2e-5, rtol=2e-3)
