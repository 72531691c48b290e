"""Read: the files of the sources -> rows in order, each an example or the reason why not."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example, Preference, SpanQuestion
from tunesmith.core.ledger import PLACES_SHOWN
from tunesmith.data import FORMATS
from tunesmith.data.files.located import shown
from tunesmith.data.format import DroppedRow, Format
from tunesmith.data.records import DataFile, Located, Notice, read_records
from tunesmith.data.settings import Data
from tunesmith.data.source import find_files

Fate = Literal["kept", "dropped", "rejected"]


@dataclass(frozen=True, slots=True)
class Row:
    """One record of a file and what became of it."""

    source: int
    """Which of ``data.all_sources``."""
    split: str
    """As the file says: ``train``, ``validation`` or ``test``."""
    origin: str
    """``file:line``."""
    example: Example | None
    """None where it was dropped or rejected."""
    fate: Fate = "kept"
    reason: str = ""
    mended: str = ""
    """What was mended in it, where it was kept."""


def read_rows(data: Data) -> Iterator[Row | Notice]:
    """Yields every record of every source in order; holds one at a time.

    Raises:
        DataError: a source is missing, or a file cannot be read at all or is in no known format.
    """
    for number, source in enumerate(data.all_sources):
        limit = min(filter(None, (source.max_rows, data.max_rows)), default=None)
        notices: list[Notice] = []
        found = find_files(source.path, source.split, notices.append)
        yield from notices
        for split, paths in found.items():
            n_rows = 0
            for path in paths:
                for row in rows_of_file(path, source.format, source=number, split=split):
                    if isinstance(row, Row):
                        if n_rows == limit:
                            break
                        n_rows += 1
                    yield row


def rows_of_file(
    path: DataFile, form: Format | None, *, source: int = 0, split: str = "train"
) -> Iterator[Row | Notice]:
    """Yields every record of one file with what became of it.

    Raises:
        DataError: the file cannot be read at all, holds nothing or is in no known format.
    """
    holds_any = False
    for item in read_file(path, form):
        if isinstance(item, Notice):
            yield item
            continue
        holds_any = True
        yield _row(item, source, split, str(path))
    if not holds_any:
        raise DataError(f"{shown(path)}: holds no record. Fill it, or take it away.")


def read_file(path: DataFile, form: Format | None) -> Iterator[Example | DataError | Notice]:
    """Every record of one file as an example, or as the reason why it is none."""
    for record in read_records(path):
        if isinstance(record, DataError | Notice):
            yield record
            continue
        if form is None:
            form = recognise(record, path)
        origin, fields = record
        yield from form.examples(fields, origin)


def recognise(record: Located, path: DataFile) -> Format:
    """The format of a file, by one of its records.

    Raises:
        DataError: no format is known by these keys.
    """
    _, fields = record
    for name in FORMATS.entries:
        cls = FORMATS.load(name)
        if cls.recognises(fields):
            return cls(name=name)
    lowered = {str(key).strip().lower(): value for key, value in fields.items()}
    near = next((n for n in FORMATS.entries if FORMATS.load(n).recognises(lowered)), None)
    hint = f"With its keys in lower case it would be {near!r}. " if near else ""
    raise DataError(
        f"{shown(path)}: the first record has the keys {sorted(fields)}, and no format is "
        f"known by them. {hint}"
        f"Say which it is with data.format. Known: {', '.join(FORMATS.names())}."
    )


def _row(item: Example | DataError, source: int, split: str, path: str) -> Row:
    if isinstance(item, DataError):
        # A path may hold ": " itself.
        lead = path if str(item).startswith(path) else ""
        place, _, reason = str(item).removeprefix(lead).partition(": ")
        origin = lead + place
        fate: Fate = "dropped" if isinstance(item, DroppedRow) else "rejected"
        return Row(source, split, origin, None, fate, reason)
    if isinstance(item, Preference) and item.chosen == item.rejected:
        reason = "the chosen answer equals the rejected one"
        return Row(source, split, item.origin, None, "dropped", reason)
    mended = item.mended if isinstance(item, SpanQuestion) else ""
    return Row(source, split, item.origin, item, mended=mended)


def nothing_to_learn(data: Data, problems: Sequence[str]) -> str:
    """What to say where no training row was read."""
    told = f"; {len(problems)} records were rejected, the first: {problems[0]}" if problems else ""
    paths = ", ".join(str(source.path) for source in data.all_sources)
    return f"{paths}: no example to learn from{told}. Check data.path and data.format."


def summed_up(problems: Sequence[str]) -> DataError:
    """One error for all records that cannot be used."""
    if len(problems) == 1:
        told = problems[0]
        way_out = " Mend it, or have it left out and counted with data.bad_rows=reject."
        return DataError(told if "bad_rows" in told else told + way_out)
    shown = "\n".join(f"  {problem}" for problem in problems[:PLACES_SHOWN])
    more = len(problems) - PLACES_SHOWN
    return DataError(
        f"{len(problems)} records cannot be used:\n{shown}"
        + (f"\n  ... and {more} more" if more > 0 else "")
        + "\nMend them, or leave them out and have them counted with data.bad_rows=reject."
    )
