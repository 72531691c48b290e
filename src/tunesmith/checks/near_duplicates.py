"""Near duplicates: rows that share about four fifths of their wording or more."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from tunesmith.checks.clusters import cluster
from tunesmith.checks.finding import Finding, rows_text
from tunesmith.checks.keys import repeats
from tunesmith.checks.minhash import N_BINS, signatures
from tunesmith.checks.portion import Portion, own_part
from tunesmith.checks.rows import EVALUATION, Rows

SHORTEST = 100
"""Bytes; of shorter rows only exact repeats are found."""


class NearDuplicates:
    """Keeps 68 bytes of each row that is long enough."""

    def __init__(self) -> None:
        self._rows = bytearray()
        self._signatures = bytearray()

    def look(self, portion: Portion) -> None:
        """Makes the signatures of a portion's rows."""
        own = [
            own_part(example, prompt)
            for example, prompt in zip(portion.examples, portion.prompts, strict=True)
        ]
        begins = portion.ends - np.diff(portion.ends, prepend=0)
        starts = begins + np.array([start for start, _ in own], np.int64)
        # The last byte of a row is the joint behind it.
        stops = np.array([-1 if end is None else end for _, end in own], np.int64)
        ends = np.where(stops < 0, portion.ends - 1, begins + stops)
        long = np.flatnonzero(ends - starts >= SHORTEST)
        self._rows += (portion.first + long).astype(np.uint32).tobytes()
        self._signatures += signatures(portion.text, starts[long], ends[long]).tobytes()

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells clusters within a split, and those that reach from training into evaluation."""
        numbers = np.frombuffer(self._rows, np.uint32).astype(np.int64)
        again, _ = repeats(rows.pairs)
        is_new = np.ones(len(rows), np.bool_)
        is_new[again] = False
        kept = np.flatnonzero(is_new[numbers])
        numbers = numbers[kept]
        made = np.frombuffer(self._signatures, np.uint16).reshape(-1, N_BINS)[kept]
        labels = cluster(made)
        in_train = rows.in_splits("train")[numbers]
        yield from _within(rows, numbers[in_train], labels[in_train])
        yield from _across(rows, numbers, labels, in_train)


def _within(rows: Rows, numbers: np.ndarray, labels: np.ndarray) -> Iterator[Finding]:
    _, first, inverse, sizes = np.unique(
        labels, return_index=True, return_inverse=True, return_counts=True
    )
    is_first = np.zeros(len(labels), np.bool_)
    is_first[first] = True
    again = np.flatnonzero(~is_first)
    if not len(again):
        return
    n_clusters = int((sizes > 1).sum())
    yield Finding(
        "near-duplicates",
        "warning",
        len(again) + n_clusters,
        f"{rows_text(len(again) + n_clusters)} of train are nearly the same as another: "
        f"{n_clusters:,} cluster{'s' * (n_clusters > 1)}, the largest of {int(sizes.max()):,}",
        "Keep one of each cluster, or leave them where the repetition is meant.",
        rows.places_of_pairs(numbers[first[inverse[again]]], numbers[again]),
        {"clusters": n_clusters, "largest": int(sizes.max())},
    )


def _across(
    rows: Rows, numbers: np.ndarray, labels: np.ndarray, in_train: np.ndarray
) -> Iterator[Finding]:
    held_out = rows.in_splits(*EVALUATION)[numbers]
    known, first = np.unique(labels[in_train], return_index=True)
    alike = np.flatnonzero(held_out & np.isin(labels, known))
    # Rows that ask the very same are a leak of their own.
    prompts = rows.prompts
    alike = alike[~np.isin(prompts[numbers[alike]], prompts[rows.in_splits("train")])]
    if not len(alike):
        return
    partner = numbers[in_train][first[np.searchsorted(known, labels[alike])]]
    yield Finding(
        "near-leak",
        "warning",
        len(alike),
        f"{rows_text(len(alike), 'stand')} in evaluation and nearly the same in train",
        "Take them out of one side: scores on them tell what was memorised.",
        rows.places_of_pairs(partner, numbers[alike]),
    )
