"""Code hash: what tells whether our own code that made something is still the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parent.parent


def code_hash(places: Iterable[str]) -> str:
    """A hash of modules and rooms of this package, by their place in it, as ``tasks/store.py``."""
    return _code_hash(tuple(places))


@cache
def _code_hash(places: tuple[str, ...]) -> str:
    digest = hashlib.sha256()
    for name in places:
        place = ROOT / name
        for file in [place] if place.is_file() else sorted(place.rglob("*.py")):
            digest.update(file.read_bytes())
    return digest.hexdigest()
