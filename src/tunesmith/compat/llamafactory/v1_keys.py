"""Keys of LLaMA-Factory's second command (``examples/v1``), groups of keys by dotted names."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, cast

from tunesmith.compat.llamafactory.keys import Keys

GROUPS = (
    "peft_config",
    "quant_config",
    "dist_config",
    "kernel_config",
    "init_config",
    "optim_config",
    "lr_scheduler_config",
)
"""Keys that hold a mapping of keys, or nothing."""
OPEN = ("kernel_config.", "init_config.", "optim_config.", "lr_scheduler_config.")
"""Groups of which a plugin may ask for any key."""
MAPPED = frozenset(
    """
    model template train_dataset output_dir micro_batch_size global_batch_size cutoff_len
    learning_rate num_train_epochs max_steps max_grad_norm bf16 batching_strategy
    enable_activation_checkpointing seed save_steps save_epochs save_total_limit
    resume_from_checkpoint dist_config.name
    peft_config.name peft_config.r peft_config.lora_alpha peft_config.lora_dropout
    peft_config.target_modules peft_config.use_rslora peft_config.use_dora
    peft_config.modules_to_save peft_config.adapter_name_or_path
    peft_config.freeze_trainable_layers peft_config.freeze_trainable_modules
    peft_config.freeze_extra_modules peft_config.cast_trainable_params_to_fp32
    quant_config.name quant_config.quantization_bit quant_config.double_quantization
    quant_config.quantization_type
    """.split()
)
_REASONS = {
    "no code from a model's repository is ever run": "trust_remote_code",
    "only how fast it is; attention, loss and memory are chosen here": "flash_attn",
    "its trainer evaluates nothing": "eval_dataset",
    "rows are read once, by one process": "batching_workers",
    "the same recipe gives the same run": "full_determinism",
    "checkpoints can always be resumed": "save_ckpt_as_hf",
    "a run's report.html draws its loss, and its figures are in metrics.jsonl": "logging_steps",
    "for chats; training does not read it": "sample_backend max_new_tokens",
    "trained weights are held in float32, and the model computes in train.precision": """
        quant_config.compute_dtype""",
    "one device, one process": """
        dist_config.config_file dist_config.reshard_after_forward dist_config.offload_params
        dist_config.pin_memory dist_config.mp_replicate_size dist_config.mp_shard_size
        dist_config.dp_size dist_config.timeout""",
    "for exports; training does not read it": """
        peft_config.export_dir peft_config.export_size peft_config.export_hub_model_id
        peft_config.infer_dtype peft_config.export_legacy_format""",
}
SWITCHES: dict[str, tuple[tuple[Any, ...], str]] = {
    "model_class": (("llm",), "language models only"),
    "cp_size": ((1,), "splitting a sequence over devices is not here"),
    "dist_config.cp_size": ((1,), "splitting a sequence over devices is not here"),
    "dist_config.ep_size": ((1,), "splitting experts over devices is not here"),
    "dist_config.dcp_path": ((), "weights are read from the model's own folder"),
    "optim_config.name": ((), "AdamW is the only optimizer here"),
    "lr_scheduler_config.name": ((), "this command's schedules are plugins; here they are linear, "
    "cosine and constant, and it is constant without one"),
}  # fmt: skip
OWNERS = {
    "cp_mode": "cp_size",
    "dist_config.cp_mode": "dist_config.cp_size",
    "dist_config.ep_": "dist_config.ep_size",
    "optim_config.": "optim_config.name",
    "lr_scheduler_config.": "lr_scheduler_config.name",
}
OWNED = frozenset({"cp_mode", "dist_config.cp_mode", "dist_config.ep_dispatcher"})
SPEED = "only how fast it is, or where weights are made; here that is decided by itself"

NOT_APPLICABLE = {key: reason for reason, keys in _REASONS.items() for key in keys.split()}
V1 = Keys(
    known=frozenset({*MAPPED, *NOT_APPLICABLE, *SWITCHES, *OWNED, *GROUPS}),
    not_applicable=NOT_APPLICABLE,
    switches=SWITCHES,
    owned=OWNED,
    owners=OWNERS,
)


def flat(given: Mapping[str, Any]) -> dict[str, Any]:
    """The keys with those of groups beside them, by dotted names; an empty group stays a key."""
    found: dict[str, Any] = {}
    for key, value in given.items():
        if key in GROUPS and isinstance(value, Mapping):
            inner = cast("Mapping[str, Any]", value)
            found |= {f"{key}.{name}": item for name, item in inner.items()}
        else:
            found[key] = value
    return found


def keys_of(given: Mapping[str, Any]) -> Keys:
    """The known keys, and those that a file gives to plugins that may ask for any.

    Args:
        given: flat.
    """
    extra = {key for key in given if key.startswith(OPEN) and key not in SWITCHES}
    speed = {key: SPEED for key in extra if key.startswith(OPEN[:2])}
    return replace(
        V1,
        known=V1.known | extra,
        not_applicable={**V1.not_applicable, **speed},
        owned=V1.owned | (extra - set(speed)),
    )
