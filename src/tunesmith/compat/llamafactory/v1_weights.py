"""Weights of LLaMA-Factory's second command: ``peft_config``, ``quant_config``, ``dist_config``."""

from __future__ import annotations

from typing import Any

from tunesmith.compat.llamafactory.account import Account
from tunesmith.compat.llamafactory.weights import MERGE_FIRST

PLACEMENTS = ("fsdp2", "deepspeed", "ddp")
LORA = {
    "r": ("rank", 8),
    "lora_alpha": ("alpha", 16),
    "lora_dropout": ("dropout", 0.05),
}
"""Figures of ``peft_config``, their names here, and their defaults there."""
FREEZE = {
    "freeze_trainable_layers": "layers",
    "freeze_trainable_modules": "modules",
    "freeze_extra_modules": "extra_modules",
}


def method(account: Account) -> dict[str, Any]:
    """The recipe's ``method``; without ``peft_config`` all weights train."""
    name = account.get("peft_config.name", "full")
    account.maps("peft_config.name", "method")
    if name == "lora":
        fields = _lora(account)
    elif name == "freeze":
        fields = _freeze(account)
    else:
        fields = {"name": str(name)}
        if name != "full":
            account.refuses(
                "peft_config.name", f"method {name!r} is not here. Known: freeze, lora."
            )
    fields = _quantised(account, fields)
    _placed(account)
    for key in account.given:
        if key.startswith("peft_config.") and ".export_" not in key and ".infer_" not in key:
            account.skips(key, "belongs to another peft_config.name")
    return fields


def _lora(account: Account) -> dict[str, Any]:
    fields: dict[str, Any] = {"name": "lora"}
    for key, (to, default) in LORA.items():
        fields[to] = account.number(f"peft_config.{key}", default)
        account.maps(f"peft_config.{key}", f"method.{to}")
    targets = account.names("peft_config.target_modules") or ["all"]
    fields["targets"] = "all-linear" if targets == ["all"] else targets
    account.maps("peft_config.target_modules", "method.targets")
    for key, to in (("use_rslora", "rslora"), ("use_dora", "dora")):
        if account.flag(f"peft_config.{key}"):
            fields[to] = True
        account.maps(f"peft_config.{key}", f"method.{to}")
    if extra := account.names("peft_config.modules_to_save"):
        fields["extra_modules"] = extra
    account.maps("peft_config.modules_to_save", "method.extra_modules")
    return fields


def adapter(account: Account) -> str | None:
    """The adapter that is trained further; nothing goes on from several."""
    key = "peft_config.adapter_name_or_path"
    adapters = account.names(key)
    if len(adapters) > 1:
        account.refuses(key, f"{MERGE_FIRST.format('the first', adapters[0])}model=DIR.")
    account.maps(key, "model.adapter")
    return adapters[0] if adapters else None


def _freeze(account: Account) -> dict[str, Any]:
    modules = account.names("peft_config.freeze_trainable_modules")
    fields: dict[str, Any] = {
        "name": "freeze",
        "layers": account.number("peft_config.freeze_trainable_layers", 2),
        "modules": "all" if modules in ([], ["all"]) else modules,
    }
    if extra := account.names("peft_config.freeze_extra_modules"):
        fields["extra_modules"] = extra
    for key, to in FREEZE.items():
        account.maps(f"peft_config.{key}", f"method.{to}")
    account.skips(
        "peft_config.cast_trainable_params_to_fp32", "trained weights are held in float32 always"
    )
    return fields


def _quantised(account: Account, fields: dict[str, Any]) -> dict[str, Any]:
    """QLoRA, where bitsandbytes makes the bits."""
    how, bits = account.get("quant_config.name"), account.number("quant_config.quantization_bit")
    if how is None or (how == "auto" and bits is None):
        for key in ("name", "quantization_bit", "double_quantization", "quantization_type"):
            account.skips(f"quant_config.{key}", "nothing is quantised")
        return fields
    for key, to in (
        ("name", "method"),
        ("quantization_bit", "method.bits"),
        ("double_quantization", "method.double_quant"),
        ("quantization_type", "method.quant_type"),
    ):
        account.maps(f"quant_config.{key}", to)
    if how not in ("auto", "bnb"):
        account.refuses("quant_config.name", f"{how!r} is not here; bnb is.")
    if bits not in (4, 8):
        key = "quant_config.quantization_bit"
        account.refuses(key, f"{bits} bits are not here; four and eight are.")
    if fields["name"] != "lora":
        account.refuses("quant_config.name", "quantised weights cannot be trained; adapters can.")
    return {
        **fields,
        "name": "qlora",
        **({"bits": 8} if bits == 8 else {}),
        "quant_type": account.get("quant_config.quantization_type", "nf4"),
        "double_quant": account.flag("quant_config.double_quantization", True),
    }


def _placed(account: Account) -> None:
    """How the model lies on devices, where that changes nothing that is learnt."""
    name = account.get("dist_config.name", "fsdp2")
    if name not in PLACEMENTS:
        account.refuses("dist_config.name", f"{name!r} is not here. Without dist_config, one "
        "device holds the whole model.")  # fmt: skip
    account.skips("dist_config.name", "one device, one process")
