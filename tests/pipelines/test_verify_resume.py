"""Every task and method: killed and resumed equals never stopped, to the last bit."""

from __future__ import annotations

import json
import signal
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tunesmith.cli.main import run  # noqa: E402
from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.core.runs import METRICS, SAMPLES, Run  # noqa: E402
from tunesmith.pipelines import verify_resume as module  # noqa: E402
from tunesmith.pipelines.equal_runs import equal_runs  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.pipelines.verify_resume import DiesAt, shortened  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

METHODS: dict[str, dict[str, Any]] = {
    "full": {"name": "full"},
    "freeze": {"name": "freeze"},
    "lora": {"name": "lora", "rank": 4, "dropout": 0.2},
    "qlora": {"name": "qlora", "rank": 4, "dropout": 0.2},
}
WAYS: dict[str, dict[str, Any]] = {
    "accumulated, with noise on embeddings": {"micro_batch_size": 2, "neftune_alpha": 5},
    "activations computed again": {"gradient_checkpointing": True},
}


class Killed(BaseException):
    """Stands for kill -9 where a process of its own would cost too much."""


class Raises(DiesAt):
    """Leaves by an exception that nobody catches."""

    def open(self, folder, *, n_steps, from_step):
        opened = super().open(folder, n_steps=n_steps, from_step=from_step)

        def step(values: dict[str, Any]) -> None:
            if values["step"] == self.step:
                raise Killed

        opened.step = step  # type: ignore[method-assign]
        return opened


def halves(fields: dict[str, Any], out: str, steps: int) -> Run:
    recipe = make_recipe({**fields, "out": out})
    with pytest.raises(Killed):
        train(recipe, also=[Raises(step=steps + 1)])
    return train(recipe, resume=True)


@pytest.mark.slow
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("task", ["sft", "causal-lm"])
def test_a_resume_is_exact(recipe_fields, tmp_path, lines, task, method, way):
    """Two times two steps; an epoch has three, so the second half goes over its end."""
    recipe_fields |= {"task": task, "method": METHODS[method]}
    recipe_fields["train"] |= WAYS[way]
    if task == "causal-lm":
        texts = [{"text": f"Kettle {n} boils on day {n % 7}. " * (1 + n % 4)} for n in range(24)]
        recipe_fields["data"]["path"] = str(lines(tmp_path / "texts.jsonl", *texts))
        del recipe_fields["template"]
    fields = shortened(make_recipe(recipe_fields), 2)
    whole = train(make_recipe({**fields, "out": str(tmp_path / "whole")}))
    compared = equal_runs(whole, halves(fields, str(tmp_path / "halves"), 2))
    assert [one for one in compared if not one.is_equal] == []
    assert {one.what for one in compared} >= {"model", "checkpoint: weights", "log"}


def test_the_first_difference_of_each_kind_is_named(recipe_fields, tmp_path):
    recipe_fields["train"]["max_steps"] = 1
    runs = []
    for seed in (1, 2):
        recipe_fields["train"]["seed"] = seed
        runs.append(train(make_recipe({**recipe_fields, "out": str(tmp_path / str(seed))})))
    found = {one.what: one for one in equal_runs(*runs)}
    assert not any(one.is_equal for one in found.values())
    model = found["model"]
    assert model.first_difference is not None
    assert model.first_difference.startswith("adapter_model.safetensors: base_model.model.")
    assert found["order of rows"].first_difference is not None
    assert found["order of rows"].first_difference.startswith("step 1 takes [")
    same = equal_runs(runs[0], runs[0])
    assert all(one.is_equal for one in same)


@pytest.mark.slow
def test_the_command_kills_a_real_process_and_proves_the_resume(recipe_fields, tmp_path, capsys):
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(recipe_fields))
    code = run(["verify-resume", str(file), "--steps", "2", "train.neftune_alpha=5", "--json"])
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert (code, result["exact"], result["steps"]) == (0, True, 2), err
    by_name = {one["what"]: one for one in result["compared"]}
    assert by_name["order of rows"]["n"] == 4
    assert by_name["log"]["n"] == 4 + 3
    assert not [p.name for p in tmp_path.iterdir() if "verify" in p.name]
    assert not (tmp_path / "run").exists()


def test_a_resume_that_is_another_run_is_told_and_exits_with_1(
    recipe_fields, tmp_path, capsys, monkeypatch
):
    """The same three trainings in this process; between them a line of the log goes astray."""
    file = tmp_path / "recipe.yaml"
    file.write_text(json.dumps(recipe_fields))

    def call(function: str, fields: dict[str, Any], out, *more: str, expected: int = 0) -> None:
        train(make_recipe({**fields, "out": str(out)}), resume=function == "train_resumed")
        if function == "train_until_killed":
            log = out / METRICS
            log.write_text("".join(log.read_text().splitlines(keepends=True)[1:]))

    monkeypatch.setattr(module, "_call", call)
    assert run(["verify-resume", str(file), "--steps", "1"]) == 1
    out, _ = capsys.readouterr()
    assert "not exact: the resumed run is another one" in out
    assert 'log: the first difference: {"kind": "eval", "step": 0' in out


@pytest.mark.parametrize(("patience", "kept"), [(1, None), (2, 2)])
def test_a_recipe_that_stops_early_is_killed_all_the_same(recipe_fields, patience, kept):
    """One evaluation without improvement could end it before its kill; two are at its end."""
    recipe_fields["train"]["patience"] = patience
    assert shortened(make_recipe(recipe_fields), 2)["train"]["patience"] == kept


def test_a_sample_that_is_another_one_is_told(recipe_fields, tmp_path):
    recipe_fields["train"] |= {"max_steps": 1, "score_rows": 2, "samples": 2}
    recipe_fields["evaluate"] = {"max_new_tokens": 4, "forgetting": None}
    runs = [train(make_recipe({**recipe_fields, "out": str(tmp_path / name)})) for name in "ab"]
    assert {one.what for one in equal_runs(*runs) if one.is_equal} >= {"samples", "log"}
    samples = runs[1].path / SAMPLES
    samples.write_text(samples.read_text().replace("answer", "reply", 1))
    assert [one.what for one in equal_runs(*runs) if not one.is_equal] == ["samples"]


def test_a_training_that_was_not_killed_is_told_as_such(tmp_path):
    with pytest.raises(RunError, match="came to its end before it could be killed"):
        module._call("os.path.join", {}, tmp_path, expected=-signal.SIGKILL)


def test_a_training_that_fails_is_told_in_its_own_words(recipe_fields, tmp_path, capsys):
    file = tmp_path / "recipe.yaml"
    recipe_fields["method"] = {"name": "lora", "targets": ["nope"]}
    file.write_text(json.dumps(recipe_fields))
    assert run(["verify-resume", str(file)]) == 2
    assert "the training failed: " in capsys.readouterr().err
