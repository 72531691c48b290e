"""Read: the files of a source -> examples by split, with every bad record counted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example
from tunesmith.core.ledger import PLACES_SHOWN, Ledger
from tunesmith.core.part import Settings
from tunesmith.data import FORMATS
from tunesmith.data.format import Format
from tunesmith.data.records import Located, read_records
from tunesmith.data.source import find_files

AnyFormat = Annotated[SerializeAsAny[Format], BeforeValidator(FORMATS.parse)]


class Data(Settings):
    """Which examples are read, and what happens to those that do not fit."""

    path: str | dict[str, str]
    """A file, a folder, a bundled name, ``hf:owner/name[/subset]``, or one of these per split."""
    format: AnyFormat | None = None
    """How records are written; None: told from the first record of each file."""
    validation_fraction: float = Field(default=0.1, ge=0, lt=1)
    """Share of the training rows held out where the source has no validation split."""
    bad_rows: Literal["error", "reject"] = "error"
    """What a record that cannot be used does: stop with its place, or be counted and left out."""
    max_rows: int | None = Field(default=None, gt=0)
    """Rows read from the start of each split; None: all. Further rows are not looked at."""
    max_tokens: int | None = Field(default=None, gt=1)
    """Longest example in tokens; None: the positions of the model, at most 2,048."""
    too_long: Literal["cut", "drop", "error"] = "cut"
    """What a longer example does. ``cut`` shortens the material of its prompt from the end, never
    the answer."""


Examples = dict[str, list[Example]]


def read_examples(data: Data, ledger: Ledger) -> Examples:
    """Reads every split of the source.

    Args:
        data: where and how.
        ledger: counts the records that are rejected.

    Returns:
        Lists of examples by split: ``train``, ``validation``, ``test``.

    Raises:
        DataError: the source is missing or empty, or records are bad and ``bad_rows`` is
            ``error``; then it names the first of them.
    """
    files = find_files(data.path)
    problems: list[DataError] = []
    examples: Examples = {}
    for split, paths in files.items():
        rows = examples.setdefault(split, [])
        for path in paths:
            for row in _read_file(path, data.format):
                if data.max_rows is not None and len(rows) == data.max_rows:
                    break
                if not isinstance(row, DataError):
                    rows.append(row)
                    continue
                place, _, reason = str(row).partition(": ")
                ledger[split].reject(place, reason)
                problems.append(row)
    if problems and data.bad_rows == "error":
        raise _summed_up(problems)
    if not examples.get("train"):
        raise DataError(
            f"{_where(files)}: no example to learn from"
            + (
                f"; {len(problems)} records were rejected, the first: {problems[0]}"
                if problems
                else ""
            )
            + ". Check data.path and data.format."
        )
    return examples


def _read_file(path: Path, chosen: Format | None) -> Iterator[Example | DataError]:
    """Every record of one file as an example or as the reason why it is none."""
    form = chosen
    for record in read_records(path):
        if isinstance(record, DataError):
            yield record
            continue
        if form is None:
            form = _recognise(record, path)
        origin, fields = record
        try:
            example = form.example(fields, origin)
        except DataError as error:
            yield error
        else:
            yield example


def _recognise(record: Located, path: Path) -> Format:
    _, fields = record
    for name in FORMATS.entries:
        cls = FORMATS.load(name)
        if cls.recognises(fields):
            return cls(name=name)
    raise DataError(
        f"{path}: the first record has the keys {sorted(fields)}, and no format is known by them. "
        f"Say which it is with data.format. Known: {', '.join(FORMATS.names())}."
    )


def _summed_up(problems: list[DataError]) -> DataError:
    if len(problems) == 1:
        told = str(problems[0])
        way_out = " Mend it, or have it left out and counted with data.bad_rows=reject."
        return DataError(told if "bad_rows" in told else told + way_out)
    shown = "\n".join(f"  {problem}" for problem in problems[:PLACES_SHOWN])
    more = len(problems) - PLACES_SHOWN
    return DataError(
        f"{len(problems)} records cannot be used:\n{shown}"
        + (f"\n  ... and {more} more" if more > 0 else "")
        + "\nMend them, or leave them out and have them counted with data.bad_rows=reject."
    )


def _where(files: Mapping[str, list[Path]]) -> str:
    paths = [path for group in files.values() for path in group]
    return str(paths[0]) if len(paths) == 1 else str(paths[0].parent)
