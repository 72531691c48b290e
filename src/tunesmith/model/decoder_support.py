"""Decoder support: which models the decoder writes with, and why not with others."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from tunesmith.model.decoder_layer import linears_of
from tunesmith.model.fused_layers import FusedLayers
from tunesmith.model.lengthening import is_lengthening
from tunesmith.model.trunk_support import look_back, why_unsupported


def why_not(model: Any, n_positions: int) -> str | None:
    """What keeps a model from the decoder; None: nothing does.

    Args:
        model: a transformers model.
        n_positions: of its longest row, answer included.
    """
    if not hasattr(model, "config") or not hasattr(model, "base_model"):
        return "it is no model of transformers"
    reason = why_unsupported(model)
    if reason is not None:
        return reason
    window = look_back(model.config)
    if window is not None and n_positions > window:
        return f"its attention sees {window} tokens back"
    if is_lengthening(model.config):
        return "its rotary embedding depends on the length of a row"
    if torch.is_autocast_enabled("cpu") or torch.is_autocast_enabled("cuda"):
        return "its products are in another type for the moment"
    devices = {parameter.device for parameter in model.parameters()}
    if len(_types(model.base_model)) > 1 or len(devices) > 1:
        return "its weights are of several types or on several devices"
    return None


def _types(backbone: Any) -> set[torch.dtype]:
    """The types of all weights that are read as they are."""
    norms = [
        n for one in backbone.layers for n in (one.input_layernorm, one.post_attention_layernorm)
    ]
    types = {norm.weight.dtype for norm in (*norms, backbone.norm)}
    types |= {p.dtype for p in backbone.embed_tokens.parameters()}
    weights = FusedLayers()
    held = [weights.of(m) for one in backbone.layers for m in linears_of(one)]
    return types | {w.dtype for w in (one.weight for one in held if one) if isinstance(w, Tensor)}
