"""Training files become recipes: what each key turns into, and that none is forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from tunesmith.compat.llamafactory.account import RefusedKeysError
from tunesmith.compat.llamafactory.convert import convert
from tunesmith.compat.llamafactory.keys import KNOWN, RENAMED, SWITCHES
from tunesmith.core.errors import RecipeError
from tunesmith.recipe import make_recipe

SETS = {
    "mine": {"file_name": "mine.json"},
    "more": {"file_name": "more.json"},
    "pairs": {
        "file_name": "pairs.json",
        "ranking": True,
        "columns": {"prompt": "prompt", "chosen": "chosen", "rejected": "rejected"},
    },
    "labelled": {
        "file_name": "kto.json",
        "columns": {"prompt": "prompt", "response": "completion", "kto_tag": "label"},
    },
    "text": {"file_name": "wiki.txt", "columns": {"prompt": "text"}},
    "far": {"cloud_file_name": "s3://bucket/far.json"},
}
BASE: dict[str, Any] = {
    "model_name_or_path": "meta-llama/Llama-2-7b-hf",
    "do_train": True,
    "dataset": "mine",
    "dataset_dir": SETS,
}


def converted(**keys: Any):
    """A conversion; one that refuses nothing is a recipe whose every part and setting is here."""
    found = convert({**BASE, **keys}, "mine.yaml")
    if not found.refused:
        make_recipe(found.fields)
    return found


def refused(**keys: Any) -> dict[str, str]:
    found = converted(**keys)
    with pytest.raises(RefusedKeysError, match=r"mine\.yaml: \d+ key"):
        found.checked()
    return {entry.key: entry.note for entry in found.refused}


def test_what_is_not_given_gets_the_defaults_there():
    fields = converted().checked().fields
    del fields["data"]["sources"]
    assert fields == {
        "model": {"path": "meta-llama/Llama-2-7b-hf"},
        "data": {
            "validation_fraction": 0,
            "bad_rows": "reject",
            "max_tokens": 2048,
            "too_long": "cut",
            "cut_answers": True,
        },
        "task": "sft",
        "method": {
            "name": "lora", "rank": 8, "alpha": 16, "dropout": 0.0, "targets": "all-linear",
        },
        "optim": {"lr": 5e-5, "schedule": "linear", "warmup_fraction": 0.0},
        "train": {
            "epochs": 3.0, "batch_size": 8, "micro_batch_size": 8, "gradient_checkpointing": True,
            "seed": 42, "length_grouping": False, "eval_every_fraction": 0.2, "eval_batch_size": 8,
            "keep": "last",
        },
        "out": "runs/mine",
    }  # fmt: skip


CASES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "effective batch": (
        {"per_device_train_batch_size": 2, "gradient_accumulation_steps": 8},
        {"train.batch_size": 16, "train.micro_batch_size": 2},
    ),
    "alpha is twice the rank": ({"lora_rank": 64}, {"method.rank": 64, "method.alpha": 128}),
    "targets": ({"lora_target": "q_proj, v_proj"}, {"method.targets": ["q_proj", "v_proj"]}),
    "figures as text": ({"learning_rate": "2e-5", "lora_rank": "4"}, {"optim.lr": 2e-5}),
    "four bits": (
        {"quantization_bit": 4, "double_quantization": False, "quantization_type": "fp4"},
        {"method.name": "qlora", "method.double_quant": False, "method.quant_type": "fp4"},
    ),
    "eight bits": ({"quantization_bit": 8}, {"method.name": "qlora", "method.bits": 8}),
    "an adapter to go on with": ({"checkpoint_dir": "saves/a"}, {"model.adapter": "saves/a"}),
    "noise on embeddings": ({"neft_alpha": 5}, {"train.neftune_alpha": 5}),
    "full": ({"finetuning_type": "full"}, {"method": {"name": "full"}}),
    "packed": ({"neat_packing": True}, {"train.packing": True}),
    "a constant rate has no warm-up": (
        {"lr_scheduler_type": "constant", "warmup_ratio": 0.1},
        {"optim.schedule": "constant", "optim.warmup_fraction": 0.0},
    ),
    "constant with warm-up": (
        {"lr_scheduler_type": "constant_with_warmup", "warmup_ratio": 0.1},
        {"optim.schedule": "constant", "optim.warmup_fraction": 0.1},
    ),
    "max_steps alone decides": (
        {"max_steps": 50, "num_train_epochs": 1},
        {"train.max_steps": 50, "train.epochs": 50.0},
    ),
    "no limit of steps": ({"max_steps": -1, "num_train_epochs": 1}, {"train.epochs": 1}),
    "optimizer": ({"optim": "adamw_8bit"}, {"optim.name": "adamw_8bit"}),
    "figures of the optimizer": (
        {"weight_decay": 0.1, "adam_beta2": 0.95, "adam_epsilon": 1e-6, "max_grad_norm": 0.3},
        {"optim.weight_decay": 0.1, "optim.beta2": 0.95, "optim.eps": 1e-6, "optim.clip_norm": 0.3},
    ),
    "bfloat16": ({"bf16": True}, {"train.precision": "bfloat16"}),
    "float16": ({"fp16": True}, {"train.precision": "auto"}),
    "memory": (
        {"disable_gradient_checkpointing": True, "gradient_checkpointing": True},
        {"train.gradient_checkpointing": False},
    ),
    "order": (
        {"disable_shuffling": True, "group_by_length": True, "seed": 7},
        {"train.shuffle": False, "train.length_grouping": True, "train.seed": 7},
    ),
    "evaluation by epoch": (
        {"eval_strategy": "epoch", "num_train_epochs": 4}, {"train.eval_every_fraction": 0.25},
    ),
    "evaluation by ratio": (
        {"eval_strategy": "steps", "eval_steps": 0.1}, {"train.eval_every_fraction": 0.1},
    ),
    "checkpoints": (
        {"save_total_limit": 3, "load_best_model_at_end": True},
        {"train.keep_checkpoints": 3, "train.keep": "best"},
    ),
    "template": ({"template": "llama3"}, {"template": "llamafactory/llama3"}),
    "a template of ours": ({"template": "native"}, {"template": "native"}),
    "last answer only": ({"mask_history": True}, {"task.train_on": "last"}),
    "prompts too": ({"train_on_prompt": True}, {"task.train_on": "everything"}),
    "share held out": ({"val_size": 0.1}, {"data.validation_fraction": 0.1}),
    "trackers": (
        {"report_to": "tensorboard,wandb,swanlab"}, {"trackers": ["tensorboard", "wandb"]},
    ),
    "early end": (
        {"early_stopping_steps": 3, "metric_for_best_model": "eval_accuracy"},
        {"train.keep": "best", "train.patience": 3, "train.best_metric": "token_accuracy"},
    ),
    "answers": (
        {"predict_with_generate": True, "max_new_tokens": 64, "per_device_eval_batch_size": 4},
        {"evaluate": {"max_new_tokens": 64, "batch_size": 4}},
    ),
    "revision": ({"model_revision": "v2"}, {"model.revision": "v2"}),
    "fresh weights": ({"train_from_scratch": True}, {"model.init": "random"}),
    "running text": (
        {"stage": "pt", "dataset": "text", "template": "qwen3"},
        {"task": {"name": "causal-lm", "documents": "joined"}},
    ),
    "preferences": (
        {"stage": "dpo", "dataset": "pairs", "pref_loss": "orpo", "pref_beta": 0.2},
        {"task": "preference", "objective": {"name": "orpo", "beta": 0.2}},
    ),
    "more of preferences": (
        {
            "stage": "dpo", "dataset": "pairs", "dpo_label_smoothing": 0.1, "ld_alpha": 0.5,
            "pref_bco_weight": 0.3, "pref_ftx": 0.7,
        },
        {
            "objective": {
                "name": "dpo", "beta": 0.1, "sft_weight": 0.7, "bco_weight": 0.3,
                "label_smoothing": 0.1, "length_alpha": 0.5,
            }
        },
    ),
    "what a loss has no use for": (
        {"stage": "dpo", "dataset": "pairs", "pref_loss": "orpo", "pref_bco_weight": 0.3},
        {"objective": {"name": "orpo", "beta": 0.1}},
    ),
    "simpo": (
        {"stage": "dpo", "dataset": "pairs", "pref_loss": "simpo", "simpo_gamma": 1.4},
        {"objective": {"name": "simpo", "beta": 0.1, "gamma": 1.4}},
    ),
    "kto": (
        {"stage": "kto", "dataset": "labelled", "kto_rejected_weight": 2},
        {
            "objective": {
                "name": "kto", "beta": 0.1, "desirable_weight": 1.0, "undesirable_weight": 2,
            }
        },
    ),
    "freeze": (
        {"finetuning_type": "freeze", "freeze_trainable_layers": -3},
        {"method": {"name": "freeze", "layers": -3, "modules": "all"}},
    ),
    "dora": ({"use_dora": True}, {"method.dora": True}),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_keys_become(case):
    keys, expected = CASES[case]
    fields = converted(**keys).checked().fields
    for place, value in expected.items():
        found: Any = fields
        for step in place.split("."):
            found = found[step]
        assert found == value, place


OLDER = {
    "evaluation_strategy": ("epoch", "train.eval_every_fraction"),
    "dpo_beta": (0.3, "objective.beta"),
    "dpo_loss": ("ipo", "objective"),
    "dpo_ftx": (1.0, "objective.sft_weight"),
    "num_layer_trainable": (3, "method.layers"),
    "name_module_trainable": ("mlp", "method.modules"),
    "sft_packing": (True, "train.packing"),
    "cache_path": ("cache", ""),
    "reserved_label_len": (1, ""),
    "flash_attn": (True, ""),
    "split": ("train", ""),
    "upcast_layernorm": (True, ""),
    "lora_lr_ratio": (16.0, "method.lr_ratio"),
    "use_auth_token": ("x", ""),
}


@pytest.mark.parametrize("key", OLDER)
def test_names_of_older_releases_are_known(key):
    value, to = OLDER[key]
    extra: dict[str, Any] = {}
    if key.startswith("dpo"):
        extra = {"stage": "dpo", "dataset": "pairs"}
    if "trainable" in key:
        extra = {"finetuning_type": "freeze"}
    found = converted(**extra, **{key: value})
    assert {e.key: e.to for e in (*found.mapped, *found.skipped)}[key] == to


def test_an_old_and_a_new_name_must_agree():
    assert converted(dpo_beta=0.1, pref_beta=0.1)
    with pytest.raises(RecipeError, match="dpo_beta and pref_beta say the same thing differently"):
        converted(dpo_beta=0.1, pref_beta=0.2)


REFUSED: dict[str, dict[str, Any]] = {
    "stage": {"stage": "ppo"},
    "finetuning_type": {"finetuning_type": "oft"},
    "quantization_bit": {"quantization_bit": 2},
    "quantization_method": {"quantization_bit": 4, "quantization_method": "hqq"},
    "template": {"template": "qwen2_vl"},
    "lr_scheduler_type": {"lr_scheduler_type": "polynomial"},
    "optim": {"optim": "lion_32bit"},
    "adafactor": {"adafactor": True},
    "adapter_name_or_path": {"checkpoint_dir": "saves/a,saves/b"},
    "metric_for_best_model": {"load_best_model_at_end": True, "metric_for_best_model": "rouge"},
    "dataset": {"dataset": "far"},
    "val_size": {"val_size": 0.1, "eval_dataset": "more"},
    "mask_history": {"mask_history": True, "train_on_prompt": True},
    "interleave_probs": {"mix_strategy": "interleave_under", "interleave_probs": "0.5,0.5"},
    "pref_loss": {"stage": "dpo", "dataset": "pairs", "pref_loss": "apo"},
    "use_galore": {"use_galore": True, "galore_rank": 4},
    "rope_scaling": {"rope_scaling": "linear"},
    "image_max_pixels": {"image_max_pixels": 1},
    "enable_thinking": {"template": "qwen3", "enable_thinking": None},
    "default_system": {"default_system": "Be kind."},
}


@pytest.mark.parametrize("key", REFUSED)
def test_what_would_change_what_is_learnt_is_refused_by_name(key):
    notes = refused(**REFUSED[key])
    key = next((old for old, new in RENAMED.items() if new == key and old in REFUSED[key]), key)
    assert set(notes) == {key}
    assert len(notes[key]) > 10


@pytest.mark.parametrize(
    "name",
    [
        "Qwen/Qwen2-VL-7B-Instruct", "meta-llama/Llama-3.2-11B-Vision-Instruct", "a/llava-1.5-7b",
        "TheBloke/Llama-2-7B-GPTQ", "Qwen/Qwen2-Audio-7B", "openbmb/MiniCPM-V-2_6",
    ],
)  # fmt: skip
def test_models_of_other_kinds_are_refused_by_name(name):
    assert set(refused(model_name_or_path=name)) == {"model_name_or_path"}


@pytest.mark.parametrize("name", ["models/vision/llama-2-7b", "a/Llama-2-7b-chat-hf", "o/ovl-7b"])
def test_text_models_are_not(name):
    assert converted(model_name_or_path=name).checked()


def test_all_that_is_refused_is_named_together():
    assert set(refused(stage="rm", template="kimi_vl", use_badam=True, dataset="pairs")) == {
        "stage", "template", "use_badam", "dataset",
    }  # fmt: skip


def test_the_batches_of_rays_processes_are_one_here():
    found = converted(ray_num_workers=4, per_device_train_batch_size=2, ray_run_name="x").checked()
    assert found.fields["train"]["batch_size"] == 8
    assert found.fields["train"]["micro_batch_size"] == 2
    assert "ray_run_name" in {entry.key for entry in found.skipped}


def test_unknown_keys_are_answered_with_the_nearest_one():
    with pytest.raises(RecipeError, match=r"lora_rnak: no such key there\. Did you mean 'lora_r"):
        converted(lora_rnak=8)


def test_what_is_no_number_and_no_flag_is_named():
    with pytest.raises(RecipeError, match="lora_rank: 'high' is no number"):
        converted(lora_rank="high")
    with pytest.raises(RecipeError, match="bf16: 'maybe' is neither true nor false"):
        converted(bf16="maybe")


def test_rows_to_evaluate_on_are_the_validation_split():
    sources = converted(eval_dataset="more", max_samples=5).checked().fields["data"]["sources"]
    assert [source["path"] for source in sources] == ["mine.json", {"validation": "more.json"}]
    assert [source["max_rows"] for source in sources] == [5, 5]


def test_shares_of_a_mixture():
    found = converted(
        dataset="mine,more", mix_strategy="interleave_over", interleave_probs="0.25,0.75"
    ).checked()
    assert found.fields["data"]["mix"] == "repeat"
    assert [source["weight"] for source in found.fields["data"]["sources"]] == [0.25, 0.75]
    found = converted(dataset="mine,more", mix_strategy="interleave_under").checked()
    assert [source["weight"] for source in found.fields["data"]["sources"]] == [1.0, 1.0]
    assert found.fields["data"]["mix"] == "shrink"


def test_the_first_rows_of_a_draw_are_a_smaller_draw():
    sets = {"mine": {"file_name": "a.json", "num_samples": 100}}
    (source,) = converted(dataset_dir=sets, max_samples=10).checked().fields["data"]["sources"]
    assert source["num_samples"] == 10
    assert "max_rows" not in source


@pytest.mark.parametrize(("n", "total"), [(1, 3), (100, 1137), (49, 50), (7, 7), (500, 12345)])
def test_steps_as_a_share_are_the_same_steps_again(n, total):
    import math

    found = converted(warmup_steps=n, save_steps=n, max_steps=total).checked()
    warmup = found.fields["optim"]["warmup_fraction"]
    assert math.ceil(total * warmup) == n
    assert round(total * found.fields["train"]["eval_every_fraction"]) == n


def test_steps_without_a_total_wait_for_the_data():
    found = converted(warmup_steps=10, val_size=20)
    assert {(entry.key, entry.n, entry.of) for entry in found.counted if entry.is_needed} == {
        ("warmup_steps", 10, "steps"),
        ("val_size", 20, "rows"),
    }


def test_secrets_are_never_shown():
    found = converted(hf_hub_token="hf_secret", swanlab_api_key="secret")
    assert "secret" not in str(found.as_dict())


def test_what_is_next_is_said():
    assert converted(resume_from_checkpoint="saves/x/checkpoint-10").hints == [
        "resume_from_checkpoint: a run goes on from its own last checkpoint: "
        "tunesmith train runs/mine/recipe.yaml --resume"
    ]
    found = converted(do_train=False, do_predict=True, dataset=None, eval_dataset="more")
    assert not found.trains
    assert "tunesmith eval mine.yaml --split train" in found.hints[0]
    assert [source["path"] for source in found.fields["data"]["sources"]] == ["more.json"]


@pytest.mark.parametrize("finetuning_type", ["lora", "full", "freeze", "oft"])
def test_no_known_key_is_ever_forgotten(finetuning_type):
    """Whatever its value, a key is in the account, or its value is answered with an error."""
    values = (None, True, 0, 3, "x", []) if finetuning_type == "lora" else (3,)
    for key in sorted(KNOWN - {"dataset_dir", "finetuning_type"}):
        for value in values:
            try:
                found = converted(**{"finetuning_type": finetuning_type, key: value})
            except RecipeError:
                continue
            names = {e.key for e in (*found.mapped, *found.skipped, *found.refused)}
            assert key in names, (key, value)


def test_a_switch_that_is_off_is_let_through():
    for key, (off, _) in SWITCHES.items():
        for value in (None, *off):
            assert converted(**{key: value}).checked()
