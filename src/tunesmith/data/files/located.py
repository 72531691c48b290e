"""What reading a container gives: records with their place, and notices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tunesmith.core.errors import DataError

LARGEST_RECORD = 2**28
"""Bytes of the largest record that is held in memory: 256 MiB."""

Located = tuple[str, dict[str, Any]]
"""A record and its origin, ``file:line``."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something worth telling about a file whose records are all there."""

    text: str
    """Starts with the file's name."""


Item = Located | DataError | Notice
"""One record, the reason why one cannot be used, or something worth telling."""


def shown(name: object) -> str:
    r"""A name as it can be written anywhere: a byte that is not UTF-8 stands as ``\xff``."""
    return str(name).encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def listing(names: list[str], shown: int = 5) -> str:
    """The first few of some names: ``a.png, b.png and 3 more``."""
    more = len(names) - shown
    return ", ".join(names[:shown]) + (f" and {more} more" if more > 0 else "")
