"""Harness replies: what a model said to requests of the harness, on disk; none is asked twice."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tunesmith.core.errors import RunError


class HarnessReplies:
    """JSON lines, the first of which names the model; of another model it is begun anew.

    Nothing is written before there is something to add. A torn last line is left out.
    """

    def __init__(self, file: Path, model: str) -> None:
        """Reads what there is.

        Args:
            file: need not be there.
            model: what tells it from another of the same name.
        """
        self._file = file
        self.begin(model)

    def begin(self, model: str) -> None:
        """Goes on with replies of this model: those that are there, or none."""
        self._model = model
        self._found, self._is_whole = _read(self._file, model)

    def get(self, request: str) -> Any:
        """The reply to a request; None: there is none yet."""
        return self._found.get(request)

    def keep(self, replies: Mapping[str, Any]) -> None:
        """Adds replies.

        Raises:
            RunError: the file cannot be written.
        """
        try:
            if not self._is_whole:
                self._file.parent.mkdir(parents=True, exist_ok=True)
                draft = self._file.with_name(f".{self._file.name}.draft")
                first = json.dumps({"model": self._model}) + "\n"
                draft.write_text(first + _lines(self._found.items()), "utf-8")
                draft.replace(self._file)
                self._is_whole = True
            with self._file.open("a", encoding="utf-8") as stream:
                stream.write(_lines(replies.items()))
        except OSError as error:
            raise RunError(
                f"{self._file}: cannot be written ({error.strerror}). Make room, or choose another "
                "folder with --out."
            ) from None
        self._found |= replies


def _read(file: Path, model: str) -> tuple[dict[str, Any], bool]:
    """Replies of a model, and whether the file holds them and nothing else."""
    try:
        text = file.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return {}, False
    first, *lines = text.split("\n")
    found: dict[str, Any] = {}
    try:
        if json.loads(first)["model"] != model:
            return {}, False
        for line in lines[:-1]:
            entry = json.loads(line)
            found[entry["request"]] = entry["reply"]
    except (ValueError, KeyError, TypeError):
        return found, False  # the rest was being written
    return found, bool(lines) and not lines[-1]


def _lines(replies: Iterable[tuple[str, Any]]) -> str:
    return "".join(json.dumps({"request": key, "reply": said}) + "\n" for key, said in replies)
