"""Adapter: LoRA weights to and from PEFT's folder format."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import nn

from tunesmith.core.errors import ModelError
from tunesmith.model.lora_linear import LoRALinear, lora_layers

PREFIX = "base_model.model."
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
UNSUPPORTED = ("use_dora", "modules_to_save", "rank_pattern", "alpha_pattern", "fan_in_fan_out")


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter rather than whole weights."""
    return (folder / CONFIG).is_file()


def save_adapter(
    model: nn.Module,
    folder: Path,
    *,
    base_path: str,
    base_revision: str | None,
    rank: int,
    alpha: float,
    dropout: float,
) -> None:
    """Writes the LoRA layers of a model so that PEFT loads them on the same base."""
    layers = dict(lora_layers(model))
    tensors: dict[str, torch.Tensor] = {}
    for name, layer in layers.items():
        tensors[f"{PREFIX}{name}.lora_A.weight"] = layer.lora_A.detach().cpu().contiguous()
        tensors[f"{PREFIX}{name}.lora_B.weight"] = layer.lora_B.detach().cpu().contiguous()
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base_path,
        "revision": base_revision,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": dropout,
        "target_modules": sorted({name.rpartition(".")[2] for name in layers}),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "modules_to_save": None,
        "use_dora": False,
        "use_rslora": False,
    }
    save_file(tensors, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def read_adapter_config(folder: Path) -> dict[str, Any]:
    """The adapter's configuration, checked for what we do not read.

    Raises:
        ModelError: it is broken, or asks for a variant of LoRA that is not known here.
    """
    file = folder / CONFIG
    try:
        config = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"{file}: cannot be read: {error}.") from None
    if config.get("peft_type") != "LORA":
        raise ModelError(f"{file}: a {config.get('peft_type')} adapter; only LORA is known.")
    for key in UNSUPPORTED:
        if config.get(key):
            raise ModelError(f"{file}: {key} is not supported. Merge the adapter with PEFT first.")
    if config.get("bias", "none") != "none":
        raise ModelError(f"{file}: trained biases are not supported. Merge it with PEFT first.")
    return config


def load_adapter(model: nn.Module, folder: Path) -> None:
    """Wraps the layers that an adapter names and fills in its weights; changes ``model``.

    Raises:
        ModelError: the adapter belongs to another model, or is damaged.
    """
    config = read_adapter_config(folder)
    try:
        tensors = load_file(folder / WEIGHTS)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS}: damaged or missing: {error}.") from None
    if not isinstance(config.get("r"), int) or "lora_alpha" not in config:
        raise ModelError(f"{folder / CONFIG}: no 'r' or no 'lora_alpha'; the file is damaged.")
    rank, alpha = int(config["r"]), float(config["lora_alpha"])
    if config.get("use_rslora"):
        alpha *= rank**0.5  # rsLoRA scales by alpha / sqrt(rank)
    pattern = re.compile(re.escape(PREFIX) + r"(.+)\.lora_(A|B)\.weight")
    model.requires_grad_(False)
    halves = {key.rpartition(".lora_")[0] for key in tensors}
    incomplete = [h for h in halves if not {f"{h}.lora_{x}.weight" for x in "AB"} <= set(tensors)]
    if incomplete or not tensors:
        raise ModelError(
            f"{folder / WEIGHTS}: incomplete: "
            f"{min(incomplete, default='every layer')} lacks a half."
        )
    for key, tensor in sorted(tensors.items()):
        found = pattern.fullmatch(key)
        if found is None:
            raise ModelError(f"{folder / WEIGHTS}: unknown tensor {key!r}.")
        layer = _wrapped(model, found[1], folder, rank, alpha)
        target = layer.lora_A if found[2] == "A" else layer.lora_B
        if target.shape != tensor.shape:
            raise ModelError(
                f"{folder}: {key} has the shape {list(tensor.shape)}, the base model needs "
                f"{list(target.shape)}: the adapter belongs to another base. It was made for "
                f"{config.get('base_model_name_or_path')}."
            )
        with torch.no_grad():
            target.copy_(tensor)
    model.requires_grad_(False)


def _wrapped(model: nn.Module, name: str, folder: Path, rank: int, alpha: float) -> LoRALinear:
    parent_name, _, leaf = name.rpartition(".")
    try:
        parent = model.get_submodule(parent_name)
        layer = getattr(parent, leaf)
    except AttributeError:
        raise ModelError(
            f"{folder}: the adapter is for a layer {name!r}, which the base model does not have; "
            "it belongs to another base."
        ) from None
    if isinstance(layer, LoRALinear):
        return layer
    wrapped = LoRALinear(layer, rank, alpha, dropout=0.0)
    setattr(parent, leaf, wrapped)
    return wrapped
