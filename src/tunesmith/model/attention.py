"""Attention: registered with transformers under our name, so that no library is patched.

It is torch's scaled dot product attention, but for two cases. On a CPU in bfloat16 it computes in
float32, because the bfloat16 backward kernel there takes four times as long (torch 2.13, measured
on AVX-512 with bfloat16 dot products) and gains no accuracy. And rows that are packed into one line
attend each within itself: on a GPU in one variable-length kernel, elsewhere one after the other,
which costs the sum of the rows' squared lengths where a mask over the line costs the square of the
sum (measured on a CPU: lines of 2,000 tokens take 2 to 14 times as long with a mask).
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import scaled_dot_product_attention

from tunesmith.core.errors import ModelError
from tunesmith.model.segments import Segments, attend_within
from tunesmith.model.ways import attend_along

NAME = "tunesmith"


def attend(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    segments: Segments | None = None,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attends as transformers asks for it.

    Args:
        module: the attention layer.
        query: [B, H, T, D].
        key: [B, Hkv, S, D].
        value: [B, Hkv, S, D].
        attention_mask: [B, 1, T, S], boolean or added to the scores; None: causal.
        segments: the rows packed into a line, B being 1; ``attention_mask`` is not looked at then.
        options: scaling and dropout, as the layer gives them.

    Returns:
        [B, T, H, D] in the type of ``query``, and no weights.
    """
    if segments is not None and segments.has_shared:
        return _on_trees(query, key, value, segments, options), None
    apart_or_masked: Any = attention_mask if segments is None else segments
    kernel: Any = _as_transformers if segments is None else _apart
    lowered = query.dtype == torch.bfloat16 or torch.is_autocast_enabled("cpu")
    if query.device.type != "cpu" or not lowered:
        return kernel(module, query, key, value, apart_or_masked, **options)
    if isinstance(apart_or_masked, Tensor) and apart_or_masked.is_floating_point():
        apart_or_masked = apart_or_masked.float()
    with torch.autocast("cpu", enabled=False):
        output, _ = kernel(
            module, query.float(), key.float(), value.float(), apart_or_masked, **options
        )
    return output.to(query.dtype), None


def _on_trees(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, options: dict[str, Any]
) -> Tensor:
    """Attention of each packed piece to its way, [1, T, H, D]."""
    _require_sight(segments, options)
    q, k, v = (t[0].transpose(0, 1) for t in (query, key, value))  # [T, H, D]
    scale = options.get("scaling")
    if _has_kernel(query, options):
        return attend_along(q, k, v, segments, _kernel(), scale)[None]
    return attend_within(q, k, v, segments, scale)[None]


def _require_sight(segments: Segments, options: dict[str, Any]) -> None:
    """Refuses rows that are longer than the attention looks back."""
    window = options.get("sliding_window")
    if window is not None and segments.longest > window:
        raise ModelError(
            f"a row of {segments.longest} tokens, and the model's attention sees {window} "
            "back. Set train.packing=false, or data.max_tokens to that."
        )


def _apart(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    segments: Segments,
    **options: Any,
) -> tuple[Tensor, None]:
    """Attention of each packed row to itself, [1, T, H, D], and no weights."""
    _require_sight(segments, options)
    if _has_kernel(query, options):
        return _in_one_kernel(query, key, value, segments, options.get("scaling")), None
    parts = zip(*(t.split(segments.lengths, dim=2) for t in (query, key, value)), strict=True)
    return torch.cat([_causal(q, k, v, options) for q, k, v in parts], 1), None


def _causal(query: Tensor, key: Tensor, value: Tensor, options: dict[str, Any]) -> Tensor:
    """One row attends to itself: [1, H, T, D] -> [1, T, H, D], as transformers has it computed."""
    found = scaled_dot_product_attention(
        query,
        key,
        value,
        dropout_p=options.get("dropout", 0.0),
        scale=options.get("scaling"),
        is_causal=query.shape[2] > 1,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return found.transpose(1, 2).contiguous()


def _as_transformers(module: nn.Module, *tensors: Any, **options: Any) -> Any:
    # Not at the top: a training without transformers' forward does without its long import.
    from transformers.integrations.sdpa_attention import sdpa_attention_forward

    return sdpa_attention_forward(module, *tensors, **options)


def _has_kernel(query: Tensor, options: dict[str, Any]) -> bool:
    """Whether the variable-length kernel takes these; it has no dropout."""
    return (
        query.is_cuda
        and query.dtype in (torch.bfloat16, torch.float16)
        and not options.get("dropout")
        and _kernel() is not None
    )


@cache
def _kernel() -> Any:
    """Torch's variable-length attention; None before torch 2.10.

    Not at the top: it imports torch's compiler, for which a CPU has no use.
    """
    try:
        from torch.nn.attention.varlen import varlen_attn
    except ImportError:
        return None
    return varlen_attn


def _in_one_kernel(
    query: Tensor, key: Tensor, value: Tensor, segments: Segments, scale: float | None
) -> Tensor:
    longest, starts = max(segments.lengths), segments.cu_seqlens
    queries, keys, values = (t[0].transpose(0, 1).contiguous() for t in (query, key, value))
    found = _kernel()(
        queries,  # [T, H, D]
        keys,
        values,
        starts,
        starts,
        longest,
        longest,
        scale=scale,
        window_size=(-1, 0),  # causal
        enable_gqa=query.shape[1] != key.shape[1],
    )
    assert isinstance(found, Tensor)
    return found[None]


def register() -> None:
    """Makes :func:`attend` known to transformers as :data:`NAME`."""
    from transformers import AttentionInterface, AttentionMaskInterface
    from transformers.masking_utils import sdpa_mask

    AttentionInterface.register(NAME, attend)
    AttentionMaskInterface.register(NAME, sdpa_mask)
