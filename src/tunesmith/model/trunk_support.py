"""Trunk support: which models the trunk computes as transformers does, and why not others."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

ARCHITECTURES = {
    "llama": "LlamaDecoderLayer",
    "mistral": "MistralDecoderLayer",
    "qwen2": "Qwen2DecoderLayer",
}
"""Type of a configuration -> the class of its blocks, which are all of one build."""
SILU = ("silu", "swish")
BY_DEFAULT = {"mistral": 4096, "qwen2": 4096}
"""Windows of configurations that name none."""


def why_unsupported(model: Any) -> str | None:
    """What keeps a transformers model from the trunk; None: nothing does."""
    config, backbone = model.config, model.base_model
    reason = why_config_unsupported(config.to_dict())
    if reason is not None:
        return reason
    expected = ARCHITECTURES[config.model_type]
    for index, layer in enumerate(backbone.layers):
        if type(layer).__name__ != expected:
            return f"layers.{index} is a {type(layer).__name__}, not a {expected}"
        for name, module in layer.named_modules():
            if module._forward_hooks or module._forward_pre_hooks:
                return f"layers.{index}.{name} has a hook"
    return None


def why_config_unsupported(config: Mapping[str, Any]) -> str | None:
    """The same as far as a configuration tells it; needs no torch."""
    kind = config.get("model_type", "llama")
    if kind not in ARCHITECTURES:
        return f"models of type {kind!r} are built in another way"
    if config.get("hidden_act", "silu") not in SILU:
        return f"its activation is {config['hidden_act']!r}, not silu"
    if config.get("attention_dropout"):
        return f"its attention drops weights (attention_dropout={config['attention_dropout']})"
    return None


def look_back(config: Any) -> int | None:
    """How many tokens any layer's attention sees at most, its own included; None: all."""
    window = getattr(config, "sliding_window", None)
    if not getattr(config, "use_sliding_window", True):
        return None
    kinds = getattr(config, "layer_types", None)
    return None if kinds and "sliding_attention" not in kinds else window


def planned_look_back(config: Mapping[str, Any]) -> int | None:
    """The same as a ``config.json`` tells it, with transformers' defaults; needs no torch."""
    kind = config.get("model_type", "llama")
    window = config.get("sliding_window", BY_DEFAULT.get(kind))
    if window is None or not config.get("use_sliding_window", kind != "qwen2"):
        return None
    kinds = config.get("layer_types")
    if kinds is None and kind == "qwen2":  # the first layers see all
        is_any = int(config["num_hidden_layers"]) > int(config.get("max_window_layers", 28))
        return int(window) if is_any else None
    return None if kinds and "sliding_attention" not in kinds else int(window)
