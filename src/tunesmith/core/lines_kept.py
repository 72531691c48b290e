"""Lines kept: a file of JSON lines that only grows, and loses nothing but a line being written."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from tunesmith.core.errors import RunError


class LinesKept:
    """What is added is on the disk when that returns; a torn last line is left out."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> list[dict[str, Any]]:
        """Every whole line, in order.

        Raises:
            RunError: the file cannot be read, or a line within it is broken.
        """
        try:
            text = self.path.read_bytes().decode("utf-8", "replace")
        except FileNotFoundError:
            return []
        except OSError as error:
            raise RunError(f"{self.path}: cannot be read ({error.strerror}).") from None
        found: list[dict[str, Any]] = []
        whole, _, _ = text.rpartition("\n")  # behind the last line end nothing is whole
        for number, line in enumerate(whole.split("\n"), 1):
            try:
                told: Any = json.loads(line) if line else {}
            except ValueError:
                told = None
            if not isinstance(told, dict):
                raise RunError(f"{self.path}:{number}: is no JSON object. Take the line out.")
            if told:
                found.append(cast("dict[str, Any]", told))
        return found

    def add(self, entry: dict[str, Any]) -> None:
        """Writes one line behind the others.

        Raises:
            RunError: the disk is full, or the file cannot be written.
        """
        self.add_all([entry])

    def add_all(self, entries: Sequence[dict[str, Any]]) -> None:
        """Writes some lines behind the others.

        Raises:
            RunError: the disk is full, or the file cannot be written.
        """
        text = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in entries)
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with self.path.open("a+b") as file:
                self._end_at_a_line(file)
                file.write(text.encode("utf-8", "backslashreplace"))
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise RunError(
                f"{self.path}: cannot be written ({error.strerror}). Make room, or choose another "
                "folder."
            ) from None

    def _end_at_a_line(self, file: Any) -> None:
        """Cuts a line off that a crash has torn."""
        size = file.seek(0, os.SEEK_END)
        if not size:
            return
        file.seek(size - 1)
        if file.read(1) != b"\n":
            file.seek(0)
            file.truncate(file.read().rfind(b"\n") + 1)
            file.seek(0, os.SEEK_END)
