"""Refusal: why a document is not read."""

from __future__ import annotations

from tunesmith.core.errors import DataError


class Refusal(DataError):
    """The reason without the document's name, which whoever asked puts before it."""

    def __init__(self, reason: str, *, is_passing: bool = False) -> None:
        """Takes the reason.

        Args:
            reason: why it is not read.
            is_passing: the same file may be read another time, as where the machine was busy.
        """
        super().__init__(reason)
        self.is_passing = is_passing
