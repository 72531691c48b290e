"""Outputs: accepted rows -> a folder of datasets, one for each kind of example."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tunesmith.core.examples import (
    Conversation,
    Document,
    Example,
    Labelled,
    Preference,
    SpanQuestion,
)
from tunesmith.data.files.write import write_records
from tunesmith.data.format import Format
from tunesmith.data.formats.labels import Labels
from tunesmith.data.formats.preference import PreferencePairs
from tunesmith.data.formats.squad import Squad
from tunesmith.data.formats.text import PlainText
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.row import Row

INSTRUCTIONS = "instructions"
FOLDERS: Mapping[type[Example], str] = {
    Conversation: INSTRUCTIONS,
    SpanQuestion: "questions",
    Labelled: "labels",
    Preference: "preferences",
    Document: "text",
}
"""Where the examples of a type are written."""
SPLITS = ("train", "eval")
KNOWN_WEIGHT = 0.3
"""Of the loss of an answer that the model to be tuned gives already; of others it is 1."""


def formats(instructions: Format) -> dict[str, Format]:
    """Folder -> how its examples are written."""
    return {
        INSTRUCTIONS: instructions,
        "questions": Squad(),
        "labels": Labels(),
        "preferences": PreferencePairs(),
        "text": PlainText(),
    }


def write_dataset(
    rows: Callable[[], Iterable[Row]],
    kinds: Mapping[str, Kind],
    catalog: Catalog,
    folder: Path,
    instructions: Format,
) -> Counter[tuple[str, str]]:
    """Writes accepted rows as ``FOLDER/instructions/train.jsonl`` and so on.

    The same rows give the same bytes. A file that would be empty is not written, and one of an
    earlier writing is taken away.

    Args:
        rows: gives all rows in order, as often as it is called; others than accepted ones are
            passed over.
        kinds: of the rows, by name.
        catalog: with their documents.
        folder: to write into.
        instructions: format of conversations.

    Returns:
        Rows by folder and split.

    Raises:
        DataError: a file cannot be written.
    """
    counts: Counter[tuple[str, str]] = Counter()
    for name, form in formats(instructions).items():
        for split in SPLITS:
            path = folder / name / f"{split}.jsonl"
            records = _records(rows(), kinds, catalog, name, split, form)
            first = next(records, None)
            if first is None:
                path.unlink(missing_ok=True)
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            counts[name, split] = write_records(path, _behind(first, records))
        if (folder / name).is_dir() and not any((folder / name).iterdir()):
            (folder / name).rmdir()
    return counts


def folder_of(kind: Kind) -> str:
    """Where the rows of a kind are written."""
    return FOLDERS[kind.makes]


def _records(
    rows: Iterable[Row],
    kinds: Mapping[str, Kind],
    catalog: Catalog,
    name: str,
    split: str,
    form: Format,
) -> Iterator[dict[str, Any]]:
    for row in rows:
        kind = kinds[row.draft.kind]
        if row.fate != "accepted" or row.split != split or folder_of(kind) != name:
            continue
        passage = catalog.passage(row.provenance.document, row.provenance.chunk)
        spans = row.provenance.spans
        span = (spans[0][0] - passage.start, spans[0][1] - passage.start) if spans else None
        example = _weighted(kind.example(row.draft, passage, span), row)
        record = form.record(example)
        yield {**record, "id": row.id, "provenance": told(row, catalog)}


def _weighted(example: Example, row: Row) -> Example:
    """Lets an answer count less that the model to be tuned gives already."""
    if row.provenance.closed_book != "known" or not isinstance(example, Conversation):
        return example
    *before, last = example.messages
    return replace(example, messages=(*before, replace(last, weight=KNOWN_WEIGHT)))


def told(row: Row, catalog: Catalog) -> dict[str, Any]:
    """What a written row says of where it comes from."""
    spans = row.provenance.spans
    text = catalog.text(row.provenance.document) if spans else ""
    evidence = [text[start:end] for start, end in spans]
    return {
        "kind": row.draft.kind,
        "style": row.draft.style,
        "language": row.language,
        "evidence": evidence,
        **asdict(row.provenance),
    }


def _behind(first: dict[str, Any], others: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    yield first
    yield from others
