from __future__ import annotations

import json
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.cli.main import run  # noqa: E402
from tunesmith.core.errors import RecipeError, RunError  # noqa: E402
from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.pipelines.sweep import _not_comparable, sweep  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.pipelines.trials import SweepRequest, Trial  # noqa: E402
from tunesmith.pipelines.watch import goal_of  # noqa: E402
from tunesmith.recipe import load_recipe, make_recipe  # noqa: E402
from tunesmith.training.checkpoint import load_checkpoint, newest_checkpoint  # noqa: E402
from tunesmith.training.goal import Goal  # noqa: E402


@pytest.fixture
def recipe(recipe_fields, tmp_path) -> str:
    file = tmp_path / "mine.yaml"
    file.write_text(json.dumps(recipe_fields))
    return str(file)


def tensors(place: Path) -> dict[str, torch.Tensor]:
    checkpoint, _ = newest_checkpoint(place / "checkpoints")
    assert checkpoint is not None
    found = load_checkpoint(checkpoint)
    return {**found.weights, **found.optimizer, **found.random}


def assert_equal_runs(a: Path, b: Path) -> None:
    assert (a / METRICS).read_bytes() == (b / METRICS).read_bytes()
    left, right = tensors(a), tensors(b)
    assert left.keys() == right.keys()
    assert all(torch.equal(left[key], right[key]) for key in left)


def test_the_best_of_a_grid_is_named_with_the_command_that_trains_it(recipe, capsys):
    code = run(["sweep", recipe, "optim.lr=1e-5,1e-2", "method.rank=2,4", "--json"])
    result = json.loads(capsys.readouterr().out)
    assert code == 0 and [t["state"] for t in result["trials"]] == ["finished"] * 4
    chosen = result["trials"][result["best"] - 1]
    assert chosen["setting"]["optim.lr"] == "1e-2"
    assert chosen["score"] == min(t["score"] for t in result["trials"])
    assert "optim.lr=1e-2" in result["command"] and recipe in result["command"]
    assert Run(Path(chosen["run"])).is_finished
    page = (Path(result["out"]) / "sweep.html").read_text()
    assert page.count("<circle") == 2 * (4 + 1) and "optim.lr=1e-2" in page
    assert "trunk_cache" not in result["command"]


def test_the_command_of_the_best_keeps_states_where_only_many_runs_made_that_pay(
    recipe_fields, tmp_path, monkeypatch
):
    """In one epoch each row is seen once, and in a sweep as often as there are runs."""
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    head_only = {"name": "freeze", "layers": 0, "extra_modules": ["lm_head"]}
    file = tmp_path / "head.yaml"
    once = {**recipe_fields["train"], "epochs": 1}
    file.write_text(json.dumps({**recipe_fields, "method": head_only, "train": once}))
    result = sweep(SweepRequest(str(file), ("optim.lr=1e-3,1e-2,3e-3,3e-2",)))
    verb, name, *overrides = shlex.split(result["command"])[1:]
    assert (verb, name, overrides[-1]) == ("train", str(file), "train.trunk_cache=disk")
    again = train(load_recipe(file, [*overrides, f"out={tmp_path / 'again'}"]))
    assert_equal_runs(Path(result["trials"][result["best"] - 1]["run"]), again.path)
    alone = train(load_recipe(file, [*overrides[:-1], f"out={tmp_path / 'alone'}"]))
    assert "train" not in alone.summary["trunk_cache"]["splits"]


def test_halving_continues_the_best_as_if_it_had_never_stopped(recipe, tmp_path):
    """Bitwise, with dropout: three rates, one of which goes on after the first evaluation."""
    result = sweep(SweepRequest(recipe, ("optim.lr=1e-5,1e-2,1e-4",), eta=3))
    assert [t["state"] for t in result["trials"]] == ["stopped", "finished", "stopped"]
    assert [t["steps"] for t in result["trials"]] == [2, 6, 2]
    assert result["trials"][0]["reason"] == "not among the best 1 of 3"
    alone = train(load_recipe(recipe, ["optim.lr=1e-2", f"out={tmp_path / 'alone'}"]))
    assert_equal_runs(alone.path, Path(result["trials"][1]["run"]))


def test_runs_that_fail_are_rows_with_their_reason(recipe, capsys):
    """One cannot be a recipe, one has no such layer, one blows up."""
    request = SweepRequest(
        recipe, ("train.micro_batch_size=3,60", "method.targets=all-linear,[nope]")
    )
    result = sweep(request)
    states = [t["state"] for t in result["trials"]]
    assert states == ["finished", "failed", "failed", "failed"]
    assert "no linear layer" in result["trials"][1]["reason"]
    assert "larger than" in result["trials"][2]["reason"]
    assert result["best"] == 1


def test_a_key_that_no_run_can_have_is_an_error_before_anything_is_trained(recipe, tmp_path):
    with pytest.raises(RecipeError, match="Did you mean 'lr'"):
        sweep(SweepRequest(recipe, ("optim.lrr=1e-5,1e-4",)))
    with pytest.raises(RecipeError, match="nothing is tried"):
        sweep(SweepRequest(recipe, ("optim.lr=1e-5",)))
    assert not list(tmp_path.glob("run-sweep/*"))


def test_a_metric_that_nothing_logs_is_answered_with_those_there_are(recipe):
    with pytest.raises(
        RunError, match=r"gives 'accuracy'; it logs entropy, eval_loss, .*perplexity"
    ):
        sweep(SweepRequest(recipe, ("optim.lr=1e-3,1e-2",), max_runs=1, metric="accuracy"))


def test_a_budget_of_steps_begins_no_further_run(recipe):
    result = sweep(SweepRequest(recipe, ("optim.lr=1e-3,1e-2,1e-4",), max_steps=7, max_runs=3))
    assert [t["state"] for t in result["trials"]] == ["finished", "finished", "not run"]
    assert result["trials"][2]["reason"] == "12 steps were taken, and the budget is 7"


def test_a_list_of_settings_is_taken_as_it_stands(recipe, tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text(
        "- {optim.lr: 1e-3, method.rank: 2}\n- {optim.lr: 1e-2, optim.schedule: linear}"
    )
    result = sweep(SweepRequest(recipe, settings_file=str(file)))
    assert [t["state"] for t in result["trials"]] == ["finished"] * 2
    made = load_recipe(Path(result["trials"][1]["run"]) / "recipe.yaml")
    assert (made.optim.lr, made.optim.schedule) == (1e-2, "linear")


def test_a_sweep_is_not_begun_twice_and_not_resumed_as_another(recipe):
    request = SweepRequest(recipe, ("optim.lr=1e-3,1e-2",))
    before = sweep(request)
    with pytest.raises(RunError, match="holds a sweep already"):
        sweep(request)
    with pytest.raises(RunError, match="holds another sweep; settings differ"):
        sweep(SweepRequest(recipe, ("optim.lr=1e-4,1e-2",)), resume=True)
    assert sweep(request, resume=True)["trials"] == before["trials"]
    more = sweep(SweepRequest(recipe, ("optim.lr=1e-3,1e-2,2e-2",)), resume=True)
    assert more["trials"][:2] == before["trials"] and more["trials"][2]["state"] == "finished"


def test_a_sweep_and_a_run_agree_which_way_a_figure_is_better(recipe_fields):
    fields = {**recipe_fields, "data": {"path": "x"}}
    for metric in ("mae", "mse", "cut_fraction", "unread_fraction", "reward_margin", "rougeL"):
        made = make_recipe(fields, overrides=[f"train.best_metric={metric}"])
        goal = SweepRequest("x", metric=metric).goal(make_recipe(fields))
        assert goal.higher_is_better == goal_of(made).higher_is_better, metric
    assert not SweepRequest("x", metric="mae").goal(make_recipe(fields)).higher_is_better
    with pytest.raises(RecipeError, match=r"--metric='rarity': nobody knows .* Set --higher or"):
        SweepRequest("x", metric="rarity").goal(make_recipe(fields))


def test_runs_are_ranked_by_what_the_recipe_calls_best(recipe, capsys):
    code = run(
        ["sweep", recipe, "optim.lr=1e-3,1e-2", "train.best_metric=perplexity", "--max-runs", "1"]
    )
    out = capsys.readouterr().out
    assert code == 0 and "perplexity" in out.split("best step")[0]


def test_what_a_run_began_with_is_not_its_score_and_that_none_gained_is_told(recipe):
    """A loss that is to be high: training makes it lower."""
    request = SweepRequest(recipe, ("optim.lr=1e-3,1e-2",), higher_is_better=True)
    result = sweep(request)
    assert all(t["best_step"] > 0 and t["score"] < t["base"] for t in result["trials"])
    assert result["notes"] == ["no run has a better eval_loss than it had before its first step."]
    page = (Path(result["out"]) / "sweep.html").read_text()
    assert result["notes"][0] in page


def test_losses_of_two_kinds_are_told():
    trials = [
        Trial(n, {"objective": name}, Path(name), None) for n, name in enumerate(("dpo", "ipo"), 1)
    ]
    (note,) = _not_comparable(trials, Goal("eval_loss"))
    assert "the runs differ in objective" in note
    assert _not_comparable(trials, Goal("reward_accuracy", True)) == []


@pytest.mark.slow
def test_a_killed_sweep_is_resumed_exactly_and_runs_nothing_twice(recipe, tmp_path):
    """The real command is killed in its second run, after the first of its evaluations."""
    command = [sys.executable, "-m", "tunesmith", "sweep", recipe, "optim.lr=1e-3,1e-2"]
    out = tmp_path / "killed"
    process = subprocess.Popen(
        [*command, f"out={out}"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    is_second = False
    for line in process.stderr:
        is_second |= line.startswith(b"[2/2]")
        if is_second and line.startswith(b"step 2/"):
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()
    assert process.returncode == -9
    first = next(out.glob("001-*"))
    written = (first / "summary.json").stat().st_mtime_ns
    result = sweep(SweepRequest(recipe, ("optim.lr=1e-3,1e-2", f"out={out}")), resume=True)
    assert [t["state"] for t in result["trials"]] == ["finished"] * 2
    assert (first / "summary.json").stat().st_mtime_ns == written
    alone = train(load_recipe(recipe, ["optim.lr=1e-2", f"out={tmp_path / 'alone'}"]))
    assert_equal_runs(alone.path, next(out.glob("002-*")))
