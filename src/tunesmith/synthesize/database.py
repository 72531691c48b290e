"""Database: one SQLite file of a dataset; what goes wrong with it is told with its place."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Literal

from tunesmith.core.errors import RunError

Values = Sequence[Any]


class Database:
    """Tables in a file on a disk of this machine."""

    def __init__(
        self,
        path: Path,
        what: str,
        tables: str,
        *,
        version: int,
        oldest: int = 1,
        synchronous: Literal["FULL", "NORMAL"] = "FULL",
    ) -> None:
        """Opens a file, or makes it.

        Args:
            path: of the file.
            what: it is, in one word.
            tables: statements that make what is not there.
            version: of the tables.
            oldest: version that can still be used.
            synchronous: ``FULL``: what was committed survives a power cut too, not only the end of
                the process.

        Raises:
            RunError: it cannot be opened, or is of another version.
        """
        self.path = path
        self.what = what
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            # One thread at a time uses it, but in a notebook that is not the one that opened it.
            self._base = sqlite3.connect(
                path, timeout=60, isolation_level=None, check_same_thread=False
            )
            self._base.execute("PRAGMA journal_mode=WAL")
            self._base.execute(f"PRAGMA synchronous={synchronous}")
            [found] = self._base.execute("PRAGMA user_version").fetchone()
            if not found or oldest <= found <= version:
                self._base.executescript(f"{tables}PRAGMA user_version={version};")
        except (OSError, sqlite3.Error) as error:
            raise RunError(f"{path}: the {what} cannot be opened ({error}).") from None
        if found > version:
            raise RunError(f"{path}: was made by a newer version. Update tunesmith.")
        if found and found < oldest:
            raise RunError(f"{path}: was made by an older version. Name another folder.")

    def close(self) -> None:
        """Closes the file."""
        self._base.close()

    def run(self, statement: str, values: Values = ()) -> int:
        """Runs a statement; gives how many rows it changed."""
        with self._told():
            return self._base.execute(statement, values).rowcount

    def run_many(self, statement: str, rows: Iterable[Values]) -> None:
        """Runs a statement once for each of some rows."""
        with self._told():
            self._base.executemany(statement, rows)

    def rows(self, query: str, values: Values = ()) -> Iterator[Any]:
        """What a query finds, one row at a time."""
        with self._told():
            yield from self._base.execute(query, values)

    def all(self, query: str, values: Values = ()) -> list[Any]:
        """All that a query finds."""
        return [*self.rows(query, values)]

    def one(self, query: str, values: Values = ()) -> Any:
        """The first row that a query finds, or None."""
        with self._told():
            return self._base.execute(query, values).fetchone()

    @contextmanager
    def change(self) -> Iterator[None]:
        """One change, whole or not at all; one within another is part of it."""
        if self._base.in_transaction:
            yield
            return
        self.run("BEGIN IMMEDIATE")
        try:
            yield
            self.run("COMMIT")
        except BaseException:
            with suppress(sqlite3.Error):
                self._base.execute("ROLLBACK")
            raise

    @contextmanager
    def _told(self) -> Iterator[None]:
        """What SQLite finds wrong, as an error that names the file."""
        try:
            yield
        except sqlite3.OperationalError as error:
            # Locked by another process, no room, not writable: what is committed stays.
            raise RunError(
                f"{self.path}: the {self.what} cannot be used ({error}). What is in it is whole."
            ) from None
        except sqlite3.DatabaseError as error:
            if type(error) is not sqlite3.DatabaseError:
                raise  # a mistake of ours
            raise RunError(
                f"{self.path}: the {self.what} is damaged ({error}). Put a copy of it in its "
                "place, or name another folder."
            ) from None


def as_json(value: Any) -> str:
    """JSON that SQLite can hold: with halves of characters, which UTF-8 cannot, as escapes."""
    text = json.dumps(value, ensure_ascii=False)
    try:
        text.encode()
    except UnicodeEncodeError:
        return json.dumps(value)
    return text
