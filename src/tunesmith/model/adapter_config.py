"""Adapter configuration: what PEFT's adapter_config.json says of a LoRA adapter, both ways."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from torch import nn

from tunesmith.core.errors import ModelError
from tunesmith.model.head import PEFT_TASKS, Head, peft_task, problem_of, unnamed_labels
from tunesmith.model.lora_linear import LoRALinear, lora_layers
from tunesmith.model.trained_copy import trained_copies

CONFIG = "adapter_config.json"
UNSUPPORTED = (
    "fan_in_fan_out",
    "lora_bias",
    "layer_replication",
    "trainable_token_indices",
    "target_parameters",
    "use_qalora",
    "use_bdlora",
    "arrow_config",
    "alora_invocation_tokens",
)
CHANGES_BASE = ("pissa_niter", "olora", "corda", "lora_ga", "loftq")
"""Values of ``init_lora_weights`` with which PEFT changes the base too, by chance or from data."""


@dataclass(frozen=True, slots=True)
class AdapterMethod:
    """How an adapter's layers compute, as far as it is the same for all.

    Attributes:
        dropout: probability of zeroing an input of an update, in training.
        rslora: whether updates are scaled by alpha / sqrt(rank), else by alpha / rank.
        dora: whether lengths of rows are trained apart.
    """

    dropout: float = 0.0
    rslora: bool = False
    dora: bool = False

    def scale(self, rank: int, alpha: float) -> float:
        """What an update is multiplied by."""
        return alpha / math.sqrt(rank) if self.rslora else alpha / rank

    def alpha(self, rank: int, scale: float) -> float:
        """The alpha that gives a scale."""
        return scale * math.sqrt(rank) if self.rslora else scale * rank


def peft_config(
    model: nn.Module, method: AdapterMethod, base_path: str, base_revision: str | None
) -> dict[str, Any]:
    """What PEFT needs to know to rebuild the LoRA layers and trained copies of a model."""
    layers = dict(lora_layers(model))
    ranks: dict[str, float] = {n: layer.plain_update()[0].shape[0] for n, layer in layers.items()}
    alphas = {n: _whole(method.alpha(int(ranks[n]), layer.scale)) for n, layer in layers.items()}
    rank, rank_pattern = _patterns(ranks)
    alpha, alpha_pattern = _patterns(alphas)
    return {
        "peft_type": "LORA",
        "task_type": peft_task(model),
        "base_model_name_or_path": base_path,
        "revision": base_revision,
        "r": rank,
        "lora_alpha": alpha,
        "lora_dropout": method.dropout,
        "target_modules": _targets(model, layers),
        "bias": "none",
        "fan_in_fan_out": False,
        "inference_mode": True,
        "init_lora_weights": True,
        "modules_to_save": [name for name, _ in trained_copies(model)] or None,
        "rank_pattern": rank_pattern,
        "alpha_pattern": alpha_pattern,
        "use_dora": method.dora,
        "use_rslora": method.rslora,
    }


def _whole(number: float) -> float:
    """A whole number as such; PEFT and others print and compare it."""
    nearest = round(number)
    return nearest if math.isclose(number, nearest, rel_tol=1e-12) else number


def _targets(model: nn.Module, layers: dict[str, LoRALinear]) -> list[str]:
    """Last parts of names where they mean LoRA layers alone, else full names."""
    leaves = Counter(
        name.rpartition(".")[2]
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and not name.endswith((".base", ".trained", ".original"))
    ) + Counter(name.rpartition(".")[2] for name, _ in trained_copies(model))
    return sorted({n if leaves[n.rpartition(".")[2]] else n.rpartition(".")[2] for n in layers})


def _patterns(values: dict[str, float]) -> tuple[float, dict[str, float]]:
    """The commonest value, and those of the layers that have another."""
    default = Counter(values.values()).most_common(1)[0][0]
    return default, {name: value for name, value in values.items() if value != default}


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
    start = str(config.get("init_lora_weights", True))
    if start.startswith(CHANGES_BASE):
        raise ModelError(
            f"{file}: init_lora_weights {start!r} changes the base's weights too, in a way that "
            "cannot be repeated. Save it as an ordinary adapter with PEFT: "
            "save_pretrained(..., path_initial_model_for_weight_conversion=...)."
        )
    if not isinstance(config.get("r"), int) or "lora_alpha" not in config:
        raise ModelError(f"{file}: no 'r' or no 'lora_alpha'; the file is damaged.")
    return config


def adapter_head(config: dict[str, Any], n_outputs: int | None) -> Head | None:
    """The head that an adapter of PEFT's brings along; None where it is a language model's.

    Args:
        config: the adapter's.
        n_outputs: rows of the weight of its ``score``, where it has one.
    """
    task = config.get("task_type")
    if task == PEFT_TASKS["question-answering"]:
        return Head("question-answering")
    if task != PEFT_TASKS["sequence-classification"] or n_outputs is None:
        return None
    labels = unnamed_labels(n_outputs)
    return Head("sequence-classification", labels, problem_of(labels))


def adapter_method(config: dict[str, Any]) -> AdapterMethod:
    """The part of a configuration that is the same for all layers."""
    return AdapterMethod(
        dropout=float(config.get("lora_dropout") or 0.0),
        rslora=bool(config.get("use_rslora")),
        dora=bool(config.get("use_dora")),
    )
