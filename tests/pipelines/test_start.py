"""A run goes on from an adapter."""

from __future__ import annotations

import shutil

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from tunesmith.core.errors import ModelError, RecipeError  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

LORA = {"name": "lora", "rank": 4, "extra_modules": ["model.norm"]}


@pytest.fixture
def first(recipe_fields):
    return train(make_recipe({**recipe_fields, "method": LORA, "optim": {"lr": 3e-3}}))


def going_on(recipe_fields, tmp_path, adapter, method):
    return make_recipe(
        {
            **recipe_fields,
            "model": {**recipe_fields["model"], "adapter": str(adapter)},
            "method": method,
            "optim": {"lr": 1e-4},
            "out": str(tmp_path / "second"),
        }
    )


@pytest.mark.parametrize("method", [LORA, "full", {"name": "freeze", "layers": 1}])
def test_the_second_run_begins_where_the_first_ended(recipe_fields, tmp_path, first, method):
    second = train(going_on(recipe_fields, tmp_path, first.path, method))
    ended = first.summary["eval_loss_model"]
    assert second.summary["eval_loss_first"] == pytest.approx(ended, rel=1e-5)
    assert second.summary["eval_loss_best"] < ended
    logits = load(second).causal_lm(torch.tensor([[5, 6, 7]])).logits
    assert torch.isfinite(logits).all()


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"rank": 8}, r"has rank, scale and DoRA .* Set method\.rank=4 method\.alpha=8"),
        ({"targets": ["q_proj"]}, r"Set method\.targets as it was"),
        ({"extra_modules": []}, r"Set method\.extra_modules as it was"),
    ],
)
def test_an_adapter_of_another_kind_is_named(recipe_fields, tmp_path, first, change, named):
    with pytest.raises(ModelError, match=named):
        train(going_on(recipe_fields, tmp_path, first.path, {**LORA, **change}))


def test_fault_18_going_on_upon_another_base_is_refused(recipe_fields, tmp_path, first, tiny):
    other = tmp_path / "other"
    shutil.copytree(tiny, other)
    weights = load_file(other / "model.safetensors")
    weights["model.norm.weight"] += 0.01
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    fields = {**recipe_fields, "model": {"path": str(other)}}
    with pytest.raises(ModelError, match=r"tuned on other weights .*fingerprint [0-9a-f]{12}"):
        train(going_on(fields, tmp_path, first.artifact, LORA))


def test_what_is_no_adapter_or_has_no_base_is_refused(recipe_fields, tmp_path, first, tiny):
    with pytest.raises(ModelError, match="holds no adapter"):
        train(going_on(recipe_fields, tmp_path, tiny, LORA))
    with pytest.raises(RecipeError, match=r"Take method\.init away"):
        train(going_on(recipe_fields, tmp_path, first.path, {**LORA, "init": "pissa"}))
