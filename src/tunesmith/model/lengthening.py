"""Lengthening: rotary embeddings whose angles depend on how long the rows of a batch are."""

from __future__ import annotations

from typing import Any

import torch

LENGTHENING = ("dynamic", "longrope")
"""Kinds of them; transformers takes one set of angles for all rows, that of the longest."""


def is_lengthening(config: Any) -> bool:
    """Whether a row is computed otherwise beside a longer one than alone.

    Args:
        config: of a transformers model.
    """
    rope = getattr(config, "rope_parameters", None) or {}
    kinds = [rope, *(one for one in rope.values() if isinstance(one, dict))]  # or by kind of layer
    return any(one.get("rope_type", "default") in LENGTHENING for one in kinds)


def forget_lengths(model: Any) -> None:
    """Takes a model's angles back to those of short rows; those of a long row stay otherwise.

    Args:
        model: a transformers model, or anything: what has no such angles is left alone.
    """
    if not is_lengthening(model.config):
        return
    rotary = getattr(model.base_model, "rotary_emb", None)
    if rotary is None:
        return
    device = next(model.parameters()).device
    first = torch.zeros(1, 1, dtype=torch.int64, device=device)
    kinds = getattr(rotary, "rope_type", None)
    for kind in kinds if isinstance(kinds, dict) else [None]:
        by_kind = {} if kind is None else {"layer_type": kind}
        rotary(torch.empty(0, device=device), first, **by_kind)
