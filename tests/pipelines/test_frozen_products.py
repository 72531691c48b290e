"""Training with frozen products in eight bits: told, near the exact run, refused elsewhere."""

from __future__ import annotations

from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import RecipeError  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.frozen_products import round_products, rounding_of  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.shared_rows import sharing_of  # noqa: E402

pytestmark = pytest.mark.skipif(torch.cuda.is_available(), reason="for processors")


def recipe_with(fields, out=None, **train):
    settings = {"precision": "float32", "frozen_products": "int8", **train}
    out = fields["out"] if out is None else str(out)
    return make_recipe({**fields, "train": {**fields["train"], **settings}, "out": out})


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_a_run_is_near_the_exact_one_and_tells_the_difference(
    recipe_fields, tmp_path, precision, capsys
):
    exact = train(
        recipe_with(recipe_fields, tmp_path / "a", frozen_products="exact", precision=precision)
    )
    run = train(recipe_with(recipe_fields, tmp_path / "b", precision=precision))
    told = run.summary["frozen_products"]
    assert exact.summary["frozen_products"] is None
    assert told["n_weights"] == 14
    assert 0 < abs(told["loss_difference"]) < 0.01
    assert 0 < told["gradient_difference"] < 0.1
    assert "it differs by" in capsys.readouterr().err
    losses, right = (
        [line["loss"] for line in r.lines("metrics.jsonl") if line["kind"] == "train"]
        for r in (run, exact)
    )
    assert losses == pytest.approx(right, rel=0.01)
    first, expected = (r.lines("metrics.jsonl")[0] for r in (run, exact))
    assert first["eval_loss"] == expected["eval_loss"]  # evaluation is exact, bit by bit


def test_a_resume_is_exact(recipe_fields, tmp_path):
    whole = train(recipe_with(recipe_fields, tmp_path / "a"))
    recipe = recipe_with(recipe_fields, tmp_path / "b")
    train(recipe, until=0.4)
    again = train(recipe, resume=True)
    name = "adapter_model.safetensors"
    assert (again.artifact / name).read_bytes() == (whole.artifact / name).read_bytes()
    assert again.summary["frozen_products"] == whole.summary["frozen_products"]


def test_measuring_leaves_no_trace(recipe_fields):
    recipe = recipe_with(recipe_fields)
    trainer = build_trainer(recipe, prepare(recipe), None)
    before = torch.get_rng_state()
    first = rounding_of(trainer)
    assert first is not None
    assert rounding_of(trainer) == first
    assert torch.equal(torch.get_rng_state(), before)
    assert all(p.grad is None for p in trainer.parameters.values())


def test_measuring_halves_as_training_does_and_goes_on(recipe_fields, capsys):
    """Memory runs out in the rounded pass, after the exact one was made."""
    recipe = recipe_with(recipe_fields)
    trainer = build_trainer(recipe, prepare(recipe), None)
    sizes = []

    def refuse(module, args):
        sizes.append(len(args[0].lengths))
        if len(sizes) == 2:
            raise MemoryError

    handle = trainer.model.register_forward_pre_hook(refuse)
    found = rounding_of(trainer)
    handle.remove()
    assert sizes == [3, 3, 2, 2]
    assert trainer.portion.size == 2
    assert "out of memory with 3 rows at once in training" in capsys.readouterr().err
    assert rounding_of(trainer) == found
    assert all(p.grad is None for p in trainer.parameters.values())
    model: Any = trainer.model
    assert model.trunk.weights.rounds == "in training"


def test_measuring_counts_no_shared_tokens(recipe_fields):
    method = {"name": "lora", "rank": 4}
    recipe = recipe_with({**recipe_fields, "method": method}, share_prefixes=True)
    trainer = build_trainer(recipe, prepare(recipe), None)
    assert rounding_of(trainer) is not None
    sharing = sharing_of(trainer.train_rows)
    assert sharing is not None and sharing.n_tokens == sharing.n_computed == 0


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"method": "full"}, "'full' has no frozen weights"),
        ({"method": "freeze"}, "'freeze' has no frozen weights"),
        ({"method": "qlora"}, "'qlora' has no frozen weights"),
        ({"method": {"name": "lora", "dora": True}}, "lengths of exact weights"),
        ({"train": {"fused": False}}, "train.fused=false"),
        ({"task": "preference"}, "compares with exact log-probabilities"),
    ],
)
def test_what_cannot_be_is_refused_before_any_work(recipe_fields, changes, word):
    fields = {**recipe_fields, **{k: v for k, v in changes.items() if k != "train"}}
    recipe = recipe_with(fields, **changes.get("train", {}))
    for verb in (dry_run, train):
        with pytest.raises(RecipeError, match="frozen_products=int8") as caught:
            verb(recipe)
        assert word in str(caught.value)


def test_a_model_without_a_trunk_is_refused(recipe_fields, tiny, tmp_path):
    import json
    import shutil

    folder = tmp_path / "other"
    shutil.copytree(tiny, folder)
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "hidden_act": "gelu"}))
    recipe = recipe_with({**recipe_fields, "model": {"path": str(folder)}})
    with pytest.raises(RecipeError, match="the fused trunk's"):
        build_trainer(recipe, prepare(recipe), None)


def test_a_processor_whose_products_overflow_is_refused(recipe_fields, monkeypatch):
    def in_sixteen_bits(left, right):
        return (left.long() @ right.long()).clamp(-(2**15), 2**15 - 1).int()

    monkeypatch.setattr(torch, "_int_mm", in_sixteen_bits)
    recipe = recipe_with(recipe_fields)
    with pytest.raises(RecipeError, match="do not add up exactly"):
        build_trainer(recipe, prepare(recipe), None)


def test_a_gpu_is_refused_with_the_reason(recipe_fields):
    model: Any = None  # is not looked at
    with pytest.raises(RecipeError, match=r"for processors, and this runs on cuda.*exact"):
        round_products(recipe_with(recipe_fields), model, torch.device("cuda"))
