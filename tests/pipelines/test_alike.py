"""Runs of one sweep have work of each other, and end as each would alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.model import light  # noqa: E402
from tunesmith.pipelines import reference  # noqa: E402
from tunesmith.pipelines.alike import reference_key  # noqa: E402
from tunesmith.pipelines.sweep import sweep  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.pipelines.trials import SweepRequest  # noqa: E402
from tunesmith.recipe import load_recipe, make_recipe  # noqa: E402
from tunesmith.training.checkpoint import newest_checkpoint  # noqa: E402


@pytest.fixture
def fields(recipe_fields, tmp_path, lines):
    rows = [
        {"prompt": f"Question {i}", "chosen": f"Good {'so ' * (i % 5)}", "rejected": f"No {i}"}
        for i in range(24)
    ]
    data = {"path": str(lines(tmp_path / "pairs.jsonl", *rows)), "validation_fraction": 0.25}
    return {
        **recipe_fields, "data": data, "template": "alpaca", "task": "preference",
        "objective": "dpo",
    }  # fmt: skip


@pytest.fixture
def counted(monkeypatch):
    """How often weights are read and the reference model is asked."""
    calls = {"_read": 0, "reference_logps": 0}
    for module, name in ((light, "_read"), (reference, "reference_logps")):
        real = getattr(module, name)

        def counting(*args, name=name, real=real, **kwargs):
            calls[name] += 1
            return real(*args, **kwargs)

        monkeypatch.setattr(module, name, counting)
    return calls


def test_each_run_is_what_it_is_alone_to_the_bit(fields, tmp_path, counted):
    recipe = tmp_path / "mine.yaml"
    recipe.write_text(json.dumps(fields))
    tried = ("optim.lr=1e-3,1e-2", "method.rank=2,4")
    result = sweep(SweepRequest(str(recipe), tried))
    assert counted == {"_read": 1, "reference_logps": 2}  # of training and of validation rows
    for trial in result["trials"]:
        together = Run(Path(trial["run"]))
        settings = [f"{key}={value}" for key, value in trial["setting"].items()]
        alone = train(
            load_recipe(recipe, overrides=[*settings, f"out={tmp_path / str(trial['number'])}"])
        )
        assert (together.path / METRICS).read_bytes() == (alone.path / METRICS).read_bytes()
        files = ["adapter_model.safetensors", "adapter_config.json"]
        for name in files:
            assert (together.artifact / name).read_bytes() == (alone.artifact / name).read_bytes()
        places = [newest_checkpoint(run.checkpoints)[0] for run in (together, alone)]
        for name in ("weights", "optimizer", "random"):
            a, b = ((place / f"{name}.safetensors").read_bytes() for place in places if place)
            assert a == b
        kept = [(run.path / reference.TENSORS).read_bytes() for run in (together, alone)]
        assert kept[0] == kept[1]


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        ({"optim": {"lr": 1.0}}, True),
        ({"method": {"name": "lora", "rank": 9}}, True),
        ({"method": {"name": "lora", "rank": 4, "init": "pissa"}}, False),
        ({"method": "full"}, False),
        ({"objective": "ipo"}, False),
        ({"train": {"precision": "bfloat16"}}, False),
        ({"train": {"eval_batch_size": 3}}, False),
    ],
)
def test_figures_are_shared_only_where_nothing_they_depend_on_differs(fields, change, is_same):
    if "train" in change:  # beside what is set already
        change = {"train": {**fields["train"], **change["train"]}}
    keys = {reference_key(make_recipe({**fields, **c}), {"weights": "w"}) for c in ({}, change)}
    assert (len(keys) == 1) == is_same
    other = reference_key(make_recipe(fields), {"weights": "others"})
    assert other not in keys


def test_a_file_that_was_replaced_is_read_again(tiny, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(tiny, folder)
    known: dict = {}
    cpu = {"dtype": torch.float32, "device": torch.device("cpu"), "known": known}
    first = light.load_light(folder, **cpu)
    again = light.load_light(folder, **cpu)
    assert first.lm_head.weight.data_ptr() == again.lm_head.weight.data_ptr()
    content = (folder / "model.safetensors").read_bytes()
    (folder / "model.safetensors").unlink()
    (folder / "model.safetensors").write_bytes(content)
    anew = light.load_light(folder, **cpu)
    assert anew.lm_head.weight.data_ptr() != first.lm_head.weight.data_ptr()
    assert len(known) == 1
