"""Gather: messages in any order -> conversations, through a temporary file and not in memory.

The file is SQLite's own temporary database: it has no name, so nothing of it is left, not even
after kill -9. It lies where SQLITE_TMPDIR or TMPDIR says.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tunesmith.core.errors import DataError
from tunesmith.synthesize.dialogues.said import Said, Side

CACHE_KIB = 16 * 1024
TABLES = """
CREATE TABLE messages (
    place INTEGER PRIMARY KEY, key TEXT, tree TEXT, depth INTEGER DEFAULT 0, origin TEXT, text TEXT,
    conversation TEXT, speaker TEXT, side TEXT, told_by TEXT, month_first REAL, day_first REAL,
    has_time INTEGER, number REAL, id TEXT, parent TEXT
);
CREATE TABLE summaries (key TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID;
"""
# A customer who joins somebody else's thread has a conversation of their own; what the company
# writes belongs to the customer whom it answers.
CHAINS = """
CREATE INDEX ids ON messages (id);
CREATE INDEX parents ON messages (parent);
CREATE TABLE walked (place INTEGER PRIMARY KEY, tree TEXT, customer TEXT, depth INTEGER);
INSERT OR IGNORE INTO walked
WITH RECURSIVE walk (place, id, tree, customer, depth) AS (
    SELECT place, id, id, CASE WHEN side = 'customer' THEN speaker ELSE '' END, 0 FROM messages
    WHERE key = '' AND (parent = '' OR parent NOT IN (SELECT id FROM messages))
    UNION ALL
    SELECT m.place, m.id, walk.tree,
        CASE WHEN m.side = 'customer' THEN m.speaker ELSE walk.customer END, walk.depth + 1
    FROM walk JOIN messages AS m ON m.parent = walk.id AND m.key = '' AND walk.id <> ''
)
SELECT place, tree, customer, depth FROM walk;
UPDATE messages SET (key, tree, depth) = (
    SELECT 'tree ' || tree || ' of ' || customer, tree, depth FROM walked
    WHERE walked.place = messages.place
) WHERE key = '' AND place IN (SELECT place FROM walked);
UPDATE messages SET key = 'alone ' || place, tree = id WHERE key = '';
"""
GROUPED = """
CREATE INDEX keys ON messages (key, place);
CREATE TABLE conversations AS SELECT key, MIN(place) AS first FROM messages GROUP BY key;
CREATE TABLE speakers AS SELECT speaker, COUNT(DISTINCT key) AS n FROM messages GROUP BY speaker;
CREATE INDEX names ON speakers (speaker);
"""


@dataclass(frozen=True, slots=True)
class Gathered:
    """The messages of one conversation, in order."""

    name: str
    """As the source calls it."""
    group: str
    """Conversations that hang together have the same."""
    messages: list[Said]
    summary: str
    is_ordered: bool
    """Its messages are in the order of their times or numbers, and not just as in the file."""


class Gather:
    """Takes the messages of one file and gives its conversations."""

    def __init__(self) -> None:
        self._db = sqlite3.connect("", isolation_level=None)
        self._db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._db.execute("PRAGMA temp_store = FILE")
        self._db.execute("PRAGMA journal_mode = OFF")
        self._db.executescript(TABLES)
        self._db.execute("BEGIN")
        self.n_messages = 0
        self.has_chains = False
        self.is_day_first = False
        """A date of the file has no month in its first place."""

    def close(self) -> None:
        """Lets the temporary file go."""
        self._db.close()

    def add(self, said: Said, key: str) -> None:
        """Takes a message.

        Args:
            said: the message.
            key: of its conversation; empty: told by what it replies to.

        Raises:
            DataError: the disk is full.
        """
        month_first, day_first = said.moment
        self.is_day_first = self.is_day_first or (month_first is None and day_first is not None)
        self.has_chains = self.has_chains or not key
        self.n_messages += 1
        with _told():
            self._db.execute(
                "INSERT INTO messages VALUES (?, ?, '', 0, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *(self.n_messages, key, said.origin, _storable(said.text), said.conversation),
                    *(said.speaker, said.side, said.told_by, month_first, day_first),
                    *(said.has_time, said.order, said.id, said.parent),
                ),
            )

    def add_summary(self, key: str, text: str) -> None:
        """Takes the summary of a conversation."""
        with _told():
            self._db.execute(
                "INSERT OR REPLACE INTO summaries VALUES (?, ?)", (key, _storable(text))
            )

    def conversations(self) -> Iterator[Gathered]:
        """Every conversation, in the order in which the file begins them; to be called once.

        Raises:
            DataError: the disk is full.
        """
        with _told():
            self._db.execute("COMMIT")
            self._db.executescript(CHAINS + GROUPED if self.has_chains else GROUPED)
        keys = self._db.execute("SELECT key FROM conversations ORDER BY first")
        for (key,) in keys:
            rows = self._db.execute(
                "SELECT place, tree, depth, origin, text, conversation, speaker, side, told_by, "
                "month_first, day_first, has_time, number, id, parent FROM messages "
                "WHERE key = ? ORDER BY place",
                (key,),
            ).fetchall()
            found = self._db.execute("SELECT text FROM summaries WHERE key = ?", (key,)).fetchone()
            yield self._gathered(rows, found[0] if found else "")

    def n_conversations(self, speaker: str) -> int:
        """In how many conversations somebody speaks."""
        query = "SELECT n FROM speakers WHERE speaker = ?"
        found = self._db.execute(query, (speaker,)).fetchone()
        return found[0] if found else 0

    def _gathered(self, rows: list[tuple[object, ...]], summary: str) -> Gathered:
        numbers = [row[12] for row in rows]
        times = [row[10 if self.is_day_first else 9] for row in rows]
        is_ordered = True
        if all(number is not None for number in numbers) and len(set(numbers)) > 1:
            rows = _sorted(rows, numbers)
        elif all(time is not None for time in times):
            rows = _sorted(rows, times)
        elif any(row[2] for row in rows):
            rows = _sorted(rows, [row[2] for row in rows])
        else:
            is_ordered = not any(row[11] for row in rows)
        messages = [_said(row) for row in rows]
        tree, name = str(rows[0][1]), messages[0].conversation
        return Gathered(name or tree, tree or name, messages, summary, is_ordered)


def _sorted(rows: list[tuple[object, ...]], by: list[object]) -> list[tuple[object, ...]]:
    """Rows by a figure; where it is the same, an answer stands behind what it answers."""
    order = sorted(range(len(rows)), key=lambda n: (by[n], rows[n][2], rows[n][0]))  # pyright: ignore
    return [rows[n] for n in order]


def _said(row: tuple[object, ...]) -> Said:
    origin, text, conversation, speaker, side, told_by = (str(value) for value in row[3:9])
    return Said(origin, text, conversation, speaker, _side(side), told_by)


def _side(text: str) -> Side:
    return text  # type: ignore[return-value]


def _storable(text: str) -> str:
    """Text without half characters, which no UTF-8 holds."""
    return text.encode("utf-8", "replace").decode("utf-8")


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except sqlite3.Error as error:
        raise DataError(
            f"the temporary file for the messages cannot be written ({error}). "
            "Set SQLITE_TMPDIR to a folder with room."
        ) from None
