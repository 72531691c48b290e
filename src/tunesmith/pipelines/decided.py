"""Decided: the rows of a build as they are after review, and with what the learner knew."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tunesmith.core.errors import DataError, RunError
from tunesmith.pipelines.closed_book import KnownAnswer
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.kinds.kind import Kind
from tunesmith.synthesize.outputs import span_in
from tunesmith.synthesize.passage import Passage
from tunesmith.synthesize.review.decisions import Decision
from tunesmith.synthesize.row import Row
from tunesmith.synthesize.rows_file import read_rows


@dataclass(frozen=True)
class Decided:
    """What is exported of a build."""

    path: Path
    """Of its rows."""
    kinds: Mapping[str, Kind]
    catalog: Catalog
    decisions: Mapping[str, Decision]
    known: Mapping[str, KnownAnswer]

    def passage(self, row: Row) -> Passage:
        """That a row was made of."""
        return self.catalog.passage(row.provenance.document, row.provenance.chunk)

    def rows(self, reviewed: Counter[str]) -> Iterator[Row]:
        """Every row with its fate.

        Args:
            reviewed: counts the decisions by what was decided.

        Raises:
            RunError: the rows cannot be read, or are of another build.
        """
        for read in read_rows(self.path):
            if read.draft.kind not in self.kinds:
                raise RunError(
                    f"{self.path}: holds rows of the kind {read.draft.kind!r}, which the build was "
                    "not to make. It was stopped midway: run it to its end first."
                )
            yield self._asked(self._decided(read, reviewed))

    def _decided(self, row: Row, reviewed: Counter[str]) -> Row:
        decision = self.decisions.get(row.id)
        if decision is None:
            return row
        fields = row.as_dict()
        if not decision.holds_for(fields):
            reviewed["changed since and to be looked at again"] += 1
            return row
        reviewed[decision.verdict] += 1
        original = json.dumps(dict(decision.original), ensure_ascii=False)
        after = Row.from_dict(decision.applied_to(fields))
        told = replace(
            after.provenance,
            review=decision.verdict,
            original=original if decision.verdict == "edited" else "",
        )
        after = replace(after, provenance=told)
        problem = self._problem(after) if after.fate == "accepted" else ""
        return replace(after, fate="rejected", reason=problem) if problem else after

    def _problem(self, row: Row) -> str:
        """Why a row that a person accepted can be no example; empty where it can."""
        if not row.draft.has_content and self.kinds[row.draft.kind].asks_teacher:
            return "not usable: accepted in review, and there is no draft"
        passage = self.passage(row)
        try:
            self.kinds[row.draft.kind].example(row.draft, passage, span_in(row, passage))
        except (ValueError, DataError) as error:
            return f"not usable: accepted in review, and {error}"
        return ""

    def _asked(self, row: Row) -> Row:
        """A row with whether its question was answered closed-book, as it stands now."""
        found = self.known.get(row.id)
        if found is None or len(row.draft.turns) != 1:
            return row
        (turn,) = row.draft.turns
        if (turn.request, turn.answer) != (found.question, found.reference):
            return row
        told = "known" if found.is_known else "missed"
        return replace(row, provenance=replace(row.provenance, closed_book=told))
