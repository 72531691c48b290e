"""Merge: LoRA layers -> plain linear layers with the same answers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tunesmith.core.errors import ModelError
from tunesmith.model.lora_linear import lora_layers

N_PROBE_TOKENS = 64


@torch.no_grad()
def merge_adapter(causal_lm: Any, dtype: torch.dtype) -> None:
    """Adds every update to its weight in float32, and casts all weights; changes the model.

    Raises:
        ModelError: a base layer is quantised; its weights cannot take an update.
    """
    for name, layer in list(lora_layers(causal_lm)):
        if not layer.base.weight.is_floating_point():
            raise ModelError(
                f"{name}: quantised weights cannot be merged; load the base unquantised."
            )
        plain = nn.Linear(
            layer.base.in_features,
            layer.base.out_features,
            bias=layer.base.bias is not None,
            device="meta",
        )
        plain.weight = nn.Parameter(layer.merged_weight(), requires_grad=False)
        if layer.base.bias is not None:
            plain.bias = layer.base.bias
        parent_name, _, leaf = name.rpartition(".")
        setattr(causal_lm.get_submodule(parent_name), leaf, plain)
    causal_lm.to(dtype)
    causal_lm.config.dtype = dtype


@torch.no_grad()
def probe_logits(causal_lm: Any) -> Tensor:
    """Logits for a fixed sequence of seeded tokens, [T, V] float32."""
    device = next(causal_lm.parameters()).device
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, causal_lm.config.vocab_size, (1, N_PROBE_TOKENS), generator=generator)
    return causal_lm(input_ids=ids.to(device), use_cache=False).logits[0].float()


def largest_difference(a: Tensor, b: Tensor) -> float:
    """The largest absolute difference of two sets of logits."""
    return float((a - b).abs().max())
