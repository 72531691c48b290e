"""Catalogued: what a catalog holds: its tables, and the records that are made of them."""

from __future__ import annotations

import json
from typing import Any

from tunesmith.checks.languages import language_of
from tunesmith.synthesize.chunks import Chunk
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.passage import Passage

VERSION = 2
LOOKED_AT = 2000
"""Characters of a passage by which its language is told."""
TABLES = """
CREATE TABLE IF NOT EXISTS documents (
    id INTEGER PRIMARY KEY,
    sha256 TEXT NOT NULL,
    reading TEXT NOT NULL,      -- how it was read and parted
    name TEXT NOT NULL,
    file BLOB,                  -- absolute path, which stands nowhere else
    is_current INTEGER NOT NULL DEFAULT 0,  -- 0: read since, and no reading has come to its end
    place INTEGER,              -- in the last reading; NULL: it was not found there
    side TEXT,                  -- train or eval, once it was decided
    UNIQUE (sha256, reading)
);
CREATE TABLE IF NOT EXISTS texts (  -- apart: SQLite reads all of a row to change a part of it
    id INTEGER PRIMARY KEY,
    parsed TEXT NOT NULL        -- ParsedDocument as JSON
);
CREATE TABLE IF NOT EXISTS chunks (
    document INTEGER NOT NULL,
    number INTEGER NOT NULL,
    chunk TEXT NOT NULL,        -- Chunk as JSON
    language TEXT NOT NULL,
    side TEXT,                  -- NULL: junk, or shared by both sides and so left out
    PRIMARY KEY (document, number)
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS refusals (
    sha256 TEXT NOT NULL,
    reading TEXT NOT NULL,      -- how it was tried
    reason TEXT NOT NULL,
    PRIMARY KEY (sha256, reading)
) WITHOUT ROWID;
"""


def language_in(text: str, whole: str) -> str:
    """Of a passage; of one that is too short to tell, or a table, the document's."""
    found = language_of(text[:LOOKED_AT])
    return whole if found == "unknown" else found


def passage_of(
    document: ParsedDocument, number: int, chunk: Chunk, language: str, side: str
) -> Passage:
    """A chunk of a document as a passage."""
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


def chunk_of(text: str) -> Chunk:
    """A chunk that was kept as JSON."""
    fields: dict[str, Any] = json.loads(text)
    headings, blocks = fields.pop("headings"), fields.pop("blocks")
    return Chunk(headings=tuple(headings), blocks=tuple(blocks), **fields)
