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
from tunesmith.synthesize.documents.find import FoundFile, find_documents
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
    out: Path | None = None,
) -> Ingested:
    """Reads what was not read before, and parts all documents into training and evaluation.

    Every document is kept as soon as it was read. Which are there, and on which side, changes at
    the end, all at once.

    Args:
        sources: files and folders.
        catalog: takes the documents; what it held before and is not found now is set aside.
        budget: of a chunk.
        limits: of reading one document.
        eval_fraction: of all characters, for evaluation.
        seed: which documents those are.
        keep_sides: documents that were on a side stay there.
        n_processes: that read at the same time.
        out: folder that is written to; where it lies in a source, it is passed over.

    Raises:
        DataError: something named is not there.
        MissingExtraError: a library is not installed.
        RunError: the catalog cannot be written; what is there in it is as it was.
    """
    found = find_documents(sources, out=out)
    reading = f"{__version__}, {budget.limit} {budget.unit}"
    outcomes = _read(found.files, catalog, budget, reading, limits, n_processes)
    told = Ingested(len(found.files), notices=found.notices)
    with catalog.reading():
        names: dict[str, str] = {}
        for place, file in enumerate(found.files):
            sha256, reason = outcomes[file.path]
            if not reason and sha256 in names:
                reason = f"has the same bytes as {names[sha256]}."
            if reason:
                told.skipped.append({"name": file.name, "reason": reason})
                continue
            names[sha256] = file.name
            path = file.path.absolute()
            catalog.found(sha256, reading, name=file.name, place=place, file=path)
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


def _read(
    files: Sequence[FoundFile],
    catalog: Catalog,
    budget: Budget,
    reading: str,
    limits: Limits,
    n_processes: int,
) -> dict[Path, tuple[str, str]]:
    """Reads what is not known; gives the hash of every file and why it is skipped, by its path."""
    outcomes: dict[Path, tuple[str, str]] = {}
    hashes: dict[Path, str | None] = {}

    def unread() -> Iterator[tuple[Path, str]]:
        for file in files:
            sha256 = hashes[file.path] = _hash(file.path)
            refusal = sha256 and catalog.refusal(sha256, _trial(file.path, limits))
            if sha256 is None or not (refusal or catalog.known(sha256, reading)):
                yield file.path, file.name
            else:
                outcomes[file.path] = (sha256, refusal or "")

    with closing(read_documents(unread(), limits, n_processes=n_processes)) as results:
        for result in results:
            document, path = result.document, result.path
            if document is not None:
                catalog.take_in(document, chunks(document, budget), reading=reading)
                outcomes[path] = (document.sha256, "")
                continue
            outcomes[path] = ("", result.reason)
            sha256 = _hash(path)
            if not result.is_passing and sha256 and sha256 == hashes[path]:  # not changed meanwhile
                catalog.note_refusal(sha256, _trial(path, limits), result.reason)
    return outcomes


def _trial(path: Path, limits: Limits) -> str:
    """What, beside its bytes, decides whether a file is refused."""
    return f"{__version__}, {path.suffix.lower()}, {limits.model_dump_json()}"


def _hash(path: Path) -> str | None:
    """SHA-256 of a file; None where the reader is to say what is wrong with it."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
