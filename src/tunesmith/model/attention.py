"""Attention: registered with transformers under our name, so that no library is patched.

It is torch's scaled dot product attention, but for one case: on a CPU in bfloat16 it computes in
float32, because the bfloat16 backward kernel there takes four times as long (torch 2.13, measured
on AVX-512 with bfloat16 dot products) and gains no accuracy.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "tunesmith"


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attends as transformers asks for it.

    Args:
        module: the attention layer.
        query: [B, H, T, D].
        key: [B, Hkv, S, D].
        value: [B, Hkv, S, D].
        attention_mask: [B, 1, T, S], boolean or added to the scores; None: causal.
        options: scaling and dropout, as the layer gives them.

    Returns:
        [B, T, H, D] in the type of ``query``, and no weights.
    """
    lowered = query.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    if query.device.type != "cpu" or not lowered:
        return sdpa_attention_forward(module, query, key, value, attention_mask, **options)
    if attention_mask is not None and attention_mask.is_floating_point():
        attention_mask = attention_mask.float()
    with torch.autocast("cpu", enabled=False):
        output, _ = sdpa_attention_forward(
            module, query.float(), key.float(), value.float(), attention_mask, **options
        )
    return output.to(query.dtype), None


AttentionInterface.register(NAME, attend)
AttentionMaskInterface.register(NAME, sdpa_mask)
