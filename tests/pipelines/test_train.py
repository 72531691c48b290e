from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from tunesmith.core.errors import DivergedError, RunError  # noqa: E402
from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.checkpoint import load_checkpoint, newest_checkpoint  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402


def last_state(run: Run) -> tuple[dict, dict]:
    place, _ = newest_checkpoint(run.checkpoints)
    assert place is not None
    found = load_checkpoint(place)
    return {**found.weights, **found.optimizer, **found.random}, found.state


def assert_same(a: Run, b: Run) -> None:
    (tensors_a, state_a), (tensors_b, state_b) = last_state(a), last_state(b)
    assert state_a["evaluations"] == state_b["evaluations"]
    assert tensors_a.keys() == tensors_b.keys()
    assert all(torch.equal(tensors_a[key], tensors_b[key]) for key in tensors_a)
    assert (a.path / METRICS).read_bytes() == (b.path / METRICS).read_bytes()


def test_a_run_learns_and_says_what_became_of_every_row(recipe_fields):
    run = train(make_recipe(recipe_fields))
    summary = run.summary
    assert summary["eval_loss_best"] < summary["eval_loss_first"]
    assert summary["steps"] == 6
    ledger = summary["ledger"]
    assert ledger["train"]["read"] == 18
    assert ledger["validation"]["read"] == 6
    assert all(ledger["train"][fate] == 0 for fate in ("cut", "dropped", "rejected"))
    assert (run.artifact / "adapter_model.safetensors").is_file()
    assert "<html" in (run.path / "report.html").read_text()


@pytest.mark.parametrize("method", ["full", {"name": "lora", "rank": 4, "dropout": 0.3}])
@pytest.mark.parametrize("stop_at", [1, 4])
def test_a_resume_is_equal_to_never_having_stopped(
    recipe_fields, tmp_path, monkeypatch, method, stop_at
):
    """Bitwise, with dropout, length grouping and over the boundary of an epoch (3 steps each)."""
    fields = {**recipe_fields, "method": method}
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
    assert_same(whole, train(halves, resume=True))


@pytest.mark.slow
@pytest.mark.parametrize("kind", [signal.SIGKILL, signal.SIGTERM])
def test_faults_1_and_3_a_killed_process_is_resumed_exactly(recipe_fields, tmp_path, kind):
    """The real command is killed when its log shows step 4; the log decides, not a clock."""
    fields = json.loads(json.dumps(recipe_fields))
    fields["train"] |= {"epochs": 40, "eval_every_fraction": 0.02}
    recipes = {}
    for name in ("whole", "killed"):
        recipes[name] = tmp_path / f"{name}.yaml"
        recipes[name].write_text(json.dumps({**fields, "out": str(tmp_path / name)}))
    command = [sys.executable, "-m", "tunesmith", "train"]
    subprocess.run([*command, str(recipes["whole"])], check=True, capture_output=True)
    process = subprocess.Popen(
        [*command, str(recipes["killed"])], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    assert process.stderr is not None
    for line in process.stderr:  # "step 5/120  eval loss ..."
        if line.startswith(b"step ") and int(line.split()[1].split(b"/")[0]) >= 4:
            process.send_signal(kind)
            break
    process.communicate()
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGTERM: 143}[kind]
    assert not Run(tmp_path / "killed").is_finished
    subprocess.run([*command, str(recipes["killed"]), "--resume"], check=True, capture_output=True)
    assert_same(Run(tmp_path / "whole"), Run(tmp_path / "killed"))


def stopped(recipe_fields, monkeypatch) -> None:
    fit = Trainer.fit
    monkeypatch.setattr(Trainer, "fit", lambda self, _=None: [fit(self, lambda s: s == 2), 1 / 0])
    with pytest.raises(ZeroDivisionError):
        train(make_recipe(recipe_fields))
    monkeypatch.undo()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"optim": {"lr": 2e-2}}, r"optim\.lr: 0\.01 -> 0\.02"),
        ({"method": {"name": "lora", "rank": 4, "alpha": 3, "dropout": 0.1}}, r"method\.alpha"),
        ({"template": "alpaca"}, r"template\.name: summarization -> alpaca"),
    ],
)
def test_fault_16_a_changed_recipe_is_refused_with_the_difference(
    recipe_fields, monkeypatch, change, named
):
    stopped(recipe_fields, monkeypatch)
    with pytest.raises(RunError, match=named):
        train(make_recipe({**recipe_fields, **change}), resume=True)


def test_fault_15_changed_data_is_refused_with_the_hashes(recipe_fields, monkeypatch):
    stopped(recipe_fields, monkeypatch)
    file = Path(recipe_fields["data"]["path"])
    file.write_text(file.read_text().replace("Monday", "Tuesday"))
    with pytest.raises(RunError, match=r"hash of data: \w{12}\.\.\. -> \w{12}\.\.\."):
        train(make_recipe(recipe_fields), resume=True)


def test_fault_8_missing_optimizer_state_is_refused(recipe_fields, monkeypatch):
    stopped(recipe_fields, monkeypatch)
    for place in (Path(recipe_fields["out"]) / "checkpoints").iterdir():
        (place / "optimizer.safetensors").unlink()
    with pytest.raises(RunError, match="every checkpoint is damaged"):
        train(make_recipe(recipe_fields), resume=True)


def test_fault_9_a_loss_that_is_no_number_stops_the_run_and_names_the_rows(
    recipe_fields, tiny, tmp_path
):
    from safetensors.torch import save_file

    folder = tmp_path / "nan"
    shutil.copytree(tiny, folder)
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][0] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    fields = {**recipe_fields, "model": {"path": str(folder)}}
    with pytest.raises(DivergedError, match=r"step 1: the loss is nan.*dialogues\.jsonl:\d+"):
        train(make_recipe(fields))
    assert not list(Path(recipe_fields["out"]).glob("checkpoints/step-*"))


def test_accumulated_gradients_equal_those_of_one_large_batch(recipe_fields):
    gradients = []
    for micro in (6, 1):
        fields = {**recipe_fields, "method": {"name": "lora", "rank": 4}}
        fields["train"] = {**fields["train"], "micro_batch_size": micro, "max_steps": 1}
        recipe = make_recipe(fields)
        trainer = build_trainer(recipe, prepare(recipe), None)
        causal_lm = trainer.model.model
        trainer.optimizer.zero_grad = lambda set_to_none=True: None
        trainer._step(0)
        gradients.append([p.grad for p in causal_lm.parameters() if p.grad is not None])
    for large, small in zip(*gradients, strict=True):
        torch.testing.assert_close(small, large, atol=1e-6, rtol=1e-4)


def test_gradient_checkpointing_changes_nothing(recipe_fields, tmp_path):
    runs = []
    for name, on in (("kept", False), ("again", True)):
        fields = {**recipe_fields, "out": str(tmp_path / name)}
        fields["method"] = {"name": "lora", "rank": 4}
        fields["train"] = {**fields["train"], "gradient_checkpointing": on}
        runs.append(train(make_recipe(fields)))
    assert runs[0].summary["eval_loss_best"] == pytest.approx(
        runs[1].summary["eval_loss_best"], rel=1e-6
    )


def test_the_best_weights_become_the_artefact(recipe_fields):
    """At a rate that destroys the model, the best evaluation is not the last."""
    fields = {**recipe_fields, "optim": {"lr": 3.0, "schedule": "constant", "warmup_fraction": 0}}
    fields["train"] = {**fields["train"], "eval_every_fraction": 0.16}
    run = train(make_recipe(fields))
    losses = {e["step"]: e["eval_loss"] for e in run.lines(METRICS) if e["kind"] == "eval"}
    assert run.summary["best_step"] == min(losses, key=losses.__getitem__)
    assert run.summary["eval_loss_best"] == min(losses.values())


def test_a_failed_start_leaves_the_directory_free(recipe_fields):
    with pytest.raises(Exception, match="no linear layer"):
        train(make_recipe({**recipe_fields, "method": {"name": "lora", "targets": ["nope"]}}))
    assert train(make_recipe(recipe_fields)).is_finished


def test_bfloat16_arithmetic_learns_too(recipe_fields):
    fields = {**recipe_fields, "train": {**recipe_fields["train"], "precision": "bfloat16"}}
    summary = train(make_recipe(fields)).summary
    assert summary["eval_loss_best"] < summary["eval_loss_first"]
