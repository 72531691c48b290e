"""Catalog: the documents of a dataset and their passages, on disk, so that memory stays flat.

A document is known by the hash of its file. Documents that are no longer there are kept, so that a
row can always be traced; what is made now is made of those that the last reading found.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tunesmith.checks.languages import language_of
from tunesmith.core.errors import DataError, RunError
from tunesmith.synthesize.chunks import Chunk
from tunesmith.synthesize.documents.block import Block, ParsedDocument
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.split import SplitPlan

VERSION = 1
LOOKED_AT = 2000
"""Characters of a passage by which its language is told."""
TABLES = """
CREATE TABLE IF NOT EXISTS documents (
    sha256 TEXT PRIMARY KEY,
    name TEXT NOT NULL,
    parsed TEXT NOT NULL,       -- ParsedDocument as JSON
    reading TEXT NOT NULL,      -- how it was read and parted
    place INTEGER,              -- in the last reading; NULL: it was not found there
    side TEXT                   -- train or eval, once it was decided
);
CREATE TABLE IF NOT EXISTS chunks (
    document TEXT NOT NULL,
    number INTEGER NOT NULL,
    chunk TEXT NOT NULL,        -- Chunk as JSON
    language TEXT NOT NULL,
    side TEXT,                  -- NULL: junk, or shared by both sides and so left out
    PRIMARY KEY (document, number)
) WITHOUT ROWID;
"""


class Catalog:
    """Documents in the order in which they were found."""

    def __init__(self, path: Path) -> None:
        """Opens a catalog, or makes it.

        Raises:
            RunError: it cannot be opened, or was made by a newer version.
        """
        self.path = path
        self._last: ParsedDocument | None = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._base = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._base.execute("PRAGMA journal_mode=WAL")
            [found] = self._base.execute("PRAGMA user_version").fetchone()
            if found <= VERSION:
                self._base.executescript(f"{TABLES}PRAGMA user_version={VERSION};")
        except (OSError, sqlite3.Error) as error:
            raise RunError(f"{path}: the catalog cannot be opened ({error}).") from None
        if found > VERSION:
            raise RunError(f"{path}: was made by a newer version. Update tunesmith.")

    def close(self) -> None:
        """Closes the file."""
        self._base.close()

    def __enter__(self) -> Catalog:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[None]:
        """One reading of all documents; what it finds is what is there from then on.

        Raises:
            RunError: the disk is full, or another process holds the catalog.
        """
        try:
            self._base.execute("BEGIN IMMEDIATE")
            try:
                self._base.execute("UPDATE documents SET place = NULL")
                yield
            except BaseException:
                self._base.execute("ROLLBACK")
                raise
            self._base.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise RunError(f"{self.path}: the catalog cannot be written ({error}).") from None

    def known(self, sha256: str, reading: str) -> bool:
        """Whether a file was read before in the same way."""
        row = self._base.execute(
            "SELECT 1 FROM documents WHERE sha256 = ? AND reading = ?", (sha256, reading)
        )
        return row.fetchone() is not None

    def name_of(self, sha256: str) -> str | None:
        """The name of a document that this reading has found already."""
        row = self._base.execute(
            "SELECT name FROM documents WHERE sha256 = ? AND place IS NOT NULL", (sha256,)
        ).fetchone()
        return None if row is None else str(row[0])

    def found_again(self, sha256: str, name: str, place: int) -> None:
        """Notes that a known document is there, perhaps under another name."""
        self._base.execute(
            "UPDATE documents SET place = ?, name = ? WHERE sha256 = ?", (place, name, sha256)
        )

    def add(
        self, document: ParsedDocument, chunks: Sequence[Chunk], *, reading: str, place: int
    ) -> None:
        """Takes a document in; one with the same hash is replaced.

        Args:
            document: as it was read.
            chunks: all of them.
            reading: how it was read and parted: the same words mean the same chunks.
            place: in the order of this reading.
        """
        parsed = json.dumps(document.as_dict(), ensure_ascii=False)
        self._base.execute(
            "INSERT INTO documents (sha256, name, parsed, reading, place) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT (sha256) DO UPDATE SET name = excluded.name, parsed = excluded.parsed, "
            "reading = excluded.reading, place = excluded.place",
            (document.sha256, document.name, _storable(parsed), reading, place),
        )
        self._base.execute("DELETE FROM chunks WHERE document = ?", (document.sha256,))
        whole = language_of(document.text[: 5 * LOOKED_AT])
        self._base.executemany(
            "INSERT INTO chunks (document, number, chunk, language) VALUES (?, ?, ?, ?)",
            (
                (
                    document.sha256,
                    number,
                    _storable(json.dumps(chunk.as_dict(), ensure_ascii=False)),
                    _language(chunk.text_in(document), whole),
                )
                for number, chunk in enumerate(chunks)
            ),
        )

    def sides(self) -> dict[str, str]:
        """The side of every document that was put on one, by its hash.

        A document that replaces another of its name is on the same side.
        """
        by_name: dict[str, str] = {}
        sides: dict[str, str] = {}
        rows = self._base.execute(
            "SELECT sha256, name, side FROM documents ORDER BY side IS NULL, rowid"
        )
        for sha256, name, side in rows:
            if side is not None:
                by_name[name] = sides[sha256] = side
            elif name in by_name:
                sides[sha256] = by_name[name]
        return sides

    def put_on_sides(self, plan: SplitPlan) -> None:
        """Notes which documents and passages are for training and which for evaluation."""
        for (sha256,) in self._base.execute(
            "SELECT sha256 FROM documents WHERE place IS NOT NULL"
        ).fetchall():
            side = "eval" if sha256 in plan.evaluation else "train"
            self._base.execute("UPDATE documents SET side = ? WHERE sha256 = ?", (side, sha256))
            self._base.execute("UPDATE chunks SET side = ? WHERE document = ?", (side, sha256))
            self._base.executemany(
                "UPDATE chunks SET side = NULL WHERE document = ? AND number = ?",
                ((sha256, number) for number in plan.shared.get(sha256, ())),
            )

    def documents(self) -> Iterator[ParsedDocument]:
        """Every document that is there, in order."""
        rows = self._base.execute(
            "SELECT sha256, name, parsed FROM documents WHERE place IS NOT NULL ORDER BY place"
        )
        for _, name, parsed in rows:
            yield _document(parsed, name)

    def document(self, sha256: str) -> ParsedDocument:
        """A document by its hash, also one that is no longer there.

        Raises:
            DataError: it was never read.
        """
        row = self._base.execute(
            "SELECT name, parsed FROM documents WHERE sha256 = ?", (sha256,)
        ).fetchone()
        if row is None:
            raise DataError(f"{self.path}: holds no document {sha256[:12]}.")
        if self._last is None or (self._last.sha256, self._last.name) != (sha256, row[0]):
            self._last = _document(row[1], row[0])  # rows of one document follow each other
        return self._last

    def text(self, sha256: str) -> str:
        """The whole text of a document.

        Raises:
            DataError: it was never read.
        """
        return self.document(sha256).text

    def chunks(self, sha256: str) -> list[Chunk]:
        """All chunks of a document, in order."""
        rows = self._base.execute(
            "SELECT chunk FROM chunks WHERE document = ? ORDER BY number", (sha256,)
        )
        return [_chunk(json.loads(text)) for (text,) in rows]

    def passages(self) -> Iterator[Passage]:
        """Every passage of every document that is there, junk and what both sides share left out.

        Only one document is held at a time.
        """
        for document in self.documents():
            rows = self._base.execute(
                "SELECT number, chunk, language, side FROM chunks WHERE document = ? "
                "AND side IS NOT NULL ORDER BY number",
                (document.sha256,),
            )
            for number, text, language, side in rows.fetchall():
                chunk = _chunk(json.loads(text))
                if not chunk.junk:
                    yield _passage(document, number, chunk, language, side)

    def passage(self, sha256: str, number: int) -> Passage:
        """One passage.

        Raises:
            DataError: there is none of that number.
        """
        document = self.document(sha256)
        row = self._base.execute(
            "SELECT chunk, language, side FROM chunks WHERE document = ? AND number = ?",
            (sha256, number),
        ).fetchone()
        if row is None:
            raise DataError(f"{self.path}: {document.name} has no passage {number}.")
        return _passage(document, number, _chunk(json.loads(row[0])), row[1], row[2] or "train")


def paragraph_of(document: ParsedDocument, start: int) -> tuple[int, Block] | None:
    """The block that a place in a document's text is in, and its number from 1."""
    for number, block in enumerate(document.blocks, 1):
        if start < block.end:
            return number, block
    return None


def _language(text: str, whole: str) -> str:
    """Of a passage; of one that is too short to tell, or a table, the document's."""
    found = language_of(text[:LOOKED_AT])
    return whole if found == "unknown" else found


def _passage(
    document: ParsedDocument, number: int, chunk: Chunk, language: str, side: str
) -> Passage:
    return Passage(
        document=document.sha256,
        name=document.name,
        number=number,
        start=chunk.start,
        end=chunk.end,
        text=chunk.text_in(document),
        headings=chunk.headings,
        context=chunk.context,
        page=chunk.page,
        language=language,
        split="eval" if side == "eval" else "train",
    )


def _document(parsed: str, name: str) -> ParsedDocument:
    fields: Mapping[str, object] = json.loads(parsed)
    return ParsedDocument.from_dict({**fields, "name": name})


def _chunk(fields: dict[str, object]) -> Chunk:
    headings, blocks = fields.pop("headings"), fields.pop("blocks")
    return Chunk(headings=tuple(headings), blocks=tuple(blocks), **fields)  # type: ignore


def _storable(text: str) -> str:
    """JSON without lone surrogates, which SQLite cannot hold as UTF-8."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(json.loads(text))
    return text
