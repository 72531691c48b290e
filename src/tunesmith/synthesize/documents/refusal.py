"""Refusal: why a document is not read."""

from __future__ import annotations

from tunesmith.core.errors import DataError


class Refusal(DataError):
    """The reason without the document's name, which whoever asked puts before it."""
