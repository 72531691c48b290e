"""Store: encoded rows on disk, read through the memory map; nothing is held twice.

A folder of plain arrays: ``tokens`` of all rows one behind the other, a code for the weight of
each token, where each row starts, and what became of every source row.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import numpy as np

from tunesmith.core.errors import DataError
from tunesmith.data.keys import KeyColumns, Keys
from tunesmith.data.read import Row
from tunesmith.tasks.task import EncodedExample, Outcome

SURROGATES = "surrogateescape"
FATES = ("kept", "cut", "dropped", "rejected")
TOKENS, WEIGHTS, ORIGINS, COLUMNS, INFO = (
    "tokens.bin",
    "weights.bin",
    "origins.txt",
    "columns.npz",
    "info.json",
)
"""``info.json`` is written last: a folder without it was not finished."""


@dataclass(frozen=True)
class SourceRows:
    """What became of each of N source rows.

    Attributes:
        keys: to split and mix them by.
        fate: [N] uint8; place in ``FATES``.
        reason: [N] int32; place in ``reasons``, -1 for none.
        mended: [N] int32; what was put right in reading, as a place in ``reasons``, or -1.
        reasons: in words.
        n_cut: [N] int64; tokens left out.
        lacks_end: [N] bool.
        first: [N + 1] int64; encoded rows ``first[i]`` to ``first[i + 1]`` are row i's.
    """

    keys: Keys
    fate: np.ndarray
    reason: np.ndarray
    mended: np.ndarray
    reasons: list[str]
    n_cut: np.ndarray
    lacks_end: np.ndarray
    first: np.ndarray


class StoreWriter:
    """Writes source rows and what they were encoded to, portion by portion.

    As a context: at its end the folder is a store, unless an error ended it.
    """

    def __init__(self, folder: Path, vocabulary_size: int) -> None:
        """Starts an empty store.

        Args:
            folder: exists and is empty.
            vocabulary_size: decides how many bytes a token takes.
        """
        self.folder = folder
        self.dtype = np.uint16 if vocabulary_size <= 2**16 else np.int32
        self.palette: dict[float, int] = {0.0: 0, 1.0: 1}
        self.notices: list[str] = []
        self._keys = KeyColumns()
        self._fate, self._lacks_end = array("B"), array("B")
        self._reason, self._mended = array("i"), array("i")
        self._reasons: dict[str, int] = {}
        self._n_cut, self._first, self._starts = array("q"), array("q", [0]), array("q", [0])
        self._learnt = array("q")
        self._values, self._value_starts = array("d"), array("q", [0])
        self._labels, self._label_starts = array("i"), array("q", [0])
        self._names: dict[str, int] = {}
        self._tokens: IO[bytes] = (folder / TOKENS).open("wb")
        self._weights: IO[bytes] = (folder / WEIGHTS).open("wb")
        self._origins: IO[bytes] = (folder / ORIGINS).open("wb")

    def add(self, rows: Sequence[Row], outcomes: Sequence[Outcome]) -> None:
        """Adds a portion; ``outcomes`` has one entry for each row, read or not."""
        encoded = [e for outcome in outcomes for e in outcome.rows]
        if encoded:
            tokens = np.concatenate([e.input_ids for e in encoded])
            weights = np.concatenate([e.weights for e in encoded])
            starts = np.cumsum([0, *(len(e) for e in encoded[:-1])])
            self._tokens.write(tokens.astype(self.dtype).tobytes())
            self._weights.write(self._coded(weights))
            self._learnt.extend(np.add.reduceat(weights > 0, starts, dtype=np.int64).tolist())
        place = self._starts[-1]
        for row, outcome in zip(rows, outcomes, strict=True):
            self._keys.add(row)
            self._fate.append(FATES.index(outcome.fate))
            self._n_cut.append(outcome.n_cut)
            self._lacks_end.append(outcome.lacks_end)
            self._reason.append(self._known(outcome.reason))
            self._mended.append(self._known(row.mended))
            # File names may hold bytes that are no text, and line ends.
            self._origins.write(row.origin.replace("\n", " ").encode("utf-8", SURROGATES) + b"\n")
            for example in outcome.rows:
                place += len(example)
                self._starts.append(place)
                self._values.extend(example.values)
                self._value_starts.append(len(self._values))
                names = self._names
                self._labels.extend(names.setdefault(n, len(names)) for n in example.labels)
                self._label_starts.append(len(self._labels))
            self._first.append(len(self._starts) - 1)

    def _known(self, reason: str) -> int:
        return self._reasons.setdefault(reason, len(self._reasons)) if reason else -1

    def _coded(self, weights: np.ndarray) -> bytes:
        if ((weights == 0) | (weights == 1)).all():
            return weights.astype(np.uint8).tobytes()
        values, codes = np.unique(weights, return_inverse=True)
        known = [self.palette.setdefault(float(v), len(self.palette)) for v in values]
        if len(self.palette) > 256:
            raise DataError(
                "the messages have more than 255 different weights. Round them, to two digits for "
                "example."
            )
        return np.asarray(known, np.uint8)[codes].tobytes()

    def __enter__(self) -> StoreWriter:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        for file in (self._tokens, self._weights, self._origins):
            file.close()
        if kind is None:
            self._write_columns()

    def _write_columns(self) -> None:
        keys = self._keys.done()
        np.savez(
            self.folder / COLUMNS,
            allow_pickle=False,
            **{f"key_{name}": getattr(keys, name) for name in Keys.__dataclass_fields__},
            fate=np.array(self._fate, np.uint8),
            reason=np.array(self._reason, np.int32),
            mended=np.array(self._mended, np.int32),
            n_cut=np.array(self._n_cut, np.int64),
            lacks_end=np.array(self._lacks_end, np.bool_),
            first=np.array(self._first, np.int64),
            starts=np.array(self._starts, np.int64),
            n_learnt=np.array(self._learnt, np.int64),
            values=np.array(self._values, np.float64),
            value_starts=np.array(self._value_starts, np.int64),
            labels=np.array(self._labels, np.int32),
            label_starts=np.array(self._label_starts, np.int64),
        )
        info = {
            "dtype": np.dtype(self.dtype).name,
            "palette": list(self.palette),
            "reasons": list(self._reasons),
            "names": list(self._names),
            "notices": self.notices,
            "bytes": {
                name: (self.folder / name).stat().st_size
                for name in (TOKENS, WEIGHTS, ORIGINS, COLUMNS)
            },
        }
        (self.folder / INFO).write_text(json.dumps(info), "utf-8")


@dataclass(frozen=True)
class Store:
    """Encoded rows that were written before.

    Attributes:
        folder: where they are.
        source: what became of every source row.
        starts: [R + 1] int64; row r is tokens ``starts[r]`` to ``starts[r + 1]``.
        n_learnt: [R] int64; tokens of each row that are targets of the loss.
        tokens: all token ids, memory-mapped.
        codes: for each token the place of its weight in ``palette``, memory-mapped.
        palette: [<= 256] float32.
        values: numbers of all rows, float64; row r has ``value_starts[r]`` to the next.
        value_starts: [R + 1] int64.
        labels: names of all rows, as places in ``names``, in the same way.
        label_starts: [R + 1] int64.
        names: every name once.
        notices: what is worth telling of the files.
    """

    folder: Path
    source: SourceRows
    starts: np.ndarray
    n_learnt: np.ndarray
    tokens: np.ndarray
    codes: np.ndarray
    palette: np.ndarray
    values: np.ndarray
    value_starts: np.ndarray
    labels: np.ndarray
    label_starts: np.ndarray
    names: list[str]
    notices: list[str]
    _origins: list[str] = field(default_factory=list[str], repr=False)

    @classmethod
    def open(cls, folder: Path) -> Store | None:
        """Opens a store; None where there is none, or one that was not finished or damaged."""
        try:
            info: dict[str, Any] = json.loads((folder / INFO).read_text("utf-8"))
            if any((folder / n).stat().st_size != size for n, size in info["bytes"].items()):
                return None
            columns = np.load(folder / COLUMNS, allow_pickle=False)
        except (OSError, ValueError, KeyError):
            return None
        keys = Keys(**{name: columns[f"key_{name}"] for name in Keys.__dataclass_fields__})
        names = ("fate", "reason", "mended", "n_cut", "lacks_end", "first")
        source = SourceRows(keys=keys, reasons=info["reasons"], **{n: columns[n] for n in names})
        return cls(
            folder,
            source,
            columns["starts"],
            columns["n_learnt"],
            _mapped(folder / TOKENS, np.dtype(info["dtype"])),
            _mapped(folder / WEIGHTS, np.dtype(np.uint8)),
            np.asarray(info["palette"], np.float32),
            columns["values"],
            columns["value_starts"],
            columns["labels"],
            columns["label_starts"],
            info["names"],
            info["notices"],
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def origins(self) -> list[str]:
        """The place of every source row."""
        if not self._origins:
            found = (self.folder / ORIGINS).read_bytes().decode("utf-8", SURROGATES)
            self._origins.extend(found.split("\n")[:-1])
        return self._origins

    def arrays(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Token ids [T] and weights [T] float32 of one encoded row."""
        part = slice(int(self.starts[row]), int(self.starts[row + 1]))
        return self.tokens[part], self.palette[self.codes[part]]

    def values_of(self, row: int) -> np.ndarray:
        """The numbers that the task put beside one encoded row, float64."""
        return self.values[int(self.value_starts[row]) : int(self.value_starts[row + 1])]

    def labels_of(self, row: int) -> list[str]:
        """The names that the task put beside one encoded row."""
        part = self.labels[int(self.label_starts[row]) : int(self.label_starts[row + 1])]
        return [self.names[code] for code in part]

    def source_row(self, row: int) -> int:
        """The number of the source row that an encoded row was made of."""
        return int(np.searchsorted(self.source.first, row, side="right")) - 1

    def origin(self, row: int) -> str:
        """Where the source row of an encoded row was read."""
        return self.origins()[self.source_row(row)]

    def example(self, row: int) -> EncodedExample:
        """One encoded row with its place."""
        ids, weights = self.arrays(row)
        return EncodedExample(
            ids.astype(np.int32),
            weights,
            self.origin(row),
            tuple(self.values_of(row).tolist()),
            tuple(self.labels_of(row)),
        )

    def rows_of(self, source_rows: np.ndarray) -> np.ndarray:
        """The encoded rows of some source rows, in order, int64."""
        first, last = self.source.first[source_rows], self.source.first[source_rows + 1]
        counts = last - first
        ends = np.cumsum(counts)
        within = np.arange(ends[-1] if len(ends) else 0) - np.repeat(ends - counts, counts)
        return np.repeat(first, counts) + within


@dataclass(frozen=True)
class EncodedSplit(Sequence[EncodedExample]):
    """The encoded rows of one split."""

    store: Store
    rows: np.ndarray
    """Rows of the store, int64; one may come several times."""

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row, int64."""
        return self.store.starts[self.rows + 1] - self.store.starts[self.rows]

    @property
    def n_learnt(self) -> np.ndarray:
        """Tokens of each row that are learnt, int64."""
        return self.store.n_learnt[self.rows]

    def arrays(self, place: int) -> tuple[np.ndarray, np.ndarray]:
        """Token ids [T] and weights [T] float32 of one row."""
        return self.store.arrays(int(self.rows[place]))

    def values_of(self, place: int) -> np.ndarray:
        """The numbers that the task put beside one row, float64."""
        return self.store.values_of(int(self.rows[place]))

    def labels_of(self, place: int) -> list[str]:
        """The names that the task put beside one row."""
        return self.store.labels_of(int(self.rows[place]))

    def source_row(self, place: int) -> int:
        """The number of the source row that one row was made of."""
        return self.store.source_row(int(self.rows[place]))

    def origin(self, place: int) -> str:
        """Where one row was read."""
        return self.store.origin(int(self.rows[place]))

    def files(self) -> list[str]:
        """The file of each row."""
        source_rows = np.searchsorted(self.store.source.first, self.rows, side="right") - 1
        origins = self.store.origins()
        return [origins[row].rpartition(":")[0] for row in source_rows]

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, place: Any) -> Any:
        if isinstance(place, slice):
            return [self.store.example(int(row)) for row in self.rows[place]]
        return self.store.example(int(self.rows[place]))


def _mapped(file: Path, dtype: np.dtype[Any]) -> np.ndarray:
    if file.stat().st_size == 0:
        return np.zeros(0, dtype)
    return np.memmap(file, dtype, mode="r")
