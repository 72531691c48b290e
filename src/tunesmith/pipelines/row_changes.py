"""Row changes: which rows one run has seen that another has not, and which were changed."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import Any

import numpy as np

from tunesmith.pipelines.seen_rows import SeenRows

N_EXAMPLES = 5
"""Places that are named of each kind of change."""


def row_changes(before: SeenRows, after: SeenRows) -> dict[str, dict[str, Any]]:
    """By split what became of the rows.

    A row is the same where it asks and answers the same, wherever it stands. One that is not is
    *changed* where the other run has a row of its own that asks the same, or stands in the same
    place; *moved* where the other run has it in another split; else removed or added.

    Returns:
        For each split ``before`` and ``after`` (rows), ``same``, ``changed``, ``moved_in``,
        ``moved_out``, ``removed``, ``added``, and ``examples``: some of the places by kind, those
        of changed rows as ``[before, after]``.
    """
    splits = sorted({*before.asked, *after.asked}, key=_order)
    own = {split: _unmatched(before, after, split) for split in splits}
    elsewhere_before, elsewhere_after = Counter[bytes](), Counter[bytes]()
    for left, right in own.values():
        elsewhere_before.update(row.whole for row in left)
        elsewhere_after.update(row.whole for row in right)
    return {
        split: _of_split(before, after, split, *own[split], elsewhere_before, elsewhere_after)
        for split in splits
    }


class _Row:
    """A row that the other run does not have in this split."""

    __slots__ = ("asked", "origin", "whole")

    def __init__(self, asked: int, whole: bytes, origin: str) -> None:
        self.asked, self.whole, self.origin = asked, whole, origin


def _unmatched(before: SeenRows, after: SeenRows, split: str) -> tuple[list[_Row], list[_Row]]:
    hashes = [_hashes(seen, split) for seen in (before, after)]
    counts = [Counter(found) for found in hashes]
    found: list[list[_Row]] = []
    for seen, own, other in ((before, 0, 1), (after, 1, 0)):
        left = counts[own] - counts[other]
        rows: list[_Row] = []
        for place, whole in enumerate(hashes[own]):
            if left.get(whole, 0) > 0:
                left[whole] -= 1
                rows.append(_Row(int(seen.asked[split][place]), whole, seen.origins[split][place]))
        found.append(rows)
    return found[0], found[1]


def _hashes(seen: SeenRows, split: str) -> list[bytes]:
    if split not in seen.whole:
        return []
    packed = np.ascontiguousarray(seen.whole[split]).view("V16").reshape(-1)
    return [one.tobytes() for one in packed]


def _of_split(
    before: SeenRows,
    after: SeenRows,
    split: str,
    left: list[_Row],
    right: list[_Row],
    all_left: Counter[bytes],
    all_right: Counter[bytes],
) -> dict[str, Any]:
    moved_out = [row for row in left if all_right[row.whole]]
    moved_in = [row for row in right if all_left[row.whole]]
    left = [row for row in left if not all_right[row.whole]]
    right = [row for row in right if not all_left[row.whole]]
    changed: list[tuple[_Row, _Row]] = []
    for key in ("asked", "origin"):
        pairs, left, right = _paired(left, right, key)
        changed += pairs
    n_before, n_after = (len(seen.asked.get(split, ())) for seen in (before, after))
    return {
        "before": n_before,
        "after": n_after,
        "same": n_before - len(moved_out) - len(changed) - len(left),
        "changed": len(changed),
        "moved_out": len(moved_out),
        "moved_in": len(moved_in),
        "removed": len(left),
        "added": len(right),
        "examples": {
            "changed": [[a.origin, b.origin] for a, b in changed[:N_EXAMPLES]],
            "moved_out": [row.origin for row in moved_out[:N_EXAMPLES]],
            "moved_in": [row.origin for row in moved_in[:N_EXAMPLES]],
            "removed": [row.origin for row in left[:N_EXAMPLES]],
            "added": [row.origin for row in right[:N_EXAMPLES]],
        },
    }


def _paired(
    left: list[_Row], right: list[_Row], key: str
) -> tuple[list[tuple[_Row, _Row]], list[_Row], list[_Row]]:
    """Rows of both that are alike in one thing, each once; and what is left of both."""
    waiting: defaultdict[Any, list[_Row]] = defaultdict(list)
    for row in reversed(right):
        waiting[getattr(row, key)].append(row)
    pairs: list[tuple[_Row, _Row]] = []
    rest: list[_Row] = []
    for row in left:
        others = waiting.get(getattr(row, key))
        if others:
            pairs.append((row, others.pop()))
        else:
            rest.append(row)
    taken = {id(other) for _, other in pairs}
    return pairs, rest, [row for row in right if id(row) not in taken]


def _order(split: str) -> tuple[int, str]:
    known = ("train", "validation", "test")
    return (known.index(split) if split in known else len(known), split)
