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
    return any(one.get("rope_type", "default") in LENGTHENING for one in _ropes(config))


def lengthens_beyond(config: Any) -> int | None:
    """Tokens of a row beyond which it is computed otherwise, and what stands beside it too.

    Args:
        config: of a transformers model.

    Returns:
        None where no row is computed otherwise, however long it is.
    """
    found = [_first_length(config, rope) for rope in _ropes(config)]
    return min((length for length in found if length is not None), default=None)


def _ropes(config: Any) -> list[Any]:
    rope = getattr(config, "rope_parameters", None) or {}
    return [rope, *(one for one in rope.values() if isinstance(one, dict))]  # or by kind of layer


def _first_length(config: Any, rope: Any) -> int | None:
    kind = rope.get("rope_type", "default")
    if kind not in LENGTHENING:
        return None
    if kind == "longrope" and "original_max_position_embeddings" in rope:
        return int(rope["original_max_position_embeddings"])
    return int(config.max_position_embeddings)


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
