"""Reading bytes here, and putting them where the reading process finds them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.parse import parse

Read = Callable[[bytes, str], ParsedDocument]


@pytest.fixture
def read() -> Read:
    """Reads bytes here, in this process."""

    def parsed(data: bytes, name: str = "it") -> ParsedDocument:
        return parse(name, data, Limits())

    return parsed


@pytest.fixture
def save(tmp_path: Path) -> Callable[[str, bytes], tuple[Path, str]]:
    """Writes a file and gives what the pool takes."""

    def written(name: str, data: bytes) -> tuple[Path, str]:
        path = tmp_path / name
        path.write_bytes(data)
        return path, name

    return written
