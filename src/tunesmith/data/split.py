"""Split: which rows train, which validate and which test; and how sources are mixed.

A pure function of the rows' keys, the settings and a seed. No prompt stands on two sides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

import numpy as np

from tunesmith.core.errors import DataError
from tunesmith.data.files.splits import SPLITS
from tunesmith.data.keys import Keys
from tunesmith.data.settings import Data, Source

TRAIN = SPLITS.index("train")


@dataclass
class Splits:
    """Row numbers by split.

    Attributes:
        rows: for each split its rows, int64; training rows may come several times, where a mixture
            repeats them.
        left_out: reason -> training rows that are read and sound, but not used.
        divided: there is a single training row, so part of it is to be held out.
    """

    rows: dict[str, np.ndarray]
    left_out: dict[str, np.ndarray] = field(default_factory=dict[str, np.ndarray])
    divided: bool = False

    def fingerprint(self, keys: Keys) -> str:
        """A hash over every example of every split, answers included, in order."""
        digest = hashlib.sha256()
        for split in sorted(self.rows):
            digest.update(f"\x1d{split}".encode())
            digest.update(keys.whole[self.rows[split]].tobytes())
        return digest.hexdigest()


def split_rows(keys: Keys, data: Data, seed: int) -> Splits:
    """Completes the splits and mixes the sources.

    Training rows whose prompt also stands in validation or test are left out. Where no validation
    split was read, a seeded share of the training rows is held out, of every label alike; rows
    with the same prompt stay together, and by ``split_by=group`` also rows of one document.

    Args:
        keys: of all rows read.
        data: the settings of the data.
        seed: decides which rows are held out and drawn.

    Raises:
        DataError: no training row is left, or too few rows to hold any out.
    """
    splits = Splits({})
    usable = np.flatnonzero(keys.is_usable)
    for number, name in enumerate(SPLITS):
        rows = usable[keys.split[usable] == number]
        if len(rows) or (keys.split == number).any():
            splits.rows[name] = rows
    train = splits.rows.get("train", usable[:0])
    others = usable[keys.split[usable] != TRAIN]
    leaks = np.isin(keys.prompt[train], keys.prompt[others])
    _leave_out(splits, "also in validation or test", train[leaks])
    train = _drawn(splits, train[~leaks], keys, data, seed)
    if not len(train):
        raise DataError(
            "every training row also stands in validation or test; nothing is left to learn from."
        )
    if "validation" in splits.rows:
        if not len(splits.rows["validation"]):
            raise DataError("the validation split is empty. Fill it, or take its file away.")
    elif data.validation_fraction > 0 and len(train) == 1:
        splits.divided = True
    elif data.validation_fraction > 0:
        held_out = _held_out(train, keys, data, seed)
        splits.rows["validation"], train = train[held_out], train[~held_out]
    splits.rows["train"] = _mixed(splits, train, keys, data, seed)
    return splits


def too_few(origin: str) -> DataError:
    """What to say where so few rows are there that none can be held out."""
    return DataError(
        f"{origin}: too few distinct rows to hold any out for validation. Add rows, or set "
        "data.validation_fraction=0."
    )


def _leave_out(splits: Splits, reason: str, rows: np.ndarray) -> None:
    if len(rows):
        splits.left_out[reason] = rows


def _drawn(splits: Splits, train: np.ndarray, keys: Keys, data: Data, seed: int) -> np.ndarray:
    """The training rows without those that ``num_samples`` does not draw."""
    keep = np.ones(len(train), np.bool_)
    for number, source in enumerate(data.all_sources):
        places = np.flatnonzero(keys.source[train] == number)
        if source.num_samples is not None and source.num_samples < len(places):
            generator = np.random.default_rng([seed, number, 1])
            keep[generator.permutation(places)[source.num_samples :]] = False
    _leave_out(splits, "not drawn by num_samples", train[~keep])
    return train[keep]


def _held_out(train: np.ndarray, keys: Keys, data: Data, seed: int) -> np.ndarray:
    """Which training rows are held out, [n] bool."""
    bound = _bound(train, keys, by_group=data.split_by == "group")
    units, first, unit_of = np.unique(bound, return_index=True, return_inverse=True)
    if len(units) < 2:
        raise too_few(f"{len(train)} training rows that ask the same")
    order = np.argsort(_mix(units, seed), kind="stable")
    chosen = np.zeros(len(units), np.bool_)
    labels = keys.label[train][first]
    for label in np.unique(labels):
        of_label = order[labels[order] == label]
        chosen[of_label[: round(len(of_label) * data.validation_fraction)]] = True
    if not chosen.any():
        chosen[order[0]] = True
    if chosen.all():
        chosen[order[-1]] = False
    return chosen[unit_of]


def _bound(train: np.ndarray, keys: Keys, *, by_group: bool) -> np.ndarray:
    """A number for each row, the same for rows that must not be split apart, [n] uint64."""
    bound = keys.prompt[train].copy()
    if not by_group:
        return bound
    columns = [np.unique(keys.prompt[train], return_inverse=True)[1]]
    columns.append(np.unique(keys.group[train], return_inverse=True)[1])
    while True:  # the least number spreads over shared prompts and groups until nothing changes
        before = bound.copy()
        for column in columns:
            least = np.full(column.max() + 1, np.iinfo(np.uint64).max, np.uint64)
            np.minimum.at(least, column, bound)
            bound = least[column]
        if np.array_equal(before, bound):
            return bound


def _mix(numbers: np.ndarray, seed: int) -> np.ndarray:
    """Scrambles hashes by a seed (the finaliser of splitmix64)."""
    key = int.from_bytes(hashlib.sha256(str(seed).encode()).digest()[:8], "little")
    mixed = numbers ^ np.uint64(key)
    for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
        mixed = (mixed ^ (mixed >> np.uint64(shift))) * np.uint64(factor)
    return mixed ^ (mixed >> np.uint64(31))


def _mixed(splits: Splits, train: np.ndarray, keys: Keys, data: Data, seed: int) -> np.ndarray:
    """The training rows with every source's share: some left out, or some several times."""
    sources = data.all_sources
    places = [np.flatnonzero(keys.source[train] == number) for number in range(len(sources))]
    read = [
        int(((keys.source == n) & (keys.split == TRAIN) & keys.is_usable).sum())
        for n in range(len(sources))
    ]
    wanted = _wanted([len(p) for p in places], read, sources, data.mix)
    times = np.ones(len(train), np.int64)
    for number, (rows, n_wanted) in enumerate(zip(places, wanted, strict=True)):
        if not len(rows) or n_wanted == len(rows):
            continue
        generator = np.random.default_rng([seed, number, 2])
        whole, rest = divmod(n_wanted, len(rows))
        times[rows] = whole
        times[generator.permutation(rows)[:rest]] += 1
    _leave_out(splits, "left out by the mixture", train[times == 0])
    return np.repeat(train, times)


def _wanted(counts: list[int], read: list[int], sources: list[Source], mix: str) -> list[int]:
    """How many training rows each source is to give, of those that are there."""
    if mix == "concat":
        return [
            round(count * max(1.0, (source.num_samples or 0) / n_read)) if count else 0
            for count, n_read, source in zip(counts, read, sources, strict=True)
        ]
    pick = min if mix == "shrink" else max
    present = [(n, s.weight) for n, s in zip(counts, sources, strict=True) if n and s.weight]
    unit = pick((n / weight for n, weight in present), default=0.0)
    return [round(unit * (source.weight or 0)) for source in sources]
