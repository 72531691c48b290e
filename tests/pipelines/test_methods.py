"""Every method in a whole run: planned, killed, resumed, merged."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.model.lora_linear import lora_layers  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.load import load  # noqa: E402
from tunesmith.pipelines.merge import merge  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402

METHODS = {
    "freeze": {"name": "freeze", "layers": 1, "extra_modules": ["lm_head"]},
    "dora": {"name": "lora", "rank": 4, "dora": True, "dropout": 0.2},
    "rslora": {"name": "lora", "rank": 4, "rslora": True, "lr_ratio": 4.0},
    "pissa": {"name": "lora", "rank": 4, "init": "pissa", "alpha": 4.0},
    "nf4": {"name": "qlora", "rank": 4, "dropout": 0.2, "extra_modules": ["lm_head"]},
    "fp4-pissa-dora": {
        "name": "qlora",
        "rank": 4,
        "alpha": 4.0,
        "quant_type": "fp4",
        "double_quant": False,
        "init": "pissa",
        "dora": True,
    },
    "int8": {"name": "qlora", "rank": 4, "bits": 8},
    "patterns": {
        "name": "lora",
        "rank": 4,
        "rank_pattern": {"q_proj": 2},
        "alpha_pattern": {"v_proj": 2.0},
        "extra_modules": ["lm_head", "model.norm"],
    },
}


def assert_same_artifacts(a, b):
    for file in sorted(a.artifact.glob("*.safetensors")):
        one, other = load_file(file), load_file(b.artifact / file.name)
        assert one.keys() == other.keys()
        assert all(torch.equal(one[key], other[key]) for key in one)


class Silent:
    def step_done(self, values): ...

    def evaluated(self, values): ...

    def save(self, checkpoint): ...


class Killed(BaseException):
    pass


@pytest.mark.parametrize("kind", METHODS)
def test_a_killed_run_ends_bitwise_as_one_that_was_not(recipe_fields, tmp_path, monkeypatch, kind):
    if METHODS[kind]["name"] == "qlora":
        pytest.importorskip("bitsandbytes")
    fields = {**recipe_fields, "method": METHODS[kind], "optim": {"lr": 3e-3}}
    fields["train"] = {**fields["train"], "neftune_alpha": 5.0}
    recipe = make_recipe({**fields, "out": str(tmp_path / "whole")})
    whole = train(recipe)
    planned = dry_run(recipe)["method"]["trained_parameters"]
    assert whole.summary["trainable_parameters"] == planned
    assert whole.summary["eval_loss_best"] < whole.summary["eval_loss_first"]

    fit = Trainer.fit

    def fit_and_die(self, should_stop=lambda step: False):
        fit(self, lambda step: step == 4)
        raise Killed

    halves = make_recipe({**fields, "out": str(tmp_path / "halves")})
    monkeypatch.setattr(Trainer, "fit", fit_and_die)
    with pytest.raises(Killed):
        train(halves)
    monkeypatch.undo()
    assert_same_artifacts(whole, train(halves, resume=True))
    if METHODS[kind].get("bits") == 8:
        with pytest.raises(ModelError, match="held in eight bits"):
            merge(whole, tmp_path / "merged")
        return
    report = merge(whole, tmp_path / "merged")
    assert report["max_logit_difference"] < 1e-4
    ids = torch.randint(5, 3000, (1, 12), generator=torch.Generator().manual_seed(0))
    merged, tuned = (load(m).causal_lm(ids).logits for m in (tmp_path / "merged", whole))
    torch.testing.assert_close(merged, tuned, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("bits", [4, 8])
def test_what_was_trained_on_quantised_weights_is_used_on_them(recipe_fields, bits):
    pytest.importorskip("bitsandbytes")
    run = train(
        make_recipe({**recipe_fields, "method": {"name": "qlora", "rank": 4, "bits": bits}})
    )
    kinds = {type(layer.base).__name__ for _, layer in lora_layers(load(run).causal_lm)}
    assert kinds == {{4: "Linear4bit", 8: "Linear8bitLt"}[bits]}


def test_the_loop_gives_b_its_own_rate(recipe_fields):
    method = {"name": "lora", "rank": 4, "lr_ratio": 16.0}
    recipe = make_recipe({**recipe_fields, "method": method})
    trainer = build_trainer(recipe, prepare(recipe), Silent())
    trainer.fit(lambda step: step == 2)
    names = {id(p): name for name, p in trainer.parameters.items()}
    rates = {names[id(p)][-1]: g["lr"] for g in trainer.optimizer.param_groups for p in g["params"]}
    assert rates == {"A": trainer.rate(1), "B": 16.0 * trainer.rate(1)}
