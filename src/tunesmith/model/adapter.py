"""Adapter: LoRA weights to and from PEFT's folder format."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from tunesmith.core.errors import ModelError
from tunesmith.model.adapter_config import (
    CONFIG,
    AdapterMethod,
    adapter_method,
    peft_config,
    read_adapter_config,
)
from tunesmith.model.lora_linear import LoRALinear, lora_layers
from tunesmith.model.patterns import pattern_value
from tunesmith.model.pissa import start_principal
from tunesmith.model.trained_copy import TrainedCopy, trained_copies

PREFIX = "base_model.model."
WEIGHTS = "adapter_model.safetensors"
HALVES = {"lora_A.weight": "lora_A", "lora_B.weight": "lora_B"}
MAGNITUDE = "lora_magnitude_vector"


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter rather than whole weights."""
    return (folder / CONFIG).is_file()


def head_rows(folder: Path) -> int | None:
    """How many outputs the classification head has that an adapter holds; None: it holds none.

    Raises:
        ModelError: the file is damaged or missing.
    """
    try:
        with safe_open(folder / WEIGHTS, framework="pt") as tensors:
            name = f"{PREFIX}score.weight"
            return tensors.get_slice(name).get_shape()[0] if name in tensors.keys() else None
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder / WEIGHTS}: damaged or missing: {error}.") from None


def save_adapter(
    model: nn.Module,
    folder: Path,
    *,
    base_path: str,
    base_revision: str | None,
    method: AdapterMethod,
) -> None:
    """Writes LoRA layers and trained copies of a model so that PEFT loads them on the same base.

    Layers that started with a part of the base's weight are written as ordinary ones of twice the
    rank, on the base as it is.
    """
    tensors: dict[str, Tensor] = {}
    for name, layer in lora_layers(model):
        a, b = layer.plain_update()
        tensors[f"{PREFIX}{name}.lora_A.weight"] = a
        tensors[f"{PREFIX}{name}.lora_B.weight"] = b
        if layer.lora_magnitude_vector is not None:
            tensors[f"{PREFIX}{name}.{MAGNITUDE}"] = layer.lora_magnitude_vector.detach()
    for name, copy in trained_copies(model):
        for key, tensor in copy.trained.state_dict().items():
            tensors[f"{PREFIX}{name}.{key}"] = tensor.detach()
    config = peft_config(model, method, base_path, base_revision)
    on_cpu = {key: tensor.cpu().contiguous() for key, tensor in tensors.items()}
    save_file(on_cpu, folder / WEIGHTS, metadata={"format": "pt"})
    (folder / CONFIG).write_text(json.dumps(config, indent=2) + "\n", "utf-8")


def load_adapter(model: nn.Module, folder: Path) -> None:
    """Wraps the layers that an adapter names and fills in its weights; changes ``model``.

    Nothing requires gradients afterwards.

    Raises:
        ModelError: the adapter belongs to another model, or is damaged.
    """
    config = read_adapter_config(folder)
    layers, copies = read_tensors(folder)
    method = adapter_method(config)
    for name, tensors in layers.items():
        parent, leaf = _place(model, name, folder)
        rank = int(pattern_value(config.get("rank_pattern") or {}, name, config["r"]))
        alpha = pattern_value(config.get("alpha_pattern") or {}, name, config["lora_alpha"])
        layer = LoRALinear(
            getattr(parent, leaf), rank=rank, scale=method.scale(rank, alpha), dora=method.dora
        )
        if config.get("init_lora_weights") == "pissa":
            start_principal(layer, -1, name)
        setattr(parent, leaf, layer)
        fill_layer(layer, tensors, name, folder, config)
    for name, tensors in copies.items():
        parent, leaf = _place(model, name, folder)
        copy = TrainedCopy(getattr(parent, leaf))
        setattr(parent, leaf, copy)
        fill_copy(copy, tensors, name, folder, config)
    model.requires_grad_(False)


def continue_adapter(model: nn.Module, folder: Path) -> None:
    """Fills an adapter's weights into the layers that a method has just made; they go on training.

    Raises:
        ModelError: the method makes other layers than the adapter has, or the adapter is damaged.
    """
    config = read_adapter_config(folder)
    if str(config.get("init_lora_weights")).startswith("pissa"):
        raise ModelError(f"{folder}: changes the base's weights too (pissa); it cannot be gone on.")
    layers, copies = read_tensors(folder)
    mine, method = dict(lora_layers(model)), adapter_method(config)
    mine_whole = dict(trained_copies(model))
    for there, here, key in (
        (layers.keys(), mine.keys(), "targets"),
        (copies.keys(), mine_whole.keys(), "extra_modules"),
    ):
        if there != here:
            raise ModelError(
                f"{folder}: its layers are not those of this recipe, {min(there ^ here)!r} for "
                f"one. Set method.{key} as it was for the adapter."
            )
    for name, layer in mine.items():
        rank = int(pattern_value(config.get("rank_pattern") or {}, name, config["r"]))
        alpha = pattern_value(config.get("alpha_pattern") or {}, name, config["lora_alpha"])
        before = (rank, method.scale(rank, alpha), method.dora)
        now = (layer.rank, layer.scale, layer.lora_magnitude_vector is not None)
        if before != now:
            raise ModelError(
                f"{folder}: {name} has rank, scale and DoRA {before}, this recipe {now}. Set "
                f"method.rank={rank} method.alpha={alpha} method.dora={str(method.dora).lower()} "
                f"method.rslora={str(method.rslora).lower()}."
            )
        fill_layer(layer, layers[name], name, folder, config)
    for name, copy in mine_whole.items():
        fill_copy(copy, copies[name], name, folder, config)


def read_tensors(folder: Path) -> tuple[dict[str, dict[str, Tensor]], dict[str, dict[str, Tensor]]]:
    """An adapter's weights: of LoRA layers, and of modules trained whole; by layer and name.

    Raises:
        ModelError: the file is damaged, missing or incomplete.
    """
    file = folder / WEIGHTS
    try:
        tensors = load_file(file)
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{file}: damaged or missing: {error}.") from None
    layers: dict[str, dict[str, Tensor]] = {}
    copies: dict[str, dict[str, Tensor]] = {}
    pattern = re.compile(re.escape(PREFIX) + r"(.+)\.(lora_[AB]\.weight|lora_magnitude_vector)")
    for key, tensor in sorted(tensors.items()):
        if found := pattern.fullmatch(key):
            layers.setdefault(found[1], {})[HALVES.get(found[2], found[2])] = tensor
        elif key.startswith(PREFIX) and ".lora_" not in key:
            name, _, parameter = key.removeprefix(PREFIX).rpartition(".")
            copies.setdefault(name, {})[parameter] = tensor
        else:
            raise ModelError(f"{file}: unknown tensor {key!r}.")
    incomplete = [name for name, found in layers.items() if not {"lora_A", "lora_B"} <= set(found)]
    if incomplete or not layers:
        lacking = PREFIX + min(incomplete) if incomplete else "every layer"
        raise ModelError(f"{file}: incomplete: {lacking} lacks a half.")
    return layers, copies


@torch.no_grad()
def fill_layer(
    layer: LoRALinear,
    tensors: dict[str, Tensor],
    name: str,
    folder: Path,
    config: dict[str, Any],
) -> None:
    """Puts an adapter's weights into one layer.

    Raises:
        ModelError: they have another shape than the base needs, or some are missing.
    """
    own = {"lora_A": layer.lora_A, "lora_B": layer.lora_B}
    if layer.lora_magnitude_vector is not None:
        own[MAGNITUDE] = layer.lora_magnitude_vector
    if own.keys() != tensors.keys():
        odd = min(own.keys() ^ tensors.keys())
        raise ModelError(f"{folder}: {name}: {odd} does not go with use_dora in {CONFIG}.")
    for key, target in own.items():
        _fill(target, tensors[key], f"{name}.{key}", folder, config)


@torch.no_grad()
def fill_copy(
    copy: TrainedCopy,
    tensors: dict[str, Tensor],
    name: str,
    folder: Path,
    config: dict[str, Any],
) -> None:
    """Puts an adapter's weights into one module that is trained whole.

    Raises:
        ModelError: they have another shape or other names than the base's.
    """
    own = dict(copy.trained.named_parameters())
    if own.keys() != tensors.keys():
        raise ModelError(
            f"{folder}: {name} has {sorted(tensors)}, the base model's has {sorted(own)}; the "
            "adapter belongs to another base."
        )
    for key, target in own.items():
        _fill(target, tensors[key], f"{name}.{key}", folder, config)


def _fill(target: Tensor, tensor: Tensor, key: str, folder: Path, config: dict[str, Any]) -> None:
    if target.shape != tensor.shape:
        raise ModelError(
            f"{folder}: {key} has the shape {list(tensor.shape)}, the base model needs "
            f"{list(target.shape)}: the adapter belongs to another base. It was made for "
            f"{config.get('base_model_name_or_path')}."
        )
    target.copy_(tensor)


def _place(model: nn.Module, name: str, folder: Path) -> tuple[nn.Module, str]:
    """The module above a layer, and the layer's name in it."""
    parent_name, _, leaf = name.rpartition(".")
    try:
        parent = model.get_submodule(parent_name)
        getattr(parent, leaf)
    except AttributeError:
        raise ModelError(
            f"{folder}: the adapter is for a layer {name!r}, which the base model does not have; "
            "it belongs to another base."
        ) from None
    return parent, leaf
