"""Trace: a row of a dataset -> the paragraph that it was made of."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.core.errors import DataError
from tunesmith.data.files.located import shown
from tunesmith.pipelines.export_data import DOCUMENTS
from tunesmith.synthesize.catalog import Catalog, paragraph_of

AROUND = 400
"""Characters shown before and behind the evidence, within its paragraphs."""


@dataclass(frozen=True, slots=True)
class Traced:
    """Where a row comes from."""

    row: dict[str, Any]
    """As it stands in the file, without its provenance."""
    provenance: dict[str, Any]
    headings: tuple[str, ...]
    before: str
    evidence: str
    behind: str
    state: str
    """What became of the document since."""


def trace(place: str) -> Traced:
    """Finds the source of a row.

    Args:
        place: ``FILE:ROW``, with rows counted from 1.

    Raises:
        DataError: there is no such row, it was not made by a build, or the documents' catalog is
            not in a folder above the file.
    """
    path, row = _row(place)
    told = row.pop("provenance", None)
    if not isinstance(told, dict) or not {"document", "start", "end", "name"} <= set(told):
        raise DataError(
            f"{place}: tells no document that it comes from. Rows written by tunesmith data build "
            "do, under 'provenance'."
        )
    with Catalog(_catalog_above(path)) as catalog:
        document = catalog.document(told["document"])
        file = catalog.file(told["document"])
    text, start, end = document.text, told["start"], told["end"]
    first, last = paragraph_of(document, start), paragraph_of(document, max(start, end - 1))
    begins = max(first[1].start if first else start, start - AROUND)
    ends = min(last[1].end if last else end, end + AROUND)
    return Traced(
        row,
        told,
        first[1].headings if first else (),
        ("... " if first and begins > first[1].start else "") + text[begins:start],
        text[start:end],
        text[end:ends] + (" ..." if last and ends < last[1].end else ""),
        _state(file, told["document"]),
    )


def _row(place: str) -> tuple[Path, dict[str, Any]]:
    name, colon, number = place.rpartition(":")
    if not colon or not number.isdigit() or int(number) < 1:
        raise DataError(f"{place}: write FILE:ROW, with rows counted from 1.")
    path = Path(name)
    n = 0
    try:
        with path.open("rb") as file:
            for n, line in enumerate(file, 1):
                if n == int(number):
                    return path, json.loads(line)
    except OSError as error:
        raise DataError(f"{shown(path)}: cannot be read ({error.strerror}).") from None
    except ValueError as error:
        raise DataError(f"{place}: is no line of JSON ({error}).") from None
    raise DataError(f"{place}: the file has {n:,} rows.")


def _catalog_above(path: Path) -> Path:
    for folder in path.resolve().parents:
        if (folder / DOCUMENTS).is_file():
            return folder / DOCUMENTS
    raise DataError(
        f"{shown(path)}: no {DOCUMENTS} in any folder above it. Keep the file within the folder of "
        "its build."
    )


def _state(file: Path | None, sha256: str) -> str:
    """Whether the file is still what it was, at the place where the build found it last."""
    if file is None:
        return "where its file lay is not known"
    try:
        with file.open("rb") as opened:
            now = hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError:
        return f"the file is gone: {shown(file)}"
    is_same = now == sha256
    return f"the file {'is as it was' if is_same else 'has changed since'}: {shown(file)}"
