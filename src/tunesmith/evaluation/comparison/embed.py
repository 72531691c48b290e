"""Embed: data and scripts inside a page, where nothing that a model wrote can end or start one."""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
from typing import Any

MEANT = re.compile("[<>&\u2028\u2029\u200e\u200f\u061c\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
"""What HTML or JavaScript would take for something else than text, what turns the direction of
the page's own source, and what UTF-8 cannot write."""


def embedded(value: Any) -> str:
    """JSON that can stand inside a script element; what is not finite becomes null."""
    text = json.dumps(_finite(value), ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return MEANT.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def script_policy(script: str) -> str:
    """The source of a content security policy that allows this script and no other."""
    digest = hashlib.sha256(script.encode()).digest()
    return f"'sha256-{base64.b64encode(digest).decode()}'"


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in value]
    return value
