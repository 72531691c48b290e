"""Weights: which model a file starts from, and which of its weights train."""

from __future__ import annotations

import re
from typing import Any

from tunesmith.compat.llamafactory.account import Account

READS_MEDIA = re.compile(
    r"(?i)(^|[-_/.])(vl\d*|qwen3\.[56]|vision|llava|video|omni|audio|pixtral|paligemma|internvl\d*|mllama|"
    r"minicpm[-_][vo]|idefics\d*)([-_/.]|$)"
)
"""Names of models that read images, sound or video."""
QUANTISED = re.compile(r"(?i)(^|[-_/.])(gptq|awq|aqlm|hqq|eetq|exl2|gguf)([-_/.]|$)")
"""Names of weights that were quantised in another way than here."""
FREEZE = {
    "freeze_trainable_layers": "layers",
    "freeze_trainable_modules": "modules",
    "freeze_extra_modules": "extra_modules",
}
LORA_SWITCHES = {"use_rslora": "rslora", "use_dora": "dora"}
MERGE_FIRST = (
    "one adapter is gone on with. Write {} into its base with: tunesmith merge {} DIR; then "
)


def model(account: Account) -> dict[str, Any]:
    """The recipe's ``model``."""
    path = str(account.get("model_name_or_path", ""))
    fields: dict[str, Any] = {"path": path}
    check_name(account, "model_name_or_path", path)
    account.maps("model_name_or_path", "model.path")
    revision = account.get("model_revision", "main")
    if revision != "main":
        fields["revision"] = revision
    account.maps("model_revision", "model.revision")
    if account.flag("train_from_scratch"):
        fields["init"] = "random"
    account.maps("train_from_scratch", "model.init")
    if (adapter := _adapter(account)) is not None:
        fields["adapter"] = adapter
    return fields


def check_name(account: Account, key: str, path: str) -> None:
    """Refuses models that are known by their names to be of another kind."""
    name = path.rstrip("/").rpartition("/")[2]
    if not path:
        account.refuses(key, "is needed: a model's folder or its name on the hub.")
    elif READS_MEDIA.search(name):
        account.refuses(key, "this model reads more than text; text models only.")
    elif QUANTISED.search(name):
        account.refuses(
            key,
            "these weights are quantised in a way that is not here. Name the model they were made "
            "of, with four bits.",
        )


def _adapter(account: Account) -> str | None:
    """The adapter that is trained further; the others must be in the base by then."""
    adapters = account.names("adapter_name_or_path")
    for key in ("create_new_adapter", "resume_lora_training"):
        if not adapters:
            account.skips(key, "no adapter is given")
    starts_anew = account.flag("create_new_adapter")
    if len(adapters) > 1 or (adapters and starts_anew):
        path = "model_name_or_path=DIR"
        rest = path if len(adapters) > 1 else f"{path} adapter_name_or_path=null"
        merged = MERGE_FIRST.format("the first" if len(adapters) > 1 else "it", adapters[0])
        account.refuses("adapter_name_or_path", f"{merged}{rest}.")
    account.maps("adapter_name_or_path", "model.adapter")
    for key in ("create_new_adapter", "resume_lora_training"):
        account.maps(key, "model.adapter")
    return adapters[0] if adapters else None


def method(account: Account) -> dict[str, Any]:
    """The recipe's ``method``."""
    kind = account.get("finetuning_type", "lora")
    account.maps("finetuning_type", "method")
    bits = account.number("quantization_bit")
    if kind == "lora":
        fields = _lora(account, bits)
    elif kind in ("full", "freeze"):
        fields = {"name": kind} if kind == "full" else _freeze(account)
        if bits is not None:
            account.refuses("quantization_bit", f"quantised weights cannot be trained ({kind}).")
    else:
        fields = {"name": str(kind)}
        account.refuses(
            "finetuning_type", f"method {kind!r} is not here. Known: freeze, full, lora."
        )
    _skip_all(account, "quantization_", "nothing is quantised")
    account.skips("double_quantization", "nothing is quantised")
    _skip_all(account, "freeze_trainable", "belongs to finetuning_type: freeze")
    account.skips("freeze_extra_modules", "belongs to finetuning_type: freeze")
    for start in ("lora", "pissa_", "use_rslora", "use_dora", "additional_target"):
        _skip_all(account, start, "belongs to finetuning_type: lora")
    return fields


def _skip_all(account: Account, start: str, reason: str) -> None:
    """Accounts for the keys of one kind that nothing has asked for."""
    for key in account.given:
        if key.startswith(start):
            account.skips(key, reason)


def _lora(account: Account, bits: int | None) -> dict[str, Any]:
    rank = account.number("lora_rank", 8)
    fields: dict[str, Any] = {
        "name": "lora",
        "rank": rank,
        "alpha": account.number("lora_alpha", 2 * rank),
        "dropout": account.number("lora_dropout", 0.0),
        "targets": _targets(account),
    }
    for key, name in (("lora_rank", "rank"), ("lora_alpha", "alpha"), ("lora_dropout", "dropout")):
        account.maps(key, f"method.{name}")
    for key, name in LORA_SWITCHES.items():
        if account.flag(key):
            fields[name] = True
        account.maps(key, f"method.{name}")
    if account.flag("pissa_init"):
        fields["init"] = "pissa"
        if (n_iterations := account.number("pissa_iter", 16)) != 16:
            fields["init_iterations"] = n_iterations
        for key in ("pissa_init", "pissa_iter"):
            account.maps(key, "method.init")
        account.skips("pissa_convert", "the adapter is saved as an ordinary one")
    if (ratio := account.number("loraplus_lr_ratio")) is not None:
        fields["lr_ratio"] = ratio
    account.maps("loraplus_lr_ratio", "method.lr_ratio")
    account.skips("loraplus_lr_embedding", "embeddings get no low-rank update")
    if extra := account.names("additional_target"):
        fields["extra_modules"] = extra
    account.maps("additional_target", "method.extra_modules")
    return _quantised(account, fields, bits) if bits is not None else fields


def _targets(account: Account) -> list[str] | str:
    targets = account.names("lora_target") or ["all"]
    account.maps("lora_target", "method.targets")
    return "all-linear" if targets == ["all"] else targets


def _quantised(account: Account, fields: dict[str, Any], bits: int) -> dict[str, Any]:
    """QLoRA, where bitsandbytes makes the bits."""
    how = str(account.get("quantization_method", "bnb"))
    if how not in ("bnb", "bitsandbytes"):
        account.refuses("quantization_method", f"{how!r} is not here; bnb is.")
    if bits not in (4, 8):
        account.refuses("quantization_bit", f"{bits} bits are not here; four and eight are.")
    account.maps("quantization_bit", "method.bits")
    account.maps("quantization_method", "method")
    account.maps("quantization_type", "method.quant_type")
    account.maps("double_quantization", "method.double_quant")
    return {
        **fields,
        "name": "qlora",
        **({"bits": 8} if bits == 8 else {}),
        "quant_type": account.get("quantization_type", "nf4"),
        "double_quant": account.flag("double_quantization", True),
    }


def _freeze(account: Account) -> dict[str, Any]:
    modules = account.names("freeze_trainable_modules")
    fields: dict[str, Any] = {
        "name": "freeze",
        "layers": account.number("freeze_trainable_layers", 2),
        "modules": "all" if modules in ([], ["all"]) else modules,
    }
    if extra := account.names("freeze_extra_modules"):
        fields["extra_modules"] = extra
    for key, name in FREEZE.items():
        account.maps(key, f"method.{name}")
    return fields
