"""Trunk support: which models the trunk computes as transformers does, and why not others."""

from __future__ import annotations

from typing import Any

from torch import nn

from tunesmith.model.lora_linear import LoRALinear
from tunesmith.model.trained_copy import TrainedCopy

ARCHITECTURES = {
    "llama": "LlamaDecoderLayer",
    "mistral": "MistralDecoderLayer",
    "qwen2": "Qwen2DecoderLayer",
}
"""Type of a configuration -> the class of its blocks, which are all of one build."""
SILU = ("silu", "swish")


def why_unsupported(model: Any) -> str | None:
    """What keeps a transformers model from the trunk; None: nothing does."""
    config, backbone = model.config, model.base_model
    expected = ARCHITECTURES.get(config.model_type)
    if expected is None:
        return f"models of type {config.model_type!r} are built in another way"
    if any(type(layer).__name__ != expected for layer in backbone.layers):
        return "its blocks are of another class than transformers builds"
    if config.hidden_act not in SILU:
        return f"its activation is {config.hidden_act!r}, not silu"
    if getattr(config, "attention_dropout", 0):
        return f"its attention drops weights (attention_dropout={config.attention_dropout})"
    for name, module in backbone.named_modules():
        if ".self_attn." in name or ".mlp." in name or name.startswith("layers."):
            if module._forward_hooks or module._forward_pre_hooks:
                return f"{name} has a hook"
    for index, layer in enumerate(backbone.layers):
        for name, module in _linears(layer):
            if not isinstance(module, (nn.Linear, LoRALinear, TrainedCopy)):
                return f"layers.{index}.{name} is a {type(module).__name__}"
    return None


def _linears(layer: Any) -> list[tuple[str, nn.Module]]:
    attention = ("q_proj", "k_proj", "v_proj", "o_proj")
    return [(f"self_attn.{n}", getattr(layer.self_attn, n)) for n in attention] + [
        (f"mlp.{n}", getattr(layer.mlp, n)) for n in ("gate_proj", "up_proj", "down_proj")
    ]
