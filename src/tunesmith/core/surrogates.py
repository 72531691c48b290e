"""Surrogates: halves of a character, which no file, database or request can hold as UTF-8."""

from __future__ import annotations

import re
from typing import Any, TypeVar, cast

T = TypeVar("T")
HALF = re.compile(r"[\ud800-\udfff]")


def mended(value: T) -> T:
    """A value with all its texts such as UTF-8 can hold.

    Two halves that belong together become their character, as where a stream was cut between them;
    a lone one becomes U+FFFD.

    Args:
        value: a text, or what JSON makes of one; other values come back as they are.
    """
    return _mended(value)


def _mended(value: Any) -> Any:
    if isinstance(value, str):
        if HALF.search(value) is None:
            return value
        return value.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    if isinstance(value, list):
        return [_mended(one) for one in cast("list[Any]", value)]
    if isinstance(value, dict):
        return {_mended(key): _mended(one) for key, one in cast("dict[Any, Any]", value).items()}
    return value
