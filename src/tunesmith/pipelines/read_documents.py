"""Read documents: files -> blocks -> chunks, each file read or skipped with its reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from tunesmith.core.errors import DataError
from tunesmith.data.files.located import shown
from tunesmith.synthesize.budget import Budget, in_tokens
from tunesmith.synthesize.chunks import Chunk, chunks
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.documents.find import FoundFile, find_documents
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.pool import read_documents as read_all
from tunesmith.synthesize.split import DocumentSplit, SplitPlan

PROCESSES = 2


@dataclass
class Tally:
    """What became of the files."""

    documents: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    skipped: list[dict[str, str]] = field(default_factory=list[dict[str, str]])
    places: dict[str, str] = field(default_factory=dict[str, str])
    """Hash of each document that was read -> its place as it was typed."""


def read_documents(
    sources: Sequence[str],
    *,
    budget: Budget | None = None,
    limits: Limits | None = None,
    eval_fraction: float = 0.0,
    seed: int = 0,
    out: Path | None = None,
    force: bool = False,
    n_processes: int = PROCESSES,
) -> dict[str, Any]:
    """Reads documents and parts them into chunks.

    Args:
        sources: files and folders.
        budget: of a chunk; None: 2,000 characters.
        limits: what reading one document may cost; None: the usual ones.
        eval_fraction: of all characters, kept apart for evaluation, by whole documents.
        seed: which documents those are.
        out: file for the chunks, one JSON object per line; None: none is written.
        force: overwrite it.
        n_processes: that read at the same time.

    Returns:
        ``found`` = ``read`` + ``skipped_files``; ``documents`` (``name``, ``kind``, ``sha256``,
        ``pages``, ``blocks``, ``characters``, ``chunks``, ``junk`` by reason, ``left_out``,
        ``notes``, ``split``), ``skipped`` (``name`` as it was typed, ``reason``), ``chunks``,
        ``junk_chunks``,
        ``split`` (None without an ``eval_fraction``), ``notices`` and ``out``.

    Raises:
        DataError: something named is not there, or ``out`` cannot be written.
        MissingExtraError: a library is not installed.
    """
    found = find_documents(sources, out=out)
    if out is not None:
        _require_free(out, force=force)
    tally, split = Tally(), DocumentSplit()
    draft = out.with_name(f".part-{out.name}") if out is not None else None
    try:
        with closing(
            _read(found.files, limits or Limits(), budget, tally, split, n_processes)
        ) as lines:
            _write(draft, lines)
        plan = split.plan(eval_fraction, seed=seed) if eval_fraction else None
        if plan is not None:
            _tell_splits(tally, plan)
        if out is not None and draft is not None:
            _finish(draft, out, plan)
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)
    junk = Counter[str]()
    for entry in tally.documents:
        junk.update(entry["junk"])
    return {
        "found": len(found.files),
        "read": len(tally.documents),
        "skipped_files": len(tally.skipped),
        "documents": tally.documents,
        "skipped": tally.skipped,
        "chunks": sum(entry["chunks"] for entry in tally.documents),
        "junk_chunks": dict(junk),
        "split": _split_told(tally, plan),
        "notices": found.notices,
        "out": shown(out) if out is not None else None,
    }


def show_document(source: str, *, limits: Limits | None = None) -> dict[str, Any]:
    """Reads one document and gives all its blocks.

    Returns:
        The document's fields, and ``blocks``, each with its ``text`` too.

    Raises:
        DataError: there is no such file, or it cannot be read.
    """
    files = find_documents([source]).files
    if len(files) != 1:
        raise DataError(f"{source}: {len(files)} documents. Name one to be shown.")
    [file] = files
    (result,) = read_all([(file.path, file.name)], limits or Limits(), n_processes=1)
    if result.document is None:
        raise DataError(f"{file.typed}: {result.reason}")
    document = result.document
    fields = document.as_dict()
    for block, told in zip(document.blocks, fields["blocks"], strict=True):
        told["text"] = document.text_of(block)
    return fields


def tokens_budget(folder: str, limit: int) -> Budget:
    """A budget in tokens of a model's tokenizer.

    Raises:
        ModelError: there is no tokenizer in the folder.
    """
    from tunesmith.templates.tokenizer import Tokenizer

    tokenizer = Tokenizer.from_folder(Path(folder).expanduser())
    return in_tokens(limit, lambda text: len(tokenizer.encode(text)))


def _read(
    files: Sequence[FoundFile],
    limits: Limits,
    budget: Budget | None,
    tally: Tally,
    split: DocumentSplit,
    n_processes: int,
) -> Generator[dict[str, Any]]:
    """Every chunk of every document, ready to be written; what is skipped is counted."""
    typed = {file.path: file.typed for file in files}
    to_read = ((file.path, file.name) for file in files)
    with closing(read_all(to_read, limits, n_processes=n_processes)) as results:
        for result in results:
            document = result.document
            if document is None:
                tally.skipped.append({"name": typed[result.path], "reason": result.reason})
                continue
            if (twin := tally.places.get(document.sha256)) is not None:
                reason = f"has the same bytes as {twin}."
                tally.skipped.append({"name": typed[result.path], "reason": reason})
                continue
            tally.places[document.sha256] = typed[result.path]
            parts = chunks(document, budget)
            split.add(document, parts)
            tally.documents.append(describe(document, parts))
            for number, chunk in enumerate(parts):
                yield _record(document, number, chunk)


def _record(document: ParsedDocument, number: int, chunk: Chunk) -> dict[str, Any]:
    """A chunk as it is written."""
    return {
        "name": document.name,
        "kind": document.kind,
        "number": number,
        **chunk.as_dict(),
        "text": chunk.text_in(document),
    }


def _require_free(out: Path, *, force: bool) -> None:
    name = shown(out)
    if out.suffix != ".jsonl":
        raise DataError(
            f"{name}: chunks are written as JSON lines. Name a file that ends in .jsonl."
        )
    if not out.parent.is_dir():
        raise DataError(f"{name}: the folder {shown(out.parent)} does not exist. Make it first.")
    if out.exists() and not force:
        raise DataError(f"{name}: is there already. Choose another name, or overwrite: --force.")


def describe(document: ParsedDocument, parts: Sequence[Chunk]) -> dict[str, Any]:
    """A document and its chunks in figures."""
    return {
        "name": document.name,
        "kind": document.kind,
        "sha256": document.sha256,
        "pages": document.n_pages,
        "blocks": len(document.blocks),
        "characters": len(document.text),
        "chunks": len(parts),
        "junk": dict(Counter(chunk.junk for chunk in parts if chunk.junk)),
        "left_out": document.left_out,
        "notes": [*document.notes],
        "split": "train",
    }


def _write(draft: Path | None, lines: Iterable[dict[str, Any]]) -> None:
    if draft is None:
        for _ in lines:
            pass
        return
    with draft.open("wb") as file:
        for line in lines:
            file.write(orjson.dumps(line, option=orjson.OPT_APPEND_NEWLINE))


def _finish(draft: Path, out: Path, plan: SplitPlan | None) -> None:
    """Puts the split into every line and gives the file its name."""
    if plan is None:
        draft.replace(out)
        return
    whole = draft.with_name(f"{draft.name}.split")
    try:
        with draft.open("rb") as source, whole.open("wb") as target:
            for line in source:
                record = orjson.loads(line)
                record["split"] = plan.split_of(record["document"], record["number"])
                target.write(orjson.dumps(record, option=orjson.OPT_APPEND_NEWLINE))
        whole.replace(out)
    finally:
        whole.unlink(missing_ok=True)


def _tell_splits(tally: Tally, plan: SplitPlan) -> None:
    for entry in tally.documents:
        entry["split"] = "eval" if entry["sha256"] in plan.evaluation else "train"


def _split_told(tally: Tally, plan: SplitPlan | None) -> dict[str, Any] | None:
    if plan is None:
        return None
    sides = Counter(entry["split"] for entry in tally.documents)
    return {
        "train_documents": sides["train"],
        "eval_documents": sides["eval"],
        "groups": plan.n_groups,
        "eval_chunks_also_in_train": sum(map(len, plan.shared.values())),
    }
