"""Lengthening: rotary embeddings whose angles depend on how long the rows of a batch are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

LENGTHENING = ("dynamic", "longrope")
"""Kinds of them; transformers takes one set of angles for all rows, that of the longest."""


def is_lengthening(config: Any) -> bool:
    """Whether a row is computed otherwise beside a longer one than alone.

    Args:
        config: of a transformers model.
    """
    return any(_kind(one) in LENGTHENING for one in _ropes(config))


def lengthens_beyond(config: Any) -> int | None:
    """Tokens of a row beyond which it is computed otherwise, and what stands beside it too.

    Args:
        config: of a transformers model, or what its ``config.json`` holds; needs no torch.

    Returns:
        None where no row is computed otherwise, however long it is.
    """
    found = [_first_length(config, rope) for rope in _ropes(config)]
    return min((length for length in found if length is not None), default=None)


def _ropes(config: Any) -> list[Any]:
    if isinstance(config, Mapping):
        rope = config.get("rope_parameters") or config.get("rope_scaling") or {}
    else:
        rope = getattr(config, "rope_parameters", None) or {}
    return [rope, *(one for one in rope.values() if isinstance(one, dict))]  # or by kind of layer


def _kind(rope: Any) -> str:
    return rope.get("rope_type") or rope.get("type") or "default"  # the latter in older files


def _first_length(config: Any, rope: Any) -> int | None:
    if _kind(rope) not in LENGTHENING:
        return None
    if _kind(rope) == "longrope" and "original_max_position_embeddings" in rope:
        return int(rope["original_max_position_embeddings"])
    if isinstance(config, Mapping):
        return int(config["max_position_embeddings"])
    return int(config.max_position_embeddings)


def forget_lengths(model: Any) -> None:
    """Takes a model's angles back to those of short rows; those of a long row stay otherwise.

    Args:
        model: a transformers model, or anything: what has no such angles is left alone.
    """
    if not is_lengthening(model.config):
        return
    import torch

    rotary = getattr(model.base_model, "rotary_emb", None)
    if rotary is None:
        return
    device = next(model.parameters()).device
    first = torch.zeros(1, 1, dtype=torch.int64, device=device)
    kinds = getattr(rotary, "rope_type", None)
    for kind in kinds if isinstance(kinds, dict) else [None]:
        by_kind = {} if kind is None else {"layer_type": kind}
        rotary(torch.empty(0, device=device), first, **by_kind)
