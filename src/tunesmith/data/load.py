"""Load: the examples of every split in memory, for those who need them all."""

from __future__ import annotations

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Example
from tunesmith.data.keys import KeyColumns
from tunesmith.data.read import Row, nothing_to_learn, read_rows, summed_up
from tunesmith.data.settings import Data
from tunesmith.data.split import split_rows

Examples = dict[str, list[Example]]


def load_examples(data: Data, seed: int) -> Examples:
    """What :func:`load_told` gives, without the rows that could not be used."""
    return load_told(data, seed)[0]


def load_told(data: Data, seed: int) -> tuple[Examples, list[str]]:
    """Reads, splits and mixes all examples.

    Args:
        data: where and how.
        seed: decides which rows are held out and drawn; of the run.

    Returns:
        Lists of examples by split: ``train``, ``validation``, ``test``; and the rows of all splits
        that could not be used, each with its place and the reason.

    Raises:
        DataError: a source is missing or holds nothing to learn, or records are bad and
            ``bad_rows`` is ``error``; then it names the first of them.
    """
    columns, rows = KeyColumns(), list[Row]()
    for row in read_rows(data):
        if isinstance(row, Row):
            columns.add(row)
            rows.append(row)
    problems = [f"{row.origin}: {row.reason}" for row in rows if row.fate == "rejected"]
    if problems and data.bad_rows == "error":
        raise summed_up(problems)
    if not any(row.example is not None and row.split == "train" for row in rows):
        raise DataError(nothing_to_learn(data, problems))
    splits = split_rows(columns.done(), data, seed)
    examples = {
        name: [e for i in numbers if (e := rows[int(i)].example) is not None]
        for name, numbers in splits.rows.items()
    }
    return examples, problems
