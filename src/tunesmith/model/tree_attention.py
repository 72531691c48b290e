"""Tree attention on a CPU: what is seen in several parts, put together by their log-sum-exps.

A piece of a line sees itself causally and its ancestors whole. So each ancestor is one product with
all that goes on from it, without a mask and without a copy of its keys; torch's kernel gives with
every part the logarithm of what its weights were divided by, and with these the parts add up to the
softmax over all of them (as in FlashAttention's split keys, Dao et al. 2023, arXiv:2307.08691). The
backward pass of the kernel computes the weights again from that logarithm: given that of the whole
instead of the part's own, and the whole's output, each part's gradients are the whole's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

Look = tuple[int, int, int, int]
"""First query, behind the last, first key, behind the last."""

_forward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu
_backward = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward


def tree_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    looks: Sequence[Look],
    n_causal: int,
    scale: float | None = None,
) -> Tensor:
    """Attention of stretches of a line to stretches of it.

    Args:
        query: [N, H, D] of places of one line, on the host.
        key: [T, Hkv, D] of the line; Hkv divides H.
        value: [T, Hkv, D].
        looks: who sees whom; the first ``n_causal`` cover all queries once, each stretch seeing
            itself causally; the others see all of their keys.
        n_causal: how many of the looks are causal.
        scale: of the scores; None: 1 / sqrt(D).

    Returns:
        [N, H, D] in the type of ``query``; computed in float32 where that is less.
    """
    q, k, v = (t if t.dtype == torch.float64 else t.float() for t in (query, key, value))
    n_kv = k.shape[1]
    found = _TreeAttention.apply(
        # One row for each head of keys, with the heads of queries that look at it.
        q.unflatten(1, (n_kv, -1)),  # [N, Hkv, G, D]
        k,
        v,
        tuple(looks),
        n_causal,
        scale,
    )
    assert isinstance(found, Tensor)
    return found.flatten(1, 2).to(query.dtype)


class _TreeAttention(torch.autograd.Function):
    """The sum over parts; queries are [N, Hkv, G, D], keys and values [T, Hkv, D]."""

    @staticmethod
    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        ctx: Any,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        looks: tuple[Look, ...],
        n_causal: int,
        scale: float | None,
    ) -> Tensor:
        output = torch.empty_like(query, memory_format=torch.contiguous_format)
        norms = query.new_empty(query.shape[:3])  # [N, Hkv, G], the logarithms
        for number, (first, end, low, high) in enumerate(looks):
            part, norm = _forward(
                _heads(query[first:end]),
                *_shared(key[low:high], value[low:high], query.shape[2]),
                0.0,
                number < n_causal,
                scale=scale,
            )
            part, norm = part.permute(2, 0, 1, 3), norm.permute(2, 0, 1)
            if number < n_causal:
                output[first:end], norms[first:end] = part, norm
                continue
            whole = torch.logaddexp(norms[first:end], norm)
            output[first:end].mul_((norms[first:end] - whole).exp_()[..., None])
            output[first:end].addcmul_(part, (norm - whole).exp_()[..., None])
            norms[first:end] = whole
        ctx.save_for_backward(query, key, value, output, norms)
        ctx.looks, ctx.n_causal, ctx.scale = looks, n_causal, scale
        return output

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        query, key, value, output, norms = ctx.saved_tensors
        gradient = gradients[0].contiguous()
        is_whole = sum(high - low for _, _, low, high in ctx.looks[: ctx.n_causal]) == len(key)
        found = [torch.empty_like(query, memory_format=torch.contiguous_format)]
        for given in (key, value):
            empty = torch.empty_like(given, memory_format=torch.contiguous_format)
            found.append(empty if is_whole else empty.zero_())
        for number, (first, end, low, high) in enumerate(ctx.looks):
            is_causal = number < ctx.n_causal
            of_query, of_key, of_value = _backward(
                _heads(gradient[first:end]),
                _heads(query[first:end]),
                *_shared(key[low:high], value[low:high], query.shape[2]),
                _heads(output[first:end]),
                norms[first:end].permute(1, 2, 0),
                0.0,
                is_causal,
                scale=ctx.scale,
            )
            parts = (
                (found[0][first:end], of_query.permute(2, 0, 1, 3)),
                (found[1][low:high], of_key.sum(1).transpose(0, 1)),
                (found[2][low:high], of_value.sum(1).transpose(0, 1)),
            )
            for whole, part in parts:
                whole.copy_(part) if is_causal else whole.add_(part)
        return (*found, None, None, None)


def _heads(queries: Tensor) -> Tensor:
    """[T, Hkv, G, D] as [Hkv, G, T, D]."""
    return queries.permute(1, 2, 0, 3)


def _shared(key: Tensor, value: Tensor, n_queries: int) -> list[Tensor]:
    """[T, Hkv, D] as [Hkv, G, T, D], nothing being copied."""
    return [t.transpose(0, 1)[:, None].expand(-1, n_queries, -1, -1) for t in (key, value)]
