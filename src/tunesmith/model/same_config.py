"""Same config: whether two configurations make the same of the same weights, and what differs."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any, cast

from tunesmith.model.source import WITHOUT_EFFECT

ONLY_IN_TRAINING = (
    "pad_token_id", "architectures", "initializer_range", "output_attentions",
    "output_hidden_states", "return_dict",
)  # fmt: skip
"""Further keys that change no state of weights that are there, though perhaps how weights start or
train: padding gets no gradient, and what is fresh has a width."""


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """What two configurations say differently of the states of one set of weights.

    Both are read by the installed transformers, which knows how older and newer versions write the
    same thing, as ``rope_theta`` and ``rope_parameters``, and each key's default.

    Args:
        before: a ``config.json``.
        now: another.

    Returns:
        A line for each key, as ``key: before -> now``; none where they say the same.
    """
    first, second = _read(before), _read(now)
    if first is None or second is None:
        first, second = dict(before), dict(now)
    skipped = {*WITHOUT_EFFECT, *ONLY_IN_TRAINING}
    return [
        line
        for key in sorted({*first, *second} - skipped)
        for line in _lines(first.get(key), second.get(key), key)
    ]


def _read(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """A configuration with every default, in the newest form; None: transformers cannot say."""
    from transformers import CONFIG_MAPPING

    try:
        # A copy: what is read is written into, where it is nested.
        known: Any = CONFIG_MAPPING[str(config["model_type"])]
        return dict(known.from_dict(deepcopy(dict(config))).to_dict())
    except Exception:  # each kind of model has checks of its own
        return None


def _lines(before: Any, now: Any, at: str) -> list[str]:
    if isinstance(before, dict) and isinstance(now, dict):
        a, b = cast("dict[str, Any]", before), cast("dict[str, Any]", now)
        keys = sorted({*a, *b}, key=str)
        return [line for key in keys for line in _lines(a.get(key), b.get(key), f"{at}.{key}")]
    return [] if before == now else [f"{at}: {before} -> {now}"]
