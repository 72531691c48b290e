"""Check: looks at rows portion by portion, and says at the end what it found."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Protocol

from tunesmith.checks.finding import Finding
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import Rows


class Check(Protocol):
    """One thing to find out about data. It may keep numbers about rows, never the rows."""

    def look(self, portion: Portion) -> None:
        """Takes in the next rows."""
        ...

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """What is to be told, once every row was looked at."""
        ...
