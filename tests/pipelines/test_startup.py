"""What a training imports and builds before its first step."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file, save_file  # noqa: E402

from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.core.runs import METRICS  # noqa: E402
from tunesmith.model.light import Light, load_light, why_not_light  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.adamw import AdamW  # noqa: E402
from tunesmith.training.checkpoint import newest_checkpoint  # noqa: E402

NEEDED = {
    "annotated_types", "colorama", "cython_runtime", "numpy", "orjson", "pydantic",
    "pydantic_core", "safetensors", "tokenizers", "torch", "torchgen", "tqdm", "tunesmith",
    "typing_extensions", "typing_inspection", "yaml", "dill", "jinja2", "markupsafe", "regex",
}  # fmt: skip
"""Packages that may be there after the first step; torch itself brings tqdm, dill and torchgen."""
CODE = """
import json, os, sys
from typing import Literal
from tunesmith.pipelines.train import train
from tunesmith.recipe import make_recipe
from tunesmith.trackers.tracker import OpenTracker, Tracker

class Stops(Tracker):
    name: Literal["stops"] = "stops"
    def open(self, folder, *, n_steps, from_step):
        return Opened()

class Opened(OpenTracker):
    def step(self, values):
        print(json.dumps(sorted(sys.modules)), flush=True)
        os._exit(0)

train(make_recipe(json.loads(sys.argv[1])), also=[Stops()])
"""


def imported_by(fields) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", CODE, json.dumps(fields)], capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


@pytest.mark.slow
def test_a_training_imports_torch_and_little_else(recipe_fields):
    fields = {**recipe_fields, "train": {**recipe_fields["train"], "precision": "bfloat16"}}
    modules = imported_by(fields)
    packages = {name.partition(".")[0] for name in modules}
    own = packages - set(sys.stdlib_module_names)
    assert {name for name in own if not name.startswith("_")} <= NEEDED
    assert "torch._dynamo" not in modules
    assert "torch.distributed.tensor" not in modules
    assert len(modules) < 1700


def test_what_training_needs_of_a_model_gives_the_same_run(recipe_fields, tmp_path):
    """Log, checkpoints and adapter, to the byte, and what is told of it."""
    runs = []
    for name, watched in (("light", {}), ("whole", {"samples": 1})):
        fields = {**recipe_fields, "out": str(tmp_path / name)}
        fields["train"] = {**fields["train"], **watched}
        runs.append(train(make_recipe(fields)))
    light, whole = runs
    assert (light.path / METRICS).read_bytes() == (whole.path / METRICS).read_bytes()
    for file in ("adapter_model.safetensors", "adapter_config.json"):
        assert (light.artifact / file).read_bytes() == (whole.artifact / file).read_bytes()
    places = [newest_checkpoint(run.checkpoints)[0] for run in runs]
    for name in ("weights", "optimizer", "random"):
        files = [(place / f"{name}.safetensors").read_bytes() for place in places if place]
        assert files[0] == files[1]


@pytest.mark.parametrize(
    "changes",
    [
        {"method": {"name": "lora", "rank": 4, "dora": True}},
        {"method": {"name": "lora", "rank": 4, "init": "pissa"}},
        {"train": {"packing": True, "neftune_alpha": 5.0}},
        {"train": {"precision": "bfloat16"}},
    ],
)
def test_a_step_is_the_same_on_either(recipe_fields, changes):
    fields = {**recipe_fields, **changes}
    fields["train"] = {**recipe_fields["train"], **changes.get("train", {})}
    recipe = make_recipe(fields)
    found = []
    for needs_whole in (False, True):
        trainer = build_trainer(recipe, prepare(recipe), None, needs_whole=needs_whole)
        assert isinstance(trainer.model.model, Light) != needs_whole
        trainer._step(0)
        found.append({name: p.detach().clone() for name, p in trainer.parameters.items()})
    assert found[0].keys() == found[1].keys()
    for name, weight in found[0].items():
        assert torch.equal(weight, found[1][name]), name


@pytest.mark.parametrize(
    "changes",
    [
        {"method": "full"},
        {"method": {"name": "lora", "extra_modules": ["lm_head"]}},
        {"train": {"fused": False}},
        {"train": {"gradient_checkpointing": True}},
        {"model": {"init": "random"}},
    ],
)
def test_what_asks_for_more_gets_the_whole_model(recipe_fields, changes):
    fields = {**recipe_fields, **changes}
    fields["train"] = {**recipe_fields["train"], **changes.get("train", {})}
    fields["model"] = {**recipe_fields["model"], **changes.get("model", {})}
    recipe = make_recipe(fields)
    trainer = build_trainer(recipe, prepare(recipe), None, needs_whole=False)
    assert not isinstance(trainer.model.model, Light)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"model_type": "mistral"}, "no LlamaForCausalLM"),
        ({"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}, "rope_scaling"),
        ({"rope_parameters": {"rope_type": "linear", "factor": 2.0}}, "rotary"),
        ({"attention_bias": True}, "attention_bias"),
        ({"quantization_config": {"bits": 4}}, "quantization_config"),
    ],
)
def test_other_builds_are_left_to_transformers(tiny, tmp_path, changes, reason):
    config = json.loads((tiny / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps({**config, **changes}))
    assert why_not_light(tiny) is None
    assert reason in str(why_not_light(tmp_path))


def test_weights_that_do_not_fit_are_named(tiny, tmp_path):
    (tmp_path / "config.json").write_bytes((tiny / "config.json").read_bytes())
    weights = load_file(tiny / "model.safetensors")
    cpu = {"dtype": torch.float32, "device": torch.device("cpu")}
    name = "model.layers.1.mlp.up_proj.weight"
    for change, told in (
        ({name: weights[name][1:].clone()}, rf"{name} has the shape \[63, 32\] instead of"),
        ({name: None}, f"the weights hold no '{name}'"),
    ):
        kept = {k: v for k, v in {**weights, **change}.items() if v is not None}
        save_file(kept, tmp_path / "model.safetensors")
        with pytest.raises(ModelError, match=told):
            load_light(tmp_path, **cpu)
    (tmp_path / "model.safetensors").write_bytes(b"broken")
    with pytest.raises(ModelError, match="cannot be loaded"):
        load_light(tmp_path, **cpu)


@pytest.mark.parametrize("tied", [True, False])
def test_its_states_are_those_of_transformers(tmp_path, tied):
    """Grouped heads of an own width, tied or not, another base of the rotary embedding."""
    from transformers import LlamaConfig, LlamaForCausalLM

    from tunesmith.model.batch import Batch
    from tunesmith.model.trunk import Trunk

    config = LlamaConfig(
        hidden_size=48, intermediate_size=64, num_hidden_layers=2, num_attention_heads=4,
        num_key_value_heads=2, head_dim=16, vocab_size=99, rms_norm_eps=1e-5,
        tie_word_embeddings=tied, rope_parameters={"rope_type": "default", "rope_theta": 5e5},
    )  # fmt: skip
    whole = LlamaForCausalLM(config).eval()
    whole.save_pretrained(tmp_path)
    assert why_not_light(tmp_path) is None
    light = load_light(tmp_path, dtype=torch.float32, device=torch.device("cpu"))
    assert [n for n, _ in light.named_parameters()] == [n for n, _ in whole.named_parameters()]
    ids = torch.randint(0, 99, (2, 20))
    batch = Batch(ids, torch.arange(40), {}, 40, 40, lengths=(20, 20))
    with torch.no_grad():
        logits = light.lm_head(Trunk.over(light).states(batch)).view(2, 20, -1)
        torch.testing.assert_close(logits, whole(ids).logits, atol=1e-5, rtol=1e-4)


def test_the_optimizer_is_that_of_torch_to_the_bit(tmp_path):
    torch.manual_seed(0)
    ours, theirs = (
        [torch.nn.Parameter(torch.full((5, 3), 0.5)), torch.nn.Parameter(torch.ones(7))]
        for _ in range(2)
    )
    options = {"lr": 0.01, "betas": (0.9, 0.98), "eps": 1e-7}

    def groups(parameters):
        return [
            {"params": parameters[:1], "weight_decay": 0.1, "lr": 0.02},
            {"params": parameters[1:], "weight_decay": 0.0},
        ]

    mine, torchs = (
        AdamW(groups(ours), **options),
        torch.optim.AdamW(groups(theirs), fused=True, **options),
    )
    for step in range(5):
        for a, b in zip(ours, theirs, strict=True):
            a.grad = torch.randn(a.shape)
            b.grad = a.grad.clone()
        if step == 2:  # one that no gradient reaches is left alone
            ours[1].grad = theirs[1].grad = None
        mine.step()
        torchs.step()
        mine.zero_grad()
        assert ours[0].grad is None
    for a, b in zip(ours, theirs, strict=True):
        assert torch.equal(a, b)
        assert mine.state[a].keys() == torchs.state[b].keys()
        for key, value in mine.state[a].items():
            assert torch.equal(value, torchs.state[b][key])
            assert value.dtype == torchs.state[b][key].dtype
