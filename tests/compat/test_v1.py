"""Files of LLaMA-Factory's second command become recipes, every key of them accounted for."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from tunesmith.compat.llamafactory.account import RefusedKeysError
from tunesmith.compat.llamafactory.recognise import recognise
from tunesmith.compat.llamafactory.v1 import convert_v1
from tunesmith.compat.llamafactory.v1_keys import V1, flat
from tunesmith.core.errors import RecipeError
from tunesmith.recipe import make_recipe, read_fields

LORA = {"name": "lora"}


@pytest.fixture
def sets(tmp_path: Path) -> str:
    """A list with one set of each kind."""
    (tmp_path / "mine.json").write_text(json.dumps([{"instruction": "Hi", "output": "Hello."}]))
    file = tmp_path / "sets.yaml"
    mine = {"path": str(tmp_path / "mine.json"), "source": "local", "converter": "alpaca"}
    file.write_text(yaml.safe_dump({"mine": mine}))
    return str(file)


def converted(sets: str, **keys: Any):
    """A conversion; one that refuses nothing is a recipe whose every part and setting is here."""
    found = convert_v1({"model": "Qwen/Qwen3-4B", "train_dataset": sets, **keys}, "mine.yaml")
    if not found.refused:
        make_recipe(found.fields)
    return found


def refused(sets: str, **keys: Any) -> dict[str, str]:
    found = converted(sets, **keys)
    with pytest.raises(RefusedKeysError, match=r"mine\.yaml: \d+ key"):
        found.checked()
    return {entry.key: entry.note for entry in found.refused}


def test_what_is_not_given_gets_the_defaults_there(sets, tmp_path):
    assert converted(sets).checked().fields == {
        "model": {"path": "Qwen/Qwen3-4B"},
        "data": {
            "sources": [
                {
                    "path": str(tmp_path / "mine.json"),
                    "format": {"name": "alpaca", "history_key": None},
                }
            ],
            "validation_fraction": 0.0, "bad_rows": "reject", "max_tokens": 2048,
            "too_long": "cut", "cut_answers": True,
        },
        "template": "llamafactory/v1/qwen3_nothink",
        "task": "sft",
        "method": {"name": "full"},
        "optim": {
            "lr": 1e-4, "schedule": "constant", "warmup_fraction": 0.0, "weight_decay": 0.01,
            "clip_norm": 1.0,
        },
        "train": {
            "epochs": 3, "batch_size": 1, "micro_batch_size": 1, "precision": "bfloat16",
            "gradient_checkpointing": True, "seed": 42, "length_grouping": False, "keep": "last",
            "eval_every_fraction": 1.0,
        },
        "out": "runs/mine",
    }  # fmt: skip


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "lora": (
        {"peft_config": LORA},
        {
            "method": {
                "name": "lora", "rank": 8, "alpha": 16, "dropout": 0.05, "targets": "all-linear",
            }
        },
    ),
    "freeze": (
        {"peft_config": {"name": "freeze", "freeze_trainable_layers": 3}},
        {"method": {"name": "freeze", "layers": 3, "modules": "all"}},
    ),
    "four bits": (
        {"peft_config": LORA, "quant_config": {"name": "auto", "quantization_bit": 4}},
        {"method.name": "qlora", "method.quant_type": "nf4", "method.double_quant": True},
    ),
    "eight bits": (
        {"peft_config": LORA, "quant_config": {"name": "bnb", "quantization_bit": 8}},
        {"method.name": "qlora", "method.bits": 8},
    ),
    "an adapter to go on with": (
        {"peft_config": {**LORA, "adapter_name_or_path": "saves/a"}}, {"model.adapter": "saves/a"},
    ),
    "nothing quantised": (
        {"peft_config": LORA, "quant_config": {"name": "auto"}}, {"method.name": "lora"},
    ),
    "batches": (
        {"micro_batch_size": 2, "global_batch_size": 8},
        {"train.batch_size": 8, "train.micro_batch_size": 2},
    ),
    "rows side by side": ({"batching_strategy": "padding_free"}, {"train.batch_size": 1}),
    "steps": ({"max_steps": 10}, {"train.max_steps": 10, "train.epochs": 10.0}),
    "checkpoints": (
        {"num_train_epochs": 4, "save_epochs": 1, "save_total_limit": 3},
        {"train.eval_every_fraction": 0.25, "train.keep_checkpoints": 3},
    ),
    "one device": (
        {"dist_config": {"name": "deepspeed", "config_file": "x.json", "cp_size": 1}},
        {"method": {"name": "full"}},
    ),
    "another template": ({"template": "llamafactory/qwen3"}, {"template": "llamafactory/qwen3"}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_keys_become(case, sets):
    keys, expected = CASES[case]
    fields = converted(sets, **keys).checked().fields
    for place, value in expected.items():
        found: Any = fields
        for step in place.split("."):
            found = found[step]
        assert found == value, place


REFUSED: dict[str, dict[str, Any]] = {
    "model": {"model": "Qwen/Qwen3.5-0.8B"},
    "train_dataset": {"train_dataset": None},
    "model_class": {"model_class": "cls"},
    "template": {"template": "qwen3"},
    "batching_strategy": {"batching_strategy": "dynamic_batching"},
    "optim_config.name": {"optim_config": {"name": "muon", "momentum": 0.95}},
    "lr_scheduler_config.name": {"lr_scheduler_config": {"name": "wsd", "decay": 3}},
    "cp_size": {"cp_size": 2, "cp_mode": "ulysses"},
    "dist_config.cp_size": {"dist_config": {"name": "fsdp2", "cp_size": 2, "cp_mode": "ulysses"}},
    "dist_config.ep_size": {"dist_config": {"name": "fsdp2", "ep_size": 2}},
    "dist_config.name": {"dist_config": {"name": "fsdpturbo"}},
    "dist_config.dcp_path": {"dist_config": {"name": "fsdp2", "dcp_path": "x"}},
    "peft_config.name": {"peft_config": {"name": "oft"}},
    "peft_config.adapter_name_or_path": {"peft_config": {**LORA, "adapter_name_or_path": "a,b"}},
    "quant_config.name": {"quant_config": {"name": "bnb", "quantization_bit": 4}},
    "quant_config.quantization_bit": {
        "peft_config": LORA, "quant_config": {"name": "bnb", "quantization_bit": 2},
    },
}  # fmt: skip


@pytest.mark.parametrize("key", REFUSED)
def test_what_would_change_what_is_learnt_is_refused_by_name(key, sets):
    notes = refused(sets, **REFUSED[key])
    assert set(notes) == {key}
    assert len(notes[key]) > 10


def test_unknown_keys_are_answered_with_the_nearest_one(sets):
    with pytest.raises(RecipeError, match=r"peft_config\.lora_alhpa: .* 'peft_config.lora_alpha'"):
        converted(sets, peft_config={**LORA, "lora_alhpa": 3})


def test_no_known_key_is_ever_forgotten(sets):
    for key in sorted(V1.known):
        for value in (None, True, 3, "x"):
            group, _, name = key.partition(".")
            given = {group: {name: value}} if name else {key: value}
            try:
                found = converted(sets, **given)
            except RecipeError:
                continue
            names = {e.key for e in (*found.mapped, *found.skipped, *found.refused)}
            assert key in names, (key, value)


def test_every_key_of_every_example_is_accounted_for(shared):
    files = sorted((shared / "llamafactory/examples/v1").rglob("*.yaml"))
    trains = [file for file in files if recognise(read_fields(file)) == "v1 training"]
    assert len(trains) == 16
    for file in trains:
        found = convert_v1(read_fields(file), file)
        entries = [*found.mapped, *found.skipped, *found.refused]
        assert sorted(e.key for e in entries) == sorted(flat(read_fields(file))), file


def test_sets_are_read_from_where_they_lie(tmp_path):
    file = tmp_path / "sets.yaml"
    file.write_text(
        "pairs: {path: o/pairs, split: train_prefs, converter: pair, size: 50, weight: 0.5}"
    )
    found = converted(str(file)).checked()
    assert found.fields["data"]["sources"] == [
        {
            "path": "hf:o/pairs",
            "split": "train_prefs",
            "format": {"name": "preference", "chosen_key": "chosen", "rejected_key": "rejected"},
            "num_samples": 25,
        }
    ]
    assert found.fields["task"] == "preference"
    (hub,) = converted("o/name").checked().fields["data"]["sources"]
    assert hub == {"path": "hf:o/name", "split": "train"}


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"path": "x.json", "source": "local", "colums": 1}, "mine: colums: no such key"),
        ({"source": "local"}, r"mine: says nowhere .* Add path"),
        ({"path": "x.json", "source": "ftp"}, "mine: source: no 'ftp'"),
        ({"path": "x.json", "source": "local", "converter": "alpca"}, "Did you mean 'alpaca'"),
        ({"path": "o/x", "weight": 0.5}, "mine: weight: .* Write their number as size"),
        ({"path": "o/x", "streaming": True}, "mine: streaming: "),
        ({"path": "x.tar", "source": "local"}, r"mine: path: 'x\.tar' is of no known kind"),
    ],
)
def test_a_wrong_description_names_file_set_and_key(entry, told, tmp_path):
    file = tmp_path / "sets.yaml"
    file.write_text(yaml.safe_dump({"mine": entry}))
    assert re.search(told, refused(str(file))["train_dataset"])


def test_rows_with_pictures_are_refused_and_rows_of_pairs_are_preferences(shared):
    folder = shared / "llamafactory/data"
    note = refused(str(folder / "v1_multimodal_demo.jsonl"))["train_dataset"]
    assert "parts of type 'image_url': text data only" in note
    assert converted(str(folder / "v1_dpo_demo.jsonl")).checked().fields["task"] == "preference"
    assert converted(str(folder / "v1_sft_demo.jsonl")).checked().fields["task"] == "sft"
