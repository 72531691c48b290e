"""Decisions: what a person decided on rows, on disk before anything else happens.

Nothing is ever deleted: a decision that was taken back, or followed by another, stays in the
history. A decision is bound to what the row said, so a row that a rebuild changed is to be looked
at again.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal, get_args

from tunesmith.core.errors import RunError

Verdict = Literal["accepted", "rejected", "edited"]
VERDICTS: tuple[str, ...] = get_args(Verdict)
EDITABLE = ("turns", "label", "rejected")
"""Fields of a row that a person may write anew."""
VERSION = 1
TABLES = """
CREATE TABLE IF NOT EXISTS decisions (
    number INTEGER PRIMARY KEY,
    row TEXT NOT NULL,
    content TEXT NOT NULL,      -- content_key of the row when it was decided
    verdict TEXT NOT NULL,
    edit TEXT NOT NULL,         -- the fields that were written anew
    original TEXT NOT NULL,     -- the same fields as they were
    by TEXT NOT NULL,
    at TEXT NOT NULL,
    undone_at TEXT              -- NULL: it was not taken back
);
CREATE INDEX IF NOT EXISTS by_row ON decisions (row, number);
"""
COLUMNS = "number, row, content, verdict, edit, original, by, at, undone_at"


def content_key(row: Mapping[str, Any]) -> str:
    """What a decision is bound to: all that a person judged, and the document behind it."""
    judged = [row.get(name) for name in ("kind", "turns", "quotes", "label", "rejected")]
    document = (row.get("provenance") or {}).get("document")
    text = json.dumps([*judged, document], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Decision:
    """One decision on one row."""

    number: int
    """In the order in which they were made."""
    id: str
    content: str
    verdict: Verdict
    edit: Mapping[str, Any] = field(default_factory=dict)
    """Of an edited row: the fields that differ, as they are now."""
    original: Mapping[str, Any] = field(default_factory=dict)
    """The same fields as they were."""
    by: str = ""
    at: str = ""
    undone_at: str | None = None

    def holds_for(self, row: Mapping[str, Any]) -> bool:
        """Whether the row still says what was decided on."""
        return self.content == content_key(row)

    def applied_to(self, row: Mapping[str, Any]) -> dict[str, Any]:
        """The row as this decision leaves it.

        An accepted or edited row is accepted, whatever the build made of it.
        """
        fate = "rejected" if self.verdict == "rejected" else "accepted"
        reason = "rejected in review" if fate == "rejected" else ""
        return {**row, **self.edit, "fate": fate, "reason": reason}


class Decisions:
    """The decisions on one dataset; threads may share it."""

    def __init__(self, path: Path) -> None:
        """Opens the file, or makes it.

        Raises:
            RunError: it cannot be opened, or was made by a newer version.
        """
        self.path = path
        self._turn = threading.RLock()
        try:
            self._base = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute("PRAGMA synchronous=FULL")
            [found] = self._base.execute("PRAGMA user_version").fetchone()
            if found <= VERSION:
                self._base.executescript(f"{TABLES}PRAGMA user_version={VERSION};")
        except (OSError, sqlite3.Error) as error:
            raise RunError(f"{path}: the decisions cannot be opened ({error}).") from None
        if found > VERSION:
            raise RunError(f"{path}: was made by a newer version. Update tunesmith.")

    def close(self) -> None:
        """Closes the file."""
        with self._turn:
            self._base.close()

    def __enter__(self) -> Decisions:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def decide(
        self,
        row: Mapping[str, Any],
        verdict: Verdict,
        *,
        turns: Sequence[Mapping[str, str]] | None = None,
        label: str | None = None,
        rejected: str | None = None,
        by: str = "",
    ) -> Decision:
        """Writes a decision down; it is on the disk when this returns.

        Args:
            row: as it stands in ``rows.jsonl``.
            verdict: ``edited`` accepts the row with what is written anew.
            turns: of an edit, all turns of the row.
            label: of an edit.
            rejected: of an edit, the answer that the passage does not bear out.
            by: who decided.

        Raises:
            ValueError: an edit that changes nothing, or a change that is no edit.
            RunError: the disk is full, or another process holds the file.
        """
        if verdict not in VERDICTS:
            raise ValueError(f"no verdict {verdict!r}; there are {', '.join(VERDICTS)}")
        written = {"turns": turns, "label": label, "rejected": rejected}
        edit = {k: v for k, v in written.items() if v is not None and v != row.get(k)}
        if bool(edit) != (verdict == "edited"):
            raise ValueError("an edit changes something, and nothing else does")
        original = {name: row.get(name) for name in edit}
        at = datetime.now(UTC).isoformat(timespec="milliseconds")
        values = (row["id"], content_key(row), verdict, _json(edit), _json(original), by, at)
        with self._change():
            number = self._base.execute(
                "INSERT INTO decisions (row, content, verdict, edit, original, by, at) "
                "VALUES (?, ?, ?, ?, ?, ?, ?)",
                values,
            ).lastrowid
        assert number is not None
        return Decision(number, row["id"], values[1], verdict, edit, original, by, at)

    def undo(self) -> str | None:
        """Takes the newest decision that stands back; gives its row's id, None without any."""
        with self._change():
            found = self._base.execute(
                "SELECT number, row FROM decisions WHERE undone_at IS NULL "
                "ORDER BY number DESC LIMIT 1"
            ).fetchone()
            if found is None:
                return None
            at = datetime.now(UTC).isoformat(timespec="milliseconds")
            self._base.execute(
                "UPDATE decisions SET undone_at = ? WHERE number = ?", (at, found[0])
            )
        return str(found[1])

    def of(self, id: str) -> Decision | None:
        """The decision that stands on a row."""
        standing = [decision for decision in self.history(id) if decision.undone_at is None]
        return standing[-1] if standing else None

    def history(self, id: str) -> list[Decision]:
        """Every decision on a row, the oldest first."""
        return self._read("WHERE row = ? ORDER BY number", id)

    def all(self) -> dict[str, Decision]:
        """The decision that stands on each row, by the row's id."""
        return {d.id: d for d in self._read("WHERE undone_at IS NULL ORDER BY number")}

    def _read(self, which: str, *values: str) -> list[Decision]:
        with self._turn:
            rows = self._base.execute(f"SELECT {COLUMNS} FROM decisions {which}", values).fetchall()
        return [
            Decision(
                number=number,
                id=id,
                content=content,
                verdict=verdict,
                edit=json.loads(edit),
                original=json.loads(original),
                by=by,
                at=at,
                undone_at=undone_at,
            )
            for number, id, content, verdict, edit, original, by, at, undone_at in rows
        ]

    @contextmanager
    def _change(self) -> Iterator[None]:
        """One change, whole or not at all."""
        with self._turn:
            try:
                self._base.execute("BEGIN IMMEDIATE")
                try:
                    yield
                except BaseException:
                    self._base.execute("ROLLBACK")
                    raise
                self._base.execute("COMMIT")
            except sqlite3.OperationalError as error:
                raise RunError(
                    f"{self.path}: the decision cannot be written ({error}). Earlier ones are kept."
                ) from None


def _json(fields: Mapping[str, Any]) -> str:
    # ASCII: SQLite cannot hold lone surrogates.
    return json.dumps(fields)
