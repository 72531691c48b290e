"""ReplyCache: hosted models' replies by the key of their request; nothing is paid for twice."""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from dataclasses import asdict
from pathlib import Path

from tunesmith.chat.chat_model import Completion
from tunesmith.core.cache import cache_dir
from tunesmith.core.errors import RunError


class ReplyCache:
    """A file in the cache's directory; several processes may use it at once."""

    def __init__(self, path: Path | None = None, *, wait_s: float = 30.0) -> None:
        """Opens it.

        Args:
            path: of the file; None: ``replies.sqlite`` in the cache.
            wait_s: how long another process may hold it.

        Raises:
            RunError: it cannot be written.
        """
        self.path = path or cache_dir() / "replies.sqlite"
        self._wait_s = wait_s
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with closing(self._open()) as base, base:
                base.execute("PRAGMA journal_mode=WAL")
                base.execute(
                    "CREATE TABLE IF NOT EXISTS replies (key TEXT PRIMARY KEY, reply TEXT)"
                )
        except (OSError, sqlite3.Error) as error:
            raise RunError(
                f"{self.path}: the cache cannot be written ({error}). Set TUNESMITH_CACHE to a "
                "directory that can."
            ) from None

    def get(self, key: str) -> Completion | None:
        """A reply that was kept; its latency is None, for nothing was sent.

        Raises:
            RunError: the file is damaged, or another process holds it for too long.
        """
        try:
            with closing(self._open()) as base:
                row = base.execute("SELECT reply FROM replies WHERE key = ?", (key,)).fetchone()
        except sqlite3.Error as error:
            raise self._told(error, "read") from None
        if row is None:
            return None
        try:
            return Completion(**{**json.loads(row[0]), "latency_s": None})
        except (ValueError, TypeError):  # of another version, or garbled: asked for again
            return None

    def put(self, key: str, completion: Completion) -> None:
        """Keeps a reply.

        Raises:
            RunError: the disk is full, the file is damaged, or another process holds it for too
                long.
        """
        text = json.dumps(asdict(completion), ensure_ascii=False)
        try:
            with closing(self._open()) as base, base:
                base.execute("INSERT OR REPLACE INTO replies VALUES (?, ?)", (key, text))
        except (sqlite3.Error, UnicodeEncodeError) as error:
            raise self._told(error, "written") from None

    def _open(self) -> sqlite3.Connection:
        return sqlite3.connect(self.path, timeout=self._wait_s)

    def _told(self, error: Exception, what: str) -> RunError:
        return RunError(
            f"{self.path}: the cache of replies cannot be {what} ({error}). Make room if the disk "
            "is full, wait if another process works with it, take the file away if it is damaged, "
            "or set TUNESMITH_CACHE to another directory; then run the same command again."
        )
