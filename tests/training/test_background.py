"""Checkpoints that are written while training goes on."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import DivergedError, RunError  # noqa: E402
from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.pipelines.train import Interrupted, train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training import recorder as module  # noqa: E402
from tunesmith.training.background import Background  # noqa: E402
from tunesmith.training.checkpoint import Checkpoint, load_checkpoint, newest_checkpoint  # noqa: E402
from tunesmith.training.recorder import Recorder  # noqa: E402


def state(step: int, weight: torch.Tensor, found: list) -> Checkpoint:
    return Checkpoint(
        weights={"w": weight},
        optimizer={"w/exp_avg": weight},
        random={"cpu": torch.get_rng_state()},
        state={"step": step, "best_step": None, "evaluations": found},
    )


def recorder(folder) -> Recorder:
    return Recorder(folder, [], keep_checkpoints=2, identity={"a": "b"})


def test_an_error_is_raised_where_it_is_asked_for_and_only_once():
    work = Background("test")
    work.start(lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        work.wait()
    work.check()
    work.wait()


def test_what_is_asked_is_no_reason_to_wait():
    work, go = Background("test"), threading.Event()
    work.start(go.wait)
    work.check()
    go.set()
    work.wait()


def test_work_begins_when_that_before_it_is_done():
    work, done = Background("test"), []
    for number in range(20):
        work.start(lambda number=number: done.append(number))
    work.wait()
    assert done == list(range(20))


def test_what_is_written_is_what_was_when_it_was_saved(tmp_path, monkeypatch):
    """Training goes on in place while the thread has not even begun."""
    go, real = threading.Event(), module.save_checkpoint
    monkeypatch.setattr(module, "save_checkpoint", lambda *args: go.wait() and real(*args))
    weight, found, made = torch.ones(3), [[0, {"eval_loss": 2.0}]], recorder(tmp_path)
    made.save(state(1, weight, found))
    weight.zero_()
    found[0][1]["eval_loss"] = 1.0
    go.set()
    made.settle()
    place, _ = newest_checkpoint(tmp_path)
    assert place is not None
    checkpoint = load_checkpoint(place)
    assert torch.equal(checkpoint.weights["w"], torch.ones(3))
    assert checkpoint.state["evaluations"] == [[0, {"eval_loss": 2.0}]]
    assert checkpoint.state["identity"] == {"a": "b"}


def test_without_memory_for_a_copy_it_is_written_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "available_memory_mb", lambda: 0.0)
    made = recorder(tmp_path)
    made.save(state(1, torch.ones(3), []))
    assert newest_checkpoint(tmp_path)[0] is not None


def test_what_could_not_be_written_is_told_at_the_next_step(tmp_path, monkeypatch):
    def full(*_):
        raise RunError("the disk is full")

    monkeypatch.setattr(module, "save_checkpoint", full)
    made = recorder(tmp_path)
    made.save(state(1, torch.ones(3), []))
    assert made.writing._thread is not None
    made.writing._thread.join()
    with pytest.raises(RunError, match="disk is full"):
        made.step_done({"n_tokens": 1, "seconds": 1.0})


def test_a_run_ends_with_the_error_of_its_last_checkpoint(recipe_fields, monkeypatch):
    real = module.save_checkpoint

    def full_at_last(folder, step, checkpoint):
        if step == 6:
            raise RunError("the disk is full")
        return real(folder, step, checkpoint)

    monkeypatch.setattr(module, "save_checkpoint", full_at_last)
    with pytest.raises(RunError, match="disk is full"):
        train(make_recipe(recipe_fields))
    monkeypatch.undo()
    run = Run(Path(recipe_fields["out"]))
    assert not run.is_finished
    place, _ = newest_checkpoint(run.checkpoints)
    assert place is not None and place.name == "step-00000004"
    assert train(make_recipe(recipe_fields), resume=True).is_finished


def test_whoever_stops_waits_for_what_is_being_written(recipe_fields, monkeypatch):
    """A signal comes after step 5, whose checkpoint is slow to be written."""
    real = module.save_checkpoint
    told, gone_on = [], threading.Event()

    def slow(folder, step, checkpoint):
        gone_on.wait(timeout=60)
        place = real(folder, step, checkpoint)
        told.append(step)
        return place

    update, calls = torch.nn.utils.clip_grad_norm_, []

    def stopped(*args, **kwargs):
        calls.append(1)
        if len(calls) == 5:
            os.kill(os.getpid(), signal.SIGTERM)
            gone_on.set()
        elif len(calls) >= 3:
            gone_on.set()
        return update(*args, **kwargs)

    monkeypatch.setattr(module, "save_checkpoint", slow)
    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", stopped)
    with pytest.raises(Interrupted):
        train(make_recipe(recipe_fields))
    assert told == [2, 4, 5]


def test_a_checkpoint_is_whole_although_training_went_on_and_diverged(recipe_fields, monkeypatch):
    """The error of the step is told, and the checkpoint before it is there."""
    fields = {**recipe_fields, "train": {**recipe_fields["train"], "log_every_steps": 100}}
    update, calls = torch.nn.utils.clip_grad_norm_, []

    def broken(*args, **kwargs):
        calls.append(1)
        norm = update(*args, **kwargs)
        return norm * float("nan") if len(calls) == 3 else norm

    monkeypatch.setattr(torch.nn.utils, "clip_grad_norm_", broken)
    with pytest.raises(DivergedError, match="step 3: the gradient is nan"):
        train(make_recipe(fields))
    assert len(calls) == 4  # noticed at the evaluation after step 4, which a log point is
    run = Run(Path(fields["out"]))
    place, notes = newest_checkpoint(run.checkpoints)
    assert place is not None
    assert (place.name, notes) == ("step-00000002", [])
    assert [line["step"] for line in run.lines(METRICS) if line["kind"] == "train"] == [1, 2]
