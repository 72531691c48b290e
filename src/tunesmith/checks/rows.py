"""Rows: what is remembered of every usable row, some forty bytes each, and of no row its text."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence
from functools import cached_property

import numpy as np

from tunesmith.checks.finding import first_places
from tunesmith.checks.keys import keys, pair_keys
from tunesmith.checks.portion import Portion

EVALUATION = ("validation", "test")
LONGEST_NUMBER = 18
"""Digits of a line number that fits in memory as one."""


class Rows:
    """The usable rows of a data set, numbered in the order of reading.

    Rows are taken in first and looked up afterwards; what is looked up is worked out once.
    """

    def __init__(self) -> None:
        self.files: list[str] = []
        self.splits: list[str] = []
        self._file = array("I")
        self._line = array("q")
        self._odd_places: dict[int, str] = {}  # those that are no line of the file
        self._chars = array("q")
        self._prompts = bytearray()
        self._answers = bytearray()
        self._groups = bytearray()

    def __len__(self) -> int:
        return len(self._file)

    def begin_file(self, path: str, split: str) -> None:
        """Says that the portions that follow are of this file."""
        self.files.append(path)
        self.splits.append(split)

    def take(self, portion: Portion, n_chars: Sequence[int]) -> None:
        """Remembers the rows of a portion of the file begun last, and the length of each."""
        assert portion.first == len(self)
        here = f"{self.files[-1]}:"
        for row, example in enumerate(portion.examples, portion.first):
            line = example.origin.removeprefix(here)
            if line.isdecimal() and len(line) < LONGEST_NUMBER:
                self._line.append(int(line))
            else:
                self._odd_places[row] = example.origin
                self._line.append(-1)
        self._file.extend([len(self.files) - 1] * len(portion))
        self._chars.extend(n_chars)
        self._prompts += portion.prompt_keys
        self._answers += portion.answer_keys
        self._groups += portion.group_keys

    def place(self, row: int) -> str:
        """Where a row was read, ``file:line``."""
        line = self._line[row]
        return self._odd_places[row] if line < 0 else f"{self.files[self._file[row]]}:{line}"

    def places(self, rows: Iterable[int]) -> tuple[str, ...]:
        """The first places of some rows."""
        return first_places(self.place(int(row)) for row in rows)

    def places_of_pairs(self, first: Iterable[int], second: Iterable[int]) -> tuple[str, ...]:
        """The first places of rows that belong together, two and two."""
        pairs = zip(first, second, strict=True)
        return first_places(f"{self.place(int(a))} and {self.place(int(b))}" for a, b in pairs)

    def in_splits(self, *splits: str) -> np.ndarray:
        """Which rows are of these splits, [N] bool."""
        if not len(self):
            return np.zeros(0, np.bool_)
        wanted = np.array([split in splits for split in self.splits], np.bool_)
        return wanted[np.asarray(self._file)]

    @cached_property
    def prompts(self) -> np.ndarray:
        """A key of what the model is given, [N] uint64."""
        return keys(self._prompts)

    @cached_property
    def pairs(self) -> np.ndarray:
        """A key of prompt and answer, [N] uint64."""
        return pair_keys(self.prompts, keys(self._answers))

    @cached_property
    def groups(self) -> np.ndarray:
        """A key of the document or dialogue, [N] uint64; 0 where none is told."""
        return keys(self._groups)

    @property
    def n_chars(self) -> np.ndarray:
        """Characters of prompt and answer, [N] int64."""
        return np.array(self._chars, np.int64)
