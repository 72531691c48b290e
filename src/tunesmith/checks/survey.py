"""Survey: reads data once, counts what becomes of every row, and shows the rows to the checks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from tunesmith.checks.check import Check
from tunesmith.checks.finding import PLACES_SHOWN, Finding, Severity, rows_text
from tunesmith.checks.portion import PORTION_CHARS, Portion, count_chars
from tunesmith.checks.rows import Rows
from tunesmith.core.errors import DataError, MissingExtraError
from tunesmith.core.examples import Example
from tunesmith.core.ledger import SplitLedger
from tunesmith.data.files.located import shown
from tunesmith.data.read import Row, rows_of_file
from tunesmith.data.records import Notice
from tunesmith.data.settings import Data
from tunesmith.data.source import find_files

MOST_REASONS = 100
"""Different reasons told of one file; further ones are counted together."""
FATES_TOLD: tuple[tuple[str, Severity, str], ...] = (
    ("rejected", "error", "Mend them, or take them out."),
    ("dropped", "info", "Nothing need be done: they are left out and counted."),
)
FURTHER = "for further reasons"


@dataclass
class FileCount:
    """What became of one file's rows."""

    path: str
    split: str
    ledger: SplitLedger = field(default_factory=SplitLedger)
    kinds: Counter[type[Example]] = field(default_factory=Counter[type[Example]])
    n_read: int = 0
    n_chars: int = 0
    error: str = ""
    """Why it could not be read; empty where it could."""

    def as_dict(self) -> dict[str, Any]:
        """The counts ready for JSON."""
        counts = self.ledger.as_dict()
        return {
            "path": self.path,
            "split": self.split,
            "kinds": {kind.__name__: n for kind, n in self.kinds.most_common()},
            "characters": self.n_chars,
            **{name: counts[name] for name in ("read", "kept", "cut", "dropped", "rejected")},
            "reasons": counts["reasons"],
            "error": self.error,
        }


@dataclass
class Survey:
    """What one reading of the data told."""

    rows: Rows = field(default_factory=Rows)
    files: list[FileCount] = field(default_factory=list[FileCount])
    notices: list[str] = field(default_factory=list[str])

    @property
    def kinds(self) -> Counter[type[Example]]:
        """How many usable rows are of each kind."""
        return sum((file.kinds for file in self.files), Counter[type[Example]]())

    @property
    def reasons(self) -> set[str]:
        """Why rows were dropped or rejected."""
        return {reason for file in self.files for _, reason in file.ledger.n_reasons}

    def findings(self) -> Iterator[Finding]:
        """Files that cannot be read, and rows that are rejected or dropped, by reason."""
        for file in self.files:
            if file.error:
                # The reason ends with the next step.
                fact = file.error.rstrip(".")
                yield Finding("unreadable-file", "error", 1, fact, places=(file.path,))
        for fate, severity, fix in FATES_TOLD:
            n_rows: Counter[str] = Counter()
            places: dict[str, list[str]] = {}
            for file in self.files:
                for (found, reason), n in file.ledger.n_reasons.items():
                    if found == fate:
                        n_rows[reason] += n
                        places.setdefault(reason, []).extend(file.ledger.reasons[found, reason])
            for reason, n in n_rows.most_common():
                shown = tuple(places[reason][:PLACES_SHOWN])
                fact = f"{rows_text(n)} {fate}: {reason.rstrip('.')}"
                yield Finding(f"{fate}-rows", severity, n, fact, fix, shown)


def survey(data: Data, checks: Sequence[Check]) -> Survey:
    """Reads every file of every source; holds a few hundred rows at a time.

    A bad row is counted, whatever ``data.bad_rows`` says, and a file that cannot be read is told
    with the others.

    Raises:
        DataError: a source is missing.
    """
    result = Survey()
    for source in data.all_sources:
        limit = min(filter(None, (source.max_rows, data.max_rows)), default=None)
        told: list[Notice] = []
        for split, paths in find_files(source.path, source.split, told.append).items():
            left = limit
            for path in paths:
                file = FileCount(shown(path), split)
                result.files.append(file)
                result.rows.begin_file(file.path, split)
                _read_file(file, rows_of_file(path, source.format), left, result, checks)
                if left is not None:
                    left -= file.n_read
                    if left <= 0:
                        break
        result.notices += [notice.text for notice in told]
    return result


def _read_file(
    file: FileCount,
    rows: Iterator[Row | Notice],
    limit: int | None,
    result: Survey,
    checks: Sequence[Check],
) -> None:
    examples: list[Example] = []
    n_chars: list[int] = []
    waiting = 0
    try:
        for row in rows:
            if isinstance(row, Notice):
                result.notices.append(row.text)
                continue
            if file.n_read == limit:
                break
            file.n_read += 1
            if row.example is None:
                _count_out(file.ledger, row)
                continue
            if row.mended:
                file.ledger.mend(row.origin, row.mended)
            examples.append(row.example)
            n_chars.append(count_chars(row.example))
            waiting += n_chars[-1]
            if waiting >= PORTION_CHARS:
                _show(examples, n_chars, file, result, checks)
                examples, n_chars, waiting = [], [], 0
    except (DataError, MissingExtraError) as error:
        file.error = str(error)
    _show(examples, n_chars, file, result, checks)
    assert file.n_read == file.ledger.n_read, "a row was read and its fate not counted"


def _count_out(ledger: SplitLedger, row: Row) -> None:
    known = (row.fate, row.reason) in ledger.n_reasons
    reason = row.reason if known or len(ledger.n_reasons) < MOST_REASONS else FURTHER
    (ledger.drop if row.fate == "dropped" else ledger.reject)(row.origin, reason)


def _show(
    examples: list[Example],
    n_chars: list[int],
    file: FileCount,
    result: Survey,
    checks: Sequence[Check],
) -> None:
    """Counts usable rows and shows them to every check."""
    if not examples:
        return
    portion = Portion(len(result.rows), file.split, examples)
    result.rows.take(portion, n_chars)
    file.ledger.rows["kept"] += len(examples)
    file.kinds.update(map(type, examples))
    file.n_chars += sum(n_chars)
    for check in checks:
        check.look(portion)
