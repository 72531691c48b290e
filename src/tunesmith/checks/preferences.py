"""Preferences: pairs whose better and worse answer are as good as the same."""

from __future__ import annotations

from collections.abc import Iterator

from tunesmith.checks.finding import Finding, rows_text
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import Rows
from tunesmith.core.examples import Message, Preference


class Preferences:
    """Finds pairs that differ in case or white space alone; reading drops those that are equal."""

    def __init__(self) -> None:
        self._rows: list[int] = []
        self._n_rows = 0

    def look(self, portion: Portion) -> None:
        """Compares the two answers of each pair."""
        for row, example in enumerate(portion.examples, portion.first):
            if isinstance(example, Preference) and _same(example.chosen, example.rejected):
                self._n_rows += 1
                if len(self._rows) < 9:
                    self._rows.append(row)

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells the pairs that teach next to nothing."""
        if self._n_rows:
            yield Finding(
                "same-preference",
                "warning",
                self._n_rows,
                f"{rows_text(self._n_rows, 'prefer')} an answer to one that differs in case or "
                "white space alone",
                "Take them out, unless the form is what should be learnt.",
                rows.places(self._rows),
            )


def _same(chosen: tuple[Message, ...], rejected: tuple[Message, ...]) -> bool:
    return _bare(chosen) == _bare(rejected)


def _bare(messages: tuple[Message, ...]) -> list[object]:
    return [(m.role, "".join(m.content.split()).casefold(), m.tool_calls) for m in messages]
