"""Quantised: the values of a linear layer's weight, also where bitsandbytes holds them."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn


def is_quantised(layer: nn.Linear) -> bool:
    """Whether bitsandbytes holds the weight in four or eight bits."""
    return type(layer.weight).__name__ in ("Params4bit", "Int8Params")


@torch.no_grad()
def dense_weight(layer: nn.Linear) -> Tensor:
    """The weight a layer multiplies by, [out, in] float32; never part of a gradient."""
    weight: Any = layer.weight
    if not is_quantised(layer):
        return weight.detach().float()
    import bitsandbytes.functional as bnb  # installed, or there were no such layer

    if type(weight).__name__ == "Params4bit":
        return bnb.dequantize_4bit(weight.data, weight.quant_state).float()
    state: Any = layer.state  # of bitsandbytes' layer; filled at its first use
    rows = weight.data if state.CB is None else state.CB  # [out, in] int8
    scales = weight.SCB if state.SCB is None else state.SCB  # [out], the largest of each row
    return rows.float() * (scales.float() / 127.0)[:, None]


def mark_dense(causal_lm: Any) -> None:
    """Has a model whose weights were written out again saved and cast as any other."""
    if getattr(causal_lm, "hf_quantizer", None) is None:
        return
    causal_lm.hf_quantizer = None
    del causal_lm.config.quantization_config
    for flag in ("is_quantized", "is_loaded_in_4bit", "is_loaded_in_8bit", "quantization_method"):
        if hasattr(causal_lm, flag):
            delattr(causal_lm, flag)
