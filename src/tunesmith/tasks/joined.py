"""Joined: the encoded documents of a split as one stream, cut into rows that are full."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

import numpy as np

from tunesmith.tasks.store import EncodedSplit
from tunesmith.tasks.task import EncodedExample


@dataclass(frozen=True)
class JoinedSplit(EncodedSplit):
    """Documents one behind the other, in their order, as rows of one length.

    Neighbouring rows share one token, so that every token is learnt once; the last row is what is
    left. The windows of a long document are put together again, without the token they share.
    """

    tokens_per_row: int = 0

    @cached_property
    def _skipped(self) -> np.ndarray:
        """[R] int64; 1 where an encoded row repeats the last token of the one it goes on with."""
        begins = np.zeros(len(self.store) + 1, np.bool_)
        begins[self.store.source.first] = True
        follows = np.zeros(len(self.rows), np.int64)
        follows[1:] = (self.rows[1:] == self.rows[:-1] + 1) & ~begins[self.rows[1:]]
        return follows

    @cached_property
    def _ends(self) -> np.ndarray:
        """[R] int64; where each encoded row ends in the stream."""
        return np.cumsum(super().lengths - self._skipped)

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, int64."""
        n_tokens = int(self._ends[-1]) if len(self._ends) else 0
        starts = np.arange(0, max(1, n_tokens - 1), self.tokens_per_row - 1)
        return np.minimum(n_tokens - starts, self.tokens_per_row)

    @property
    def n_learnt(self) -> np.ndarray:
        """Tokens of each row that are learnt, int64."""
        return np.array([(self.arrays(place)[1] > 0).sum() for place in range(len(self))], np.int64)

    def arrays(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Token ids [T] and weights [T] float32 of one row."""
        begin = place * (self.tokens_per_row - 1)
        end = min(begin + self.tokens_per_row, int(self._ends[-1]))
        parts: list[tuple[np.ndarray, np.ndarray]] = []
        for number in range(self._holder(begin), self._holder(end - 1) + 1):
            ids, weights = self.store.arrays(int(self.rows[number]))
            skipped = int(self._skipped[number])
            offset = int(self._ends[number]) - len(ids)  # of the row's first token in the stream
            part = slice(max(begin - offset, skipped), end - offset)
            parts.append((ids[part], weights[part]))
        ids = np.concatenate([ids for ids, _ in parts])
        weights = np.concatenate([weights for _, weights in parts])
        weights[0] = 0.0  # learnt at the end of the row before, if at all
        return ids, weights

    def _holder(self, position: int) -> int:
        """The encoded row that holds a position of the stream."""
        return int(np.searchsorted(self._ends, position, side="right"))

    def values_of(self, place: int) -> np.ndarray:
        """None: what stands beside a document has no row of its own."""
        return np.zeros(0)

    def labels_of(self, place: int) -> list[str]:
        """None, likewise."""
        return []

    def origin(self, place: int) -> str:
        """Where the document was read in which one row begins."""
        holder = self._holder(place * (self.tokens_per_row - 1))
        return self.store.origin(int(self.rows[holder]))

    def files(self) -> list[str]:
        """The file of each row's beginning."""
        return [self.origin(place).rpartition(":")[0] for place in range(len(self))]

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, place: int | slice) -> EncodedExample | list[EncodedExample]:
        places = range(len(self))[place]
        if isinstance(places, range):
            return [self._example(one) for one in places]
        return self._example(places)

    def _example(self, place: int) -> EncodedExample:
        ids, weights = self.arrays(place)
        return EncodedExample(ids.astype(np.int32), weights, self.origin(place))


@dataclass(frozen=True)
class PickedJoined(JoinedSplit):
    """Some rows of a stream, each as it is in the whole of it."""

    picked: np.ndarray = field(default_factory=lambda: np.zeros(0, np.int64))
    """Places in the whole stream's rows, int64."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, int64."""
        return super().lengths[self.picked]

    def arrays(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Token ids [T] and weights [T] float32 of one row."""
        return super().arrays(int(self.picked[place]))

    def origin(self, place: int) -> str:
        """Where the document was read in which one row begins."""
        return super().origin(int(self.picked[place]))
