"""Outputs: accepted rows -> a folder of datasets, one for each kind of example."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, BinaryIO, cast

from tunesmith.core.errors import DataError
from tunesmith.core.examples import (
    Conversation,
    Document,
    Example,
    Labelled,
    Preference,
    SpanQuestion,
)
from tunesmith.data.format import Format
from tunesmith.data.formats.labels import Labels
from tunesmith.data.formats.preference import PreferencePairs
from tunesmith.data.formats.squad import Squad
from tunesmith.data.formats.text import PlainText
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.draft_pairs import DraftPair
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.passage import Passage
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


class DatasetWriter:
    """Writes accepted rows as ``FOLDER/instructions/train.jsonl`` and so on, as they come.

    The same rows give the same bytes. A file is made with its first row.

    Attributes:
        counts: rows by folder and split.
    """

    def __init__(
        self,
        folder: Path,
        kinds: Mapping[str, Kind],
        catalog: Catalog,
        instructions: Format,
        copies: Mapping[str, tuple[str, Format]],
    ) -> None:
        """Begins.

        Args:
            folder: to write into; holds nothing yet.
            kinds: of the rows, by name.
            catalog: with their documents.
            instructions: format of conversations.
            copies: folder -> another folder in which its rows stand in another layout too, as
                ``SPLIT.jsonl`` behind the name of the first and an underscore.
        """
        self._folder, self._kinds, self._catalog = folder, kinds, catalog
        self._formats, self._copies = formats(instructions), copies
        self._files: dict[Path, BinaryIO] = {}
        self._counts: Counter[tuple[str, str]] = Counter()

    def __enter__(self) -> DatasetWriter:
        return self

    def __exit__(self, *error: object) -> None:
        with ExitStack() as stack:
            for file in self._files.values():
                stack.callback(file.close)

    def close(self) -> None:
        """Makes all files lie on the disk.

        Raises:
            DataError: the disk is full.
        """
        for path, file in self._files.items():
            try:
                file.flush()
                os.fsync(file.fileno())
                file.close()
            except OSError as error:
                raise DataError(f"{path}: cannot be written ({error.strerror}).") from None

    @property
    def counts(self) -> dict[tuple[str, str], int]:
        """In the order of folders and splits, and of what there is."""
        order = [(name, split) for name in self._formats for split in SPLITS]
        return {key: self._counts[key] for key in order if self._counts[key]}

    def add(self, row: Row, passage: Passage) -> None:
        """Writes a row.

        Args:
            row: accepted.
            passage: that it was made of.

        Raises:
            DataError: it cannot be written.
        """
        kind = self._kinds[row.draft.kind]
        example = _weighted(kind.example(row.draft, passage, span_in(row, passage)), row)
        provenance = told(row, self._catalog)
        if isinstance(example, Preference):
            provenance |= _drafts_of(None)
        self._write(folder_of(kind), row.split, example, row.id, provenance)

    def add_pair(self, pair: DraftPair, passage: Passage) -> None:
        """Writes an accepted answer and one that failed as a preference."""
        row = pair.chosen
        chosen = self._kinds[row.draft.kind].example(row.draft, passage, span_in(row, passage))
        example = pair.example(cast("Conversation", chosen))
        provenance = told(row, self._catalog) | _drafts_of(pair)
        self._write(FOLDERS[Preference], row.split, example, pair.id, provenance)

    def _write(
        self, name: str, split: str, example: Example, id: str, provenance: dict[str, Any]
    ) -> None:
        self._counts[name, split] += 1
        record = {**self._formats[name].record(example), "id": id, "provenance": provenance}
        self._put(self._folder / name / f"{split}.jsonl", record)
        if name in self._copies:
            where, form = self._copies[name]
            path = self._folder / where / f"{name}_{split}.jsonl"
            self._put(path, {**form.record(example), "id": id})

    def _put(self, path: Path, record: Mapping[str, Any]) -> None:
        try:
            line = json.dumps(record, ensure_ascii=False, allow_nan=False).encode()
        except ValueError as error:
            raise DataError(f"{path}: row {record['id']} cannot be written ({error}).") from None
        try:
            if path not in self._files:
                path.parent.mkdir(exist_ok=True)
                self._files[path] = path.open("wb")
            self._files[path].write(line + b"\n")
        except OSError as error:
            raise DataError(f"{path}: cannot be written ({error.strerror}).") from None


def folder_of(kind: Kind) -> str:
    """Where the rows of a kind are written."""
    return FOLDERS[kind.makes]


def span_in(row: Row, passage: Passage) -> tuple[int, int] | None:
    """Where the first evidence of a row stands in its passage."""
    spans = row.provenance.spans
    return (spans[0][0] - passage.start, spans[0][1] - passage.start) if spans else None


def _weighted(example: Example, row: Row) -> Example:
    """Lets an answer count less that the model to be tuned gives already."""
    if row.provenance.closed_book != "known" or not isinstance(example, Conversation):
        return example
    *before, last = example.messages
    return replace(example, messages=(*before, replace(last, weight=KNOWN_WEIGHT)))


def _drafts_of(pair: DraftPair | None) -> dict[str, str]:
    """The rows that a preference was made of; all preferences have the same fields."""
    names = ("chosen_row", "rejected_row", "rejected_because", "rejected_request")
    if pair is None:
        return dict.fromkeys(names, "")
    worse = pair.rejected
    values = (pair.chosen.id, worse.id, worse.reason, worse.provenance.request)
    return dict(zip(names, values, strict=True))


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
