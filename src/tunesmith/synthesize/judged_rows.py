"""Judged rows: rows as they come -> ``rows.jsonl``, without what repeats another row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.dedupe import Dedupe
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.outputs import folder_of
from tunesmith.synthesize.row import Row
from tunesmith.synthesize.rows_file import read_rows, write_rows


def write_judged_rows(
    path: Path, rows: Iterator[Row], kinds: Sequence[Kind], catalog: Catalog
) -> None:
    """Writes rows as they come, then once more with repeats rejected; holds none of them.

    Args:
        path: of the file.
        rows: in order.
        kinds: of the rows.
        catalog: with their documents.

    Raises:
        RunError: the disk is full or the folder not writable.
    """
    by_name = {kind.name: kind for kind in kinds}
    repeats = {folder_of(kind): Dedupe() for kind in kinds}

    def watched() -> Iterator[Row]:
        for row in rows:
            if row.fate == "accepted":
                kind = by_name[row.draft.kind]
                asked, answer = _wording(row, kind, catalog)
                repeats[folder_of(kind)].add(row.id, asked, answer, row.split)
            yield row

    first = path.with_name(f".{path.name}.judged")
    try:
        write_rows(first, watched())
        drops = {id: reason for one in repeats.values() for id, reason in one.drops().items()}
        write_rows(path, _without(read_rows(first), drops))
    finally:
        first.unlink(missing_ok=True)


def _without(rows: Iterator[Row], drops: Mapping[str, str]) -> Iterator[Row]:
    for row in rows:
        reason = drops.get(row.id)
        yield row if reason is None else replace(row, fate="rejected", reason=reason)


def _wording(row: Row, kind: Kind, catalog: Catalog) -> tuple[str, str]:
    """What two rows are compared by: what is asked, which is to be asked once, and the answer."""
    draft, told = row.draft, row.provenance
    if not draft.turns:
        text = " ".join(draft.quotes) or catalog.text(told.document)[told.start : told.end]
        return text, draft.label
    asked = "\n".join(turn.request for turn in draft.turns)
    answer = "\n".join(turn.answer for turn in draft.turns)
    # Beside its passage the same request may stand many times: for a summary of each.
    shows_passage = kind.name == "summary" or getattr(kind, "with_passage", False)
    return (f"{asked}\n{answer}", "") if shows_passage else (asked, answer)
