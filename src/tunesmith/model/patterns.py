"""Patterns: a value for some of a model's layers, by name; no torch here."""

from __future__ import annotations

import re
from collections.abc import Mapping


def pattern_value(patterns: Mapping[str, float], name: str, default: float) -> float:
    """The value of the first pattern that fits the end of a name, after a dot; as PEFT reads it."""
    for pattern, value in patterns.items():
        if re.match(rf"(.*\.)?({pattern})$", name):
            return value
    return default
