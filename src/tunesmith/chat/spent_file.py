"""Spent file: tokens that were paid for, so that a cap holds over several commands."""

from __future__ import annotations

from pathlib import Path

from tunesmith.core.errors import RunError
from tunesmith.core.lines_kept import LinesKept

SPENT = "spent.jsonl"
"""What it is called in the folders of comparisons."""


class SpentFile:
    """JSON lines, one for each reply that was sent for; those from a cache cost nothing."""

    def __init__(self, path: Path, who: str) -> None:
        """Takes a file, which may be missing yet.

        Args:
            path: of the file; several models may share it.
            who: which of them this is.
        """
        self.path = path
        self._who = who
        self._lines = LinesKept(path)

    def before(self) -> tuple[int, int]:
        """Tokens of prompts and of answers that this model was paid for so far.

        Raises:
            RunError: the file cannot be read, or is broken.
        """
        own = [line for line in self._lines.read() if line.get("who") == self._who]
        try:
            return sum(int(one["prompt"]) for one in own), sum(int(one["answer"]) for one in own)
        except (KeyError, TypeError, ValueError):
            raise RunError(
                f"{self.path}: a line does not tell what was paid for. Take the line out."
            ) from None

    def add(self, n_prompt_tokens: int, n_tokens: int) -> None:
        """Writes a reply down.

        Raises:
            RunError: the file cannot be written.
        """
        self._lines.add({"who": self._who, "prompt": n_prompt_tokens, "answer": n_tokens})
