"""A dataset such as a build leaves: documents, and rows of every kind about them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.chunks import Chunk, chunks
from tunesmith.synthesize.documents.block import ParsedDocument
from tunesmith.synthesize.documents.writer import Writer
from tunesmith.synthesize.split import SplitPlan

KINDS = ("qa", "span-qa", "dialogue", "preference", "labels", "summary", "text")
ROWS_OF_A_DOCUMENT = 200
PLACES = ("boiler house", "north pump", "锅炉房", "𠮷野 works", "paint shop")
"""One of them holds a character beyond the basic plane, which a browser counts twice."""


def make_dataset(folder: Path, n_rows: int) -> Path:
    """Writes ``rows.jsonl`` and ``documents.sqlite``."""
    folder.mkdir(parents=True, exist_ok=True)
    lines: list[str] = []
    with Catalog(folder / "documents.sqlite") as catalog, catalog.reading():
        for place, first in enumerate(range(0, n_rows, ROWS_OF_A_DOCUMENT)):
            numbers = range(first, min(n_rows, first + ROWS_OF_A_DOCUMENT))
            document, found = made_document(f"manual-{place}.docx", numbers)
            catalog.add(document, found, reading="made", place=place)
            lines += [json.dumps(row(n, document, found)) for n in numbers]
        catalog.put_on_sides(SplitPlan(frozenset()))
    write_rows(folder, lines)
    return folder


def write_rows(folder: Path, lines: list[str]) -> None:
    """Puts the file in place at once, as a build does."""
    (folder / "rows.new").write_text("".join(f"{line}\n" for line in lines), "utf-8")
    (folder / "rows.new").replace(folder / "rows.jsonl")


def read_rows(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "rows.jsonl").read_text("utf-8").splitlines()]


def made_document(name: str, numbers: range) -> tuple[ParsedDocument, list[Chunk]]:
    writer = Writer()
    writer.add("heading", "Maintenance", level=1)
    for n in numbers:
        if n % 40 == 0:
            writer.add("heading", f"Part {n // 40}", level=2)
        writer.add("paragraph", paragraph(n))
    sha256 = hashlib.sha256(writer.text.encode()).hexdigest()
    document = ParsedDocument(name, "docx", sha256, writer.text, tuple(writer.blocks))
    return document, chunks(document)


def paragraph(n: int) -> str:
    where = PLACES[n % len(PLACES)]
    return (
        f"Valve {n} stands in the {where}, behind the second door on the left. It is tested every "
        f"{n % 9 + 2} weeks by two people. The result is written into the log of the {where}, and "
        "the sheet is kept for ten years."
    )


def row(n: int, document: ParsedDocument, found: list[Chunk]) -> dict[str, Any]:
    kind = KINDS[n % len(KINDS)]
    quote = f"It is tested every {n % 9 + 2} weeks by two people."
    start = document.text.index(quote, document.text.index(f"Valve {n} stands"))
    number, _ = next((i, c) for i, c in enumerate(found) if c.start <= start < c.end)
    turns = [{"request": f"How often is valve {n} tested?", "answer": f"every {n % 9 + 2} weeks"}]
    if kind == "dialogue":
        turns.append({"request": "By how many?", "answer": "By two people."})
    fate = "rejected" if n % 10 == 9 else "duplicate" if n % 50 == 8 else "accepted"
    return {
        "id": hashlib.sha256(str(n).encode()).hexdigest()[:16],
        "fate": fate,
        "reason": {"rejected": "number: 7 is not in the source", "duplicate": "of row 3"}.get(
            fate, ""
        ),
        "split": "eval" if n % 8 == 0 else "train",
        "kind": kind,
        "style": "fact",
        "language": "en",
        "turns": [] if kind in ("labels", "text") else turns,
        "quotes": [] if kind == "text" else [quote],
        "label": "upkeep" if kind == "labels" else "",
        "rejected": "Every day, by one person." if kind == "preference" else "",
        "provenance": {
            "document": document.sha256,
            "name": document.name,
            "chunk": number,
            "page": None,
            "paragraph": n % ROWS_OF_A_DOCUMENT + 2,
            "start": start,
            "end": start + len(quote),
            "spans": [] if kind == "text" else [[start, start + len(quote)]],
            "prompt": "qa.en@1a2b3c4d",
            "model": "teacher",
            "request": hashlib.sha256(f"request {n}".encode()).hexdigest(),
            "n_prompt_tokens": 812,
            "n_tokens": 120,
            "verdicts": {"grounding": "", "teacher": {"supported": True}},
            "flags": ["personal data"] if n % 20 == 3 else [],
        },
    }
