"""Rows that are too long for the fused layers, or that change what stands beside them."""

from __future__ import annotations

import json
import shutil
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from transformers import AutoConfig  # noqa: E402

from tunesmith.core.errors import RecipeError  # noqa: E402
from tunesmith.model.lengthening import lengthens_beyond  # noqa: E402
from tunesmith.model.source import read_config  # noqa: E402
from tunesmith.model.trunk_support import look_back, planned_look_back  # noqa: E402
from tunesmith.pipelines import build_trainer as building  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402


@pytest.fixture
def lengths(recipe_fields):
    encoded = prepare(make_recipe(recipe_fields)).encoded
    return {name: encoded[name].lengths for name in ("train", "validation")}


@pytest.fixture
def changed(recipe_fields, tiny, tmp_path):
    """A recipe whose model has a configuration of its own, and the same weights."""

    def recipe_with(config: dict[str, Any], **fields: Any):
        folder = tmp_path / "model"
        shutil.copytree(tiny, folder, dirs_exist_ok=True)
        (folder / "config.json").write_text(json.dumps({**read_config(tiny), **config}))
        train = {**recipe_fields["train"], **fields.pop("train", {})}
        model = {"path": str(folder)}
        return make_recipe({**recipe_fields, "model": model, "train": train, **fields})

    return recipe_with


def mistral(window: int) -> dict[str, Any]:
    return {
        "model_type": "mistral",
        "architectures": ["MistralForCausalLM"],
        "sliding_window": window,
    }


def longrope(tiny, original: int) -> dict[str, Any]:
    config = read_config(tiny)
    half = (config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"]) // 2
    rope = {
        "rope_type": "longrope",
        "rope_theta": 10000.0,
        "short_factor": [1.0] * half,
        "long_factor": [4.0] * half,
        "original_max_position_embeddings": original,
    }
    return {"rope_parameters": rope}


def test_rows_beyond_the_window_are_counted_and_told(changed, lengths, capsys):
    window = int(np.median(lengths["train"]))
    counts = {name: int((each > window).sum()) for name, each in lengths.items()}
    assert 0 < counts["train"] < len(lengths["train"])
    told = (
        f"fused, but transformers for micro-batches with a row of more than {window} tokens "
        f"(train: {counts['train']} of {len(lengths['train'])}, "
        f"validation: {counts['validation']} of {len(lengths['validation'])})"
    )
    run = train(changed(mistral(window)))
    assert run.summary["forward"] == told
    assert told in capsys.readouterr().err


def test_within_the_window_all_is_fused(changed, lengths):
    longest = max(int(each.max()) for each in lengths.values())
    assert train(changed(mistral(longest))).summary["forward"] == "fused"


def test_products_in_eight_bits_are_refused_where_some_would_be_exact(changed, lengths):
    window = int(np.median(lengths["train"]))
    recipe = changed(mistral(window), train={"frozen_products": "int8"})
    with pytest.raises(RecipeError, match=f"frozen_products=int8: .* more than {window} tokens"):
        build_trainer(recipe, prepare(recipe), None)


def test_rows_that_change_their_neighbours_are_refused(changed, lengths, tiny):
    longest = int(lengths["train"].max())
    config = longrope(tiny, longest - 1)
    recipe = changed(config)
    with pytest.raises(RecipeError, match=f"more than {longest - 1} tokens .* data.max_tokens="):
        build_trainer(recipe, prepare(recipe), None)
    whole = changed(config, train={"micro_batch_size": 1, "eval_batch_size": 2})
    with pytest.raises(RecipeError, match=r"train.eval_batch_size=1"):
        build_trainer(whole, prepare(whole), None)


def refusal(work):
    with pytest.raises(RecipeError) as caught:
        work()
    return str(caught.value)


@pytest.mark.parametrize("kind", ["window", "longrope"])
def test_a_dry_run_refuses_what_training_refuses_and_both_before_weights_are_there(
    changed, lengths, tiny, monkeypatch, kind
):
    median = int(np.median(lengths["train"]))
    if kind == "window":
        recipe = changed(mistral(median), train={"frozen_products": "int8"})
    else:
        recipe = changed(longrope(tiny, median))
    prepared = prepare(recipe)
    told = refusal(lambda: build_trainer(recipe, prepared, None))
    monkeypatch.setattr(building, "_placed", lambda *given, **options: pytest.fail("loaded"))
    assert refusal(lambda: build_trainer(recipe, prepared, None)) == told
    assert refusal(lambda: dry_run(recipe)) == told
    # Where it is found out with the model it is found out alike.
    monkeypatch.undo()
    monkeypatch.setattr(building, "require_lengths", lambda *given: None)
    assert refusal(lambda: build_trainer(recipe, prepared, None)) == told


def test_a_dry_run_takes_what_training_takes(changed, lengths, tiny):
    longest = max(int(each.max()) for each in lengths.values())
    alone = {"micro_batch_size": 1, "eval_batch_size": 1}
    assert dry_run(changed(longrope(tiny, longest)))["rows"] == len(lengths["train"])
    assert dry_run(changed(longrope(tiny, longest - 1), train=alone))["rows"]
    assert dry_run(changed(mistral(longest), train={"frozen_products": "int8"}))["rows"]
    assert dry_run(changed(mistral(longest - 1)))["rows"]


@pytest.mark.parametrize("side", [0, 1])
def test_of_a_pair_the_longer_side_counts(changed, tmp_path, lines, tiny, side):
    """Alone in its micro-batch a pair is still two rows."""
    records = [
        {"prompt": f"Ask {i}", "chosen": "yes " * 3, "rejected": "no " * 3}
        | ({("chosen", "rejected")[side]: "so " * 40} if i % 2 else {})
        for i in range(12)
    ]
    fields = {
        "task": "preference",
        "objective": "simpo",
        "template": "alpaca",
        "data": {"path": str(lines(tmp_path / "pairs.jsonl", *records)), "validation_fraction": 0},
    }
    sides = prepare(changed({}, **fields)).encoded["train"].lengths.reshape(-1, 2)
    window = int(sides.max(1).min())
    n = int((sides.max(1) > window).sum())
    assert 0 < n < len(sides) == 12
    for config, settings, told in (
        (mistral(window), {"frozen_products": "int8"}, f"train: {n} of 12"),
        (longrope(tiny, window), {"micro_batch_size": 1, "eval_batch_size": 1}, "its neighbours"),
    ):
        recipe = changed(config, train=settings, **fields)
        ours = refusal(lambda recipe=recipe: dry_run(recipe))
        assert told in ours
        assert refusal(lambda recipe=recipe: build_trainer(recipe, prepare(recipe), None)) == ours


SIZES = {
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "vocab_size": 100,
    "max_position_embeddings": 128,
}
FACTORS = {"short_factor": [1.0] * 8, "long_factor": [4.0] * 8}
WINDOW = {"sliding_window": 9, "use_sliding_window": True}


@pytest.mark.parametrize(
    "told",
    [
        {"model_type": "llama"},
        {"model_type": "mistral"},
        {"model_type": "mistral", "sliding_window": None},
        {"model_type": "mistral", "sliding_window": 9},
        {"model_type": "qwen2"},
        {"model_type": "qwen2", "sliding_window": 9},
        {"model_type": "qwen2", **WINDOW},
        {"model_type": "qwen2", **WINDOW, "max_window_layers": 2},
        {"model_type": "qwen2", **WINDOW, "layer_types": ["full_attention"] * 4},
        {"model_type": "llama", "rope_scaling": {"type": "dynamic", "factor": 2.0}},
        {"model_type": "llama", "rope_scaling": {"rope_type": "linear", "factor": 2.0}},
        {"model_type": "llama", "rope_parameters": {"rope_type": "dynamic", "factor": 2.0}},
        {
            "model_type": "llama",
            "rope_scaling": {
                "rope_type": "longrope",
                "original_max_position_embeddings": 32,
                "factor": 4.0,
                **FACTORS,
            },
        },
        {
            "model_type": "llama",
            "rope_scaling": {"rope_type": "longrope", "factor": 2.0, **FACTORS},
        },
    ],
)
def test_a_file_tells_what_transformers_reads_in_it(told, tmp_path):
    config = {**SIZES, **told}
    (tmp_path / "config.json").write_text(json.dumps(config))
    read = AutoConfig.from_pretrained(tmp_path)
    assert planned_look_back(config) == look_back(read)
    assert lengthens_beyond(config) == lengthens_beyond(read)


def test_alone_they_are_computed_as_transformers_computes_them(changed, tiny, lengths):
    """Long rows and short ones in one epoch, each with its own angles."""
    median = int(np.median(lengths["train"]))
    alone = {"micro_batch_size": 1, "eval_batch_size": 1}
    losses = []
    for fused in (True, False):
        recipe = changed(longrope(tiny, median), train={**alone, "fused": fused})
        trainer = build_trainer(recipe, prepare(recipe), None)
        losses.append(trainer.evaluator.evaluate(lambda: False)["eval_loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)


def test_states_of_such_rows_are_not_kept(changed, tiny, lengths):
    median = int(np.median(lengths["train"]))
    settings = {"micro_batch_size": 1, "eval_batch_size": 1, "trunk_cache": "memory"}
    recipe = changed(longrope(tiny, median), train=settings, method={"name": "freeze", "layers": 1})
    with pytest.raises(RecipeError, match="change those that are computed beside them"):
        train(recipe)


@pytest.mark.parametrize(
    ("rope", "expected"),
    [
        ({}, None),
        ({"rope_type": "llama3"}, None),
        ({"rope_type": "dynamic"}, 64),
        ({"rope_type": "longrope", "original_max_position_embeddings": 16}, 16),
        ({"full": {"rope_type": "longrope", "original_max_position_embeddings": 8}}, 8),
    ],
)
def test_from_which_length_on_angles_change(rope, expected):
    config = type("Config", (), {"rope_parameters": rope, "max_position_embeddings": 64})
    assert lengthens_beyond(config) == expected
