"""Ingest: documents -> a catalog of passages, each document on its side."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tunesmith import __version__
from tunesmith.pipelines.read_documents import describe
from tunesmith.synthesize.budget import Budget
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.chunks import chunks
from tunesmith.synthesize.documents.find import find_documents
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.pool import read_documents
from tunesmith.synthesize.split import DocumentSplit


@dataclass
class Ingested:
    """What became of the files."""

    n_found: int
    documents: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """``name``, ``kind``, ``sha256``, ``pages``, ``blocks``, ``characters``, ``chunks``, ``junk``
    by reason, ``left_out``, ``notes``, ``split`` of each, in order."""
    skipped: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    """``name`` and ``reason``; found = documents + skipped."""
    notices: list[str] = field(default_factory=list[str])
    n_shared: int = 0
    """Passages of evaluation that stand in training too, and are left out."""


def ingest(
    sources: Sequence[str],
    catalog: Catalog,
    *,
    budget: Budget,
    limits: Limits,
    eval_fraction: float,
    seed: int,
    keep_sides: bool,
    n_processes: int,
) -> Ingested:
    """Reads what was not read before, and parts all documents into training and evaluation.

    Args:
        sources: files and folders.
        catalog: takes the documents; what it held before and is not found now is set aside.
        budget: of a chunk.
        limits: of reading one document.
        eval_fraction: of all characters, for evaluation.
        seed: which documents those are.
        keep_sides: documents that were on a side stay there.
        n_processes: that read at the same time.

    Raises:
        DataError: something named is not there.
        MissingExtraError: a library is not installed.
        RunError: the catalog cannot be written; it is as it was.
    """
    found = find_documents(sources)
    reading = f"{__version__}, {budget.limit} {budget.unit}"
    told = Ingested(len(found.files), notices=found.notices)
    with catalog.reading():
        places = {path: place for place, (path, _) in enumerate(found.files)}
        unread = _unread(found.files, catalog, reading, told)
        with closing(read_documents(unread, limits, n_processes=n_processes)) as results:
            for result in results:
                document = result.document
                if document is None:
                    told.skipped.append({"name": result.name, "reason": result.reason})
                elif (twin := catalog.name_of(document.sha256)) is not None:
                    told.skipped.append(_twin(result.name, twin))
                else:
                    parts = chunks(document, budget)
                    place = places[result.path]
                    catalog.add(document, parts, reading=reading, place=place)
        kept = catalog.sides() if keep_sides else {}
        split = DocumentSplit()
        for document in catalog.documents():
            parts = catalog.chunks(document.sha256)
            split.add(document, parts)
            told.documents.append(describe(document, parts))
        plan = split.plan(eval_fraction, seed=seed, kept=kept)
        catalog.put_on_sides(plan)
    for entry in told.documents:
        entry["split"] = "eval" if entry["sha256"] in plan.evaluation else "train"
    told.n_shared = sum(map(len, plan.shared.values()))
    return told


def _unread(
    files: Sequence[tuple[Path, str]], catalog: Catalog, reading: str, told: Ingested
) -> Iterator[tuple[Path, str]]:
    """Files that have to be read; those whose bytes are known are only noted."""
    for place, (path, name) in enumerate(files):
        sha256 = _hash(path)
        if sha256 is None or not catalog.known(sha256, reading):
            yield path, name
        elif (twin := catalog.name_of(sha256)) is not None:
            told.skipped.append(_twin(name, twin))
        else:
            catalog.found_again(sha256, name, place)


def _hash(path: Path) -> str | None:
    """SHA-256 of a file; None where the reader is to say what is wrong with it."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def _twin(name: str, twin: str) -> dict[str, str]:
    return {"name": name, "reason": f"has the same bytes as {twin}."}
