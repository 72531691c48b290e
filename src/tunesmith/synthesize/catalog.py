"""Catalog: the documents of a dataset and their passages, on disk, so that memory stays flat.

A document is known by the hash of its file. What was read of it is on the disk at once, so that a
reading that breaks off is not lost; what of it is there is settled at the end, all at once.
Documents that are no longer there are kept, so that a row can always be traced; what is made now is
made of those that the last reading found.
"""

from __future__ import annotations

import json
import os
from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tunesmith.checks.languages import language_of
from tunesmith.core.errors import DataError
from tunesmith.synthesize.catalogued import (
    LOOKED_AT,
    TABLES,
    VERSION,
    chunk_of,
    language_in,
    passage_of,
)
from tunesmith.synthesize.chunks import Chunk
from tunesmith.synthesize.database import Database, as_json
from tunesmith.synthesize.documents.block import Block, ParsedDocument
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.split import SplitPlan


class Catalog:
    """Documents in the order in which they were found."""

    def __init__(self, path: Path) -> None:
        """Opens a catalog, or makes it.

        Raises:
            RunError: it cannot be opened, or was made by another version.
        """
        self.path = path
        self._last: tuple[int, ParsedDocument] | None = None
        # What a power cut takes can be read again, and files are many.
        self._base = Database(
            path, "catalog", TABLES, version=VERSION, oldest=2, synchronous="NORMAL"
        )

    def close(self) -> None:
        """Closes the file."""
        self._base.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def known(self, sha256: str, reading: str) -> bool:
        """Whether a file was read before in the same way."""
        query = "SELECT 1 FROM documents WHERE sha256 = ? AND reading = ?"
        return self._base.one(query, (sha256, reading)) is not None

    def take_in(self, document: ParsedDocument, chunks: Sequence[Chunk], *, reading: str) -> None:
        """Keeps what was read of a document; it is on the disk when this returns.

        Nothing else changes: it is there from the end of a reading on that finds it.

        Args:
            document: as it was read.
            chunks: all of them.
            reading: how it was read and parted: the same words mean the same chunks.
        """
        with self._base.change():
            if self.known(document.sha256, reading):
                return
            self._base.run(
                "INSERT INTO documents (sha256, reading, name) VALUES (?, ?, ?)",
                (document.sha256, reading, document.name),
            )
            [id] = self._base.one("SELECT last_insert_rowid()")
            parsed = as_json(document.as_dict())
            self._base.run("INSERT INTO texts (id, parsed) VALUES (?, ?)", (id, parsed))
            whole = language_of(document.text[: 5 * LOOKED_AT])
            self._base.run_many(
                "INSERT INTO chunks (document, number, chunk, language) VALUES (?, ?, ?, ?)",
                (
                    (
                        id,
                        number,
                        as_json(chunk.as_dict()),
                        language_in(chunk.text_in(document), whole),
                    )
                    for number, chunk in enumerate(chunks)
                ),
            )

    def refusal(self, sha256: str, reading: str) -> str | None:
        """Why a file could not be read, where it was tried before in the same way."""
        query = "SELECT reason FROM refusals WHERE sha256 = ? AND reading = ?"
        row = self._base.one(query, (sha256, reading))
        return None if row is None else str(row[0])

    def note_refusal(self, sha256: str, reading: str, reason: str) -> None:
        """Keeps why a file cannot be read, so that it is not tried again."""
        statement = "INSERT OR REPLACE INTO refusals (sha256, reading, reason) VALUES (?, ?, ?)"
        self._base.run(statement, (sha256, reading, reason))

    @contextmanager
    def reading(self) -> Iterator[None]:
        """The end of a reading: what is found within is what is there from then on.

        Raises:
            RunError: the disk is full, or another process holds the catalog.
        """
        with self._base.change():
            self._base.run("UPDATE documents SET place = NULL")
            yield
            self._forget("is_current = 0")

    def found(
        self, sha256: str, reading: str, *, name: str, place: int, file: Path | None = None
    ) -> None:
        """Notes that a document that was taken in is there, in place of one read otherwise.

        Args:
            sha256: of the file.
            reading: as it was taken in.
            name: what it is called now.
            place: in the order of this reading.
            file: where it lies.
        """
        [id] = self._base.one(
            "SELECT id FROM documents WHERE sha256 = ? AND reading = ?", (sha256, reading)
        )
        others = "SELECT side FROM documents WHERE sha256 = ? AND id != ? AND is_current"
        before = self._base.one(others, (sha256, id))
        if before is not None:
            self._base.run("UPDATE documents SET side = ? WHERE id = ?", (before[0], id))
            self._forget("sha256 = ? AND id != ?", sha256, id)
        self._base.run(
            "UPDATE documents SET is_current = 1, place = ?, name = ?, file = ? WHERE id = ?",
            (place, name, None if file is None else os.fsencode(file), id),
        )

    def add(
        self, document: ParsedDocument, chunks: Sequence[Chunk], *, reading: str, place: int
    ) -> None:
        """Takes a document in that this reading has found."""
        self.take_in(document, chunks, reading=reading)
        self.found(document.sha256, reading, name=document.name, place=place)

    def _forget(self, which: str, *values: object) -> None:
        self._last = None  # its number may be given to another
        chosen = f"SELECT id FROM documents WHERE {which}"
        self._base.run(f"DELETE FROM chunks WHERE document IN ({chosen})", values)
        self._base.run(f"DELETE FROM texts WHERE id IN ({chosen})", values)
        self._base.run(f"DELETE FROM documents WHERE {which}", values)

    def sides(self) -> dict[str, str]:
        """The side of every document that was put on one, by its hash.

        A document that replaces another of its name is on the same side.
        """
        by_name: dict[str, str] = {}
        sides: dict[str, str] = {}
        rows = self._base.rows(
            "SELECT sha256, name, side FROM documents WHERE is_current ORDER BY side IS NULL, id"
        )
        for sha256, name, side in rows:
            if side is not None:
                by_name[name] = sides[sha256] = side
            elif name in by_name:
                sides[sha256] = by_name[name]
        return sides

    def put_on_sides(self, plan: SplitPlan) -> None:
        """Notes which documents and passages are for training and which for evaluation."""
        there = self._base.all("SELECT id, sha256 FROM documents WHERE place IS NOT NULL")
        for id, sha256 in there:
            side = "eval" if sha256 in plan.evaluation else "train"
            self._base.run("UPDATE documents SET side = ? WHERE id = ?", (side, id))
            self._base.run("UPDATE chunks SET side = ? WHERE document = ?", (side, id))
            self._base.run_many(
                "UPDATE chunks SET side = NULL WHERE document = ? AND number = ?",
                ((id, number) for number in plan.shared.get(sha256, ())),
            )

    def documents(self) -> Iterator[ParsedDocument]:
        """Every document that is there, in order."""
        there = "SELECT id, name FROM documents WHERE place IS NOT NULL ORDER BY place"
        for id, name in self._base.all(there):
            yield self._document(id, name)

    def document(self, sha256: str) -> ParsedDocument:
        """A document by its hash, also one that is no longer there.

        Raises:
            DataError: it was never read.
        """
        return self._document(*self._current(sha256))

    def file(self, sha256: str) -> Path | None:
        """Where a document's file lay when it was found last; None where that was not told."""
        query = "SELECT file FROM documents WHERE sha256 = ? AND is_current"
        row = self._base.one(query, (sha256,))
        return None if row is None or row[0] is None else Path(os.fsdecode(row[0]))

    def text(self, sha256: str) -> str:
        """The whole text of a document.

        Raises:
            DataError: it was never read.
        """
        return self.document(sha256).text

    def chunks(self, sha256: str) -> list[Chunk]:
        """All chunks of a document, in order.

        Raises:
            DataError: it was never read.
        """
        query = "SELECT chunk FROM chunks WHERE document = ? ORDER BY number"
        rows = self._base.rows(query, (self._current(sha256)[0],))
        return [chunk_of(text) for (text,) in rows]

    def passages(self) -> Iterator[Passage]:
        """Every passage of every document that is there, junk and what both sides share left out.

        Only one document is held at a time.
        """
        for document in self.documents():
            rows = self._base.all(
                "SELECT number, chunk, language, side FROM chunks WHERE document = ? "
                "AND side IS NOT NULL ORDER BY number",
                (self._current(document.sha256)[0],),
            )
            for number, text, language, side in rows:
                chunk = chunk_of(text)
                if not chunk.junk:
                    yield passage_of(document, number, chunk, language, side)

    def passage(self, sha256: str, number: int) -> Passage:
        """One passage.

        Raises:
            DataError: there is none of that number.
        """
        id, name = self._current(sha256)
        row = self._base.one(
            "SELECT chunk, language, side FROM chunks WHERE document = ? AND number = ?",
            (id, number),
        )
        if row is None:
            raise DataError(f"{self.path}: {name} has no passage {number}.")
        document = self._document(id, name)
        return passage_of(document, number, chunk_of(row[0]), row[1], row[2] or "train")

    def _current(self, sha256: str) -> tuple[int, str]:
        """Number and name of a document, which are found without its text."""
        query = "SELECT id, name FROM documents WHERE sha256 = ? AND is_current"
        row = self._base.one(query, (sha256,))
        if row is None:
            raise DataError(f"{self.path}: holds no document {sha256[:12]}.")
        return row

    def _document(self, id: int, name: str) -> ParsedDocument:
        if self._last is None or (self._last[0], self._last[1].name) != (id, name):
            [parsed] = self._base.one("SELECT parsed FROM texts WHERE id = ?", (id,))
            fields: Mapping[str, object] = json.loads(parsed)
            document = ParsedDocument.from_dict({**fields, "name": name})
            self._last = id, document  # rows of one document follow each other
        return self._last[1]


def paragraph_of(document: ParsedDocument, start: int) -> tuple[int, Block] | None:
    """The block that a place in a document's text is in, and its number from 1."""
    place = bisect_right(document.blocks, start, key=lambda block: block.end)
    return (place + 1, document.blocks[place]) if place < len(document.blocks) else None
