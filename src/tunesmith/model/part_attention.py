"""Part attention: what a token sees in several parts, put together by their log-sum-exps.

Keys of a prefix that many rows share are read once for all of them, and nothing is copied to stand
behind one another (as in FlashAttention's split keys, Dao et al. 2023, arXiv:2307.08691).
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

QUERIES_AT_ONCE = 256
"""Queries whose scores are there at once on a GPU: [Hkv, G, that, S] in float32; a long prompt in
one piece would take memory by the square of its tokens."""

_on_processor: Any = torch.ops.aten._scaled_dot_product_flash_attention_for_cpu


def part(
    query: Tensor, key: Tensor, value: Tensor, scale: float, *, causal: bool = False
) -> tuple[Tensor, Tensor]:
    """Attention of tokens to one part of what they see.

    Args:
        query: [T, Hkv, G, D]; G heads of queries look at one of keys.
        key: [Hkv, S, D].
        value: [Hkv, S, D].
        scale: of the scores.
        causal: whether the part is these tokens themselves, each seeing those up to itself.

    Returns:
        [T, Hkv, G, D], and the logarithms of what its weights were divided by, [T, Hkv, G] in
        float32 or wider.
    """
    q = query.permute(1, 2, 0, 3)  # [Hkv, G, T, D]
    if q.device.type != "cpu":
        return _plain(q, key, value, scale, causal)
    n_readers = query.shape[2]
    k, v = (t[:, None].expand(-1, n_readers, -1, -1) for t in (key, value))
    found, norms = _on_processor(q, k, v, 0.0, causal, scale=scale)
    return found.permute(2, 0, 1, 3), norms.permute(2, 0, 1)


def _plain(
    q: Tensor, key: Tensor, value: Tensor, scale: float, causal: bool
) -> tuple[Tensor, Tensor]:
    """The same by two products a block of queries; ``q`` is [Hkv, G, T, D]."""
    wide = torch.promote_types(q.dtype, torch.float32)
    found, norms = q.new_empty(q.shape), q.new_empty(q.shape[:3], dtype=wide)
    for first in range(0, q.shape[2], QUERIES_AT_ONCE):
        rows = slice(first, first + QUERIES_AT_ONCE)
        n_seen = min(rows.stop, key.shape[1]) if causal else key.shape[1]
        k, v = key[:, None, :n_seen], value[:, None, :n_seen]
        scores = torch.matmul(q[:, :, rows], k.transpose(2, 3)).to(norms.dtype) * scale
        if causal:
            later = torch.ones(scores.shape[-2:], dtype=torch.bool, device=q.device)
            scores.masked_fill_(later.triu_(1 + first), -torch.inf)
        norms[:, :, rows] = scores.logsumexp(-1)
        weights = scores.sub_(norms[:, :, rows, None]).exp_().to(value.dtype)
        found[:, :, rows] = torch.matmul(weights, v)
    return found.permute(2, 0, 1, 3), norms.permute(2, 0, 1)


def joined(one: tuple[Tensor, Tensor], other: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
    """Two parts of the same tokens as one; as :func:`part` gives them."""
    whole = torch.logaddexp(one[1], other[1])
    found = one[0] * (one[1] - whole).exp_()[..., None]
    found += other[0] * (other[1] - whole).exp_()[..., None]
    return found.to(one[0].dtype), whole


def slots(
    query: Tensor, key: Tensor, value: Tensor, unseen: Tensor, scale: float, *, wants_norms: bool
) -> tuple[Tensor, Tensor | None]:
    """Attention of one token in each slot to that slot's keys.

    Args:
        query: [B, Hkv, G, D].
        key: [B, Hkv, S, D], every number finite.
        value: [B, Hkv, S, D], likewise.
        unseen: [B * Hkv, 1, S], 0 where a slot has a key and minus infinity where not.
        scale: of the scores.
        wants_norms: whether the logarithms are wanted.

    Returns:
        As :func:`part`, with B in the place of T.
    """
    q, k, v = (t.flatten(0, 1) for t in (query, key, value))  # [B * Hkv, G or S, D]
    # On a processor two batched products take 0.6 of the time that torch's kernel does for one
    # query, in float32; of narrower numbers the scores need more digits than they have.
    if q.device.type == "cpu" and q.dtype not in (torch.float32, torch.float64):
        mask = unseen[:, None].to(q.dtype)
        found, norms = _on_processor(
            q[:, None], k[:, None], v[:, None], 0.0, False, attn_mask=mask, scale=scale
        )
        return found.view(query.shape), norms.view(query.shape[:3])
    wide = torch.promote_types(q.dtype, torch.float32)
    if q.dtype == wide:
        scores = torch.baddbmm(unseen, q, k.transpose(1, 2), alpha=scale)  # [B * Hkv, G, S]
    else:
        scores = torch.bmm(q, k.transpose(1, 2)).to(wide).mul_(scale).add_(unseen)
    norms = scores.logsumexp(-1).view(query.shape[:3]) if wants_norms else None
    weights = scores.softmax(-1).to(v.dtype)
    return torch.bmm(weights, v).view(query.shape), norms
