"""Seen: conversations by their hash, on disk, to know one again."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable
from hashlib import blake2b

from tunesmith.synthesize.dialogues.clean import Turn


class Seen:
    """Remembers conversations in a temporary file without a name."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute("PRAGMA cache_size = -8192")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.execute("CREATE TABLE seen (hash BLOB PRIMARY KEY, place TEXT) WITHOUT ROWID")
        self._db.execute("BEGIN")

    def close(self) -> None:
        """Lets the temporary file go."""
        self._db.close()

    def twin(self, turns: Iterable[Turn], extra: Iterable[str], place: str) -> str | None:
        """The place of an earlier conversation with the same turns; else it is remembered."""
        digest = blake2b(digest_size=16)
        for part in (*(f"{turn.side}\x1f{turn.text}" for turn in turns), *extra):
            digest.update(f"{part}\x1e".encode())
        key = digest.digest()
        found = self._db.execute("SELECT place FROM seen WHERE hash = ?", (key,)).fetchone()
        if found:
            return found[0]
        self._db.execute("INSERT INTO seen VALUES (?, ?)", (key, place))
        return None
