"""Recognise: what a mapping of keys is, by the keys and never by the name of the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

Kind = Literal[
    "training",
    "prediction",
    "inference",
    "export",
    "v1 training",
    "v1 export",
    "devices",
    "model options",
]

SIGNS = frozenset(
    """
    model_name_or_path adapter_name_or_path checkpoint_dir stage finetuning_type dataset dataset_dir
    eval_dataset output_dir export_dir per_device_train_batch_size lora_rank lora_target cutoff_len
    infer_backend
    """.split()
)
"""Keys of LLaMA-Factory that no recipe of ours has."""

TRAINS = (
    "stage",
    "dataset",
    "eval_dataset",
    "do_train",
    "do_predict",
    "per_device_train_batch_size",
)
ADAPTERS = ("adapter_name_or_path", "checkpoint_dir")
V1 = ("train_dataset", "peft_config", "dist_config", "model_class")
"""Keys of the files of LLaMA-Factory's second command, which USE_V1=1 turns on."""
ACCELERATE = ("compute_environment", "distributed_type")
DEEPSPEED = ("zero_optimization", "train_micro_batch_size_per_gpu")

NO_RECIPE = {
    "devices": "settings of accelerate or DeepSpeed, about devices alone: nothing is trained by "
    "them. Give the training file that goes with it.",
    "model options": "a list of tokens to add, not a training file. Here the vocabulary stays the "
    "model's.",
}
"""Kind -> why there is nothing to run."""
COMMANDS = ("prediction", "inference", "export", "v1 export")
"""Kinds that train nothing, and that a command does here."""


def recognise(fields: Mapping[Any, Any]) -> Kind | None:
    """What a file is; None: a recipe of ours, or nothing known.

    A mapping with ``data`` is a recipe of ours, whatever else it holds.
    """
    if "data" in fields:
        return None
    if any(key in fields for key in (*ACCELERATE, *DEEPSPEED)):
        return "devices"
    if isinstance(fields.get("model"), str) and any(key in fields for key in V1):
        peft = fields.get("peft_config")
        exports = isinstance(peft, Mapping) and "export_dir" in peft
        return "v1 export" if exports else "v1 training"
    if fields and all(isinstance(k, str) and k.startswith("<|") for k in fields):
        return "model options"
    if not SIGNS.intersection(fields):
        return None
    if "export_dir" in fields and not any(fields.get(key) for key in ("do_train", "dataset")):
        return "export"
    if not any(key in fields for key in TRAINS):
        return "inference"
    has_adapter = any(fields.get(key) for key in ADAPTERS)
    predicts = bool(fields.get("do_predict")) and not fields.get("do_train")
    return "prediction" if predicts and has_adapter else "training"
