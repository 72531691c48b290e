"""Harness replies: what a model said to requests of the harness, on disk; none is asked twice."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunesmith.core.errors import RunError
from tunesmith.core.lines_kept import LinesKept


class HarnessReplies:
    """JSON lines, each with the model that said it: replies of several lie in one file.

    Nothing is written before there is something to add. A torn last line is left out.
    """

    def __init__(self, file: Path, model: str = "") -> None:
        """Reads what there is.

        Args:
            file: need not be there.
            model: what tells it from another of the same name.

        Raises:
            RunError: the file cannot be read, or a line within it is broken.
        """
        self._lines = LinesKept(file)
        self._model = model
        self._found: dict[tuple[str, str], Any] = {}
        self._served: str | None = None
        self._read()

    @property
    def served(self) -> str | None:
        """What the model's URL served last; None: it names its model, or was not asked yet."""
        return self._served

    def begin(self, model: str, served: str | None = None) -> None:
        """Goes on with replies of this model; those of others stay where they are.

        Args:
            model: what tells it from another of the same name.
            served: what its URL serves, where that names no model.

        Raises:
            RunError: the file cannot be written.
        """
        self._model = model
        if served is not None and served != self._served:
            self._add([{"served": served}])
            self._served = served

    def get(self, request: str) -> Any:
        """The reply to a request; None: there is none yet."""
        return self._found.get((self._model, request))

    def keep(self, replies: Mapping[str, Any]) -> None:
        """Adds replies.

        Raises:
            RunError: the file cannot be written.
        """
        self._add(
            [
                {"model": self._model, "request": key, "reply": reply}
                for key, reply in replies.items()
            ]
        )
        self._found |= {(self._model, key): reply for key, reply in replies.items()}

    def _add(self, entries: list[dict[str, Any]]) -> None:
        try:
            self._lines.add_all(entries)
        except RunError as error:
            raise RunError(f"{error} The folder is named with --out.") from None

    def _read(self) -> None:
        try:
            lines = self._lines.read()
        except RunError as error:
            raise RunError(f"{error} Or choose another folder with --out.") from None
        # An earlier version wrote the model once, on the first line.
        first = lines[0].get("model") if lines and "request" not in lines[0] else None
        for line in lines:
            if "served" in line:
                self._served = str(line["served"])
            elif "request" in line and "reply" in line:
                self._found[str(line.get("model", first)), str(line["request"])] = line["reply"]
