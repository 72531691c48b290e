"""Labels: how often each comes, which are probably misspelt, which are never learnt."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from tunesmith.checks.finding import Finding, first_places
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import EVALUATION, Rows
from tunesmith.core.examples import Example, Labelled, UnpairedPreference

MOST_LABELS = 1000
"""More different ones are not classes, and are not compared."""
RARE = 10
"""A label is rare beside another that comes so many times as often."""
UNEVEN = 20
"""The most frequent label may come so many times as often as the rarest before it is told."""
SHORTEST = 4
"""Shorter labels differ by a letter because they are different."""


class Labels:
    """Keeps a number and a first row for each label of each split."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[str]] = {}
        self._first: dict[str, int] = {}
        self._too_many = False

    def look(self, portion: Portion) -> None:
        """Counts labels; a tuple of classes counts each of them, a number is none."""
        counts = self._counts.setdefault(portion.split, Counter())
        for row, example in enumerate(portion.examples, portion.first):
            for label in _labels(example):
                if label not in self._first:
                    if len(self._first) >= MOST_LABELS:
                        self._too_many = True
                        continue
                    self._first[label] = row
                counts[label] += 1

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells typos, labels of evaluation alone, and the balance of train."""
        if self._too_many:
            fact = f"there are more than {MOST_LABELS:,} different labels"
            fix = "Check data.format: this may be the column of another thing."
            yield Finding("labels", "warning", MOST_LABELS, fact, fix)
            return
        total = sum(self._counts.values(), Counter[str]())
        for wrong, right in suggestions(total).items():
            yield Finding(
                "label-typo",
                "error",
                total[wrong],
                f"label {wrong!r} comes {times(total[wrong])}, {right!r} {times(total[right])}",
                f"Write {right!r}, or it is learnt as a class of its own.",
                rows.places([self._first[wrong]]),
            )
        yield from self._only_judged(rows)
        yield from _balance(self._counts.get("train", Counter()))

    def _only_judged(self, rows: Rows) -> Iterator[Finding]:
        train = self._counts.get("train", Counter[str]())
        unknown = [
            label
            for split in EVALUATION
            for label in self._counts.get(split, ())
            if label not in train
        ]
        if train and unknown:
            yield Finding(
                "unseen-label",
                "error",
                len(unknown),
                f"{len(unknown)} label(s) stand in evaluation alone: "
                f"{', '.join(map(repr, first_places(unknown)))}",
                "Add training rows with them, or take them out of evaluation.",
                rows.places(self._first[label] for label in unknown),
            )


def suggestions(counts: Counter[str]) -> dict[str, str]:
    """Labels that are probably misspelt, each with the frequent one that is meant.

    A label is suspect where it equals a more frequent one but for case and white space, or where
    it is rare beside one that differs by one letter, added, missing, exchanged or swapped with its
    neighbour. The first letter and digits count as meant (``legal``, ``illegal``; ``c1``, ``c2``).
    """
    ranked = [label for label, _ in counts.most_common()]
    bare: dict[str, str] = {}
    found: dict[str, str] = {}
    for label in ranked:
        right = bare.setdefault(" ".join(label.split()).casefold(), label)
        if right != label:
            found[label] = right
    sound = [label for label in ranked if label not in found]
    for place, label in enumerate(sound):
        for other in sound[:place]:
            n, often = counts[label], counts[other]
            is_rare = n * RARE <= often or (n <= 2 and often >= 5)
            if is_rare and other not in found and one_letter_apart(label, other):
                found[label] = other
                break
    return found


def one_letter_apart(a: str, b: str) -> bool:
    """Whether one letter added, missing, exchanged or swapped makes one label the other."""
    a, b = a.casefold(), b.casefold()
    if min(len(a), len(b)) < SHORTEST or abs(len(a) - len(b)) > 1 or a[0] != b[0]:
        return False
    start = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
    if start is None:
        rest = max(a, b, key=len)[min(len(a), len(b)) :]
        return rest.isalpha()
    if len(a) == len(b):
        touched = a[start : start + 2] + b[start : start + 2]
        swapped = a[start : start + 2] == b[start : start + 2][::-1]
        same_behind = a[start + 1 :] == b[start + 1 :]
        exchanged = same_behind and (a[start] + b[start]).isalpha()
        return exchanged or (swapped and touched.isalpha() and a[start + 2 :] == b[start + 2 :])
    short, long = sorted((a, b), key=len)
    return long[start].isalpha() and short[start:] == long[start + 1 :]


def times(n: int) -> str:
    """``once``, ``3 times``."""
    return "once" if n == 1 else f"{n:,} times"


def _labels(example: Example) -> tuple[str, ...]:
    if isinstance(example, Labelled):
        label = example.label
        if isinstance(label, str):
            return (label,)
        return label if isinstance(label, tuple) else ()
    if isinstance(example, UnpairedPreference):
        return ("desirable" if example.desirable else "undesirable",)
    return ()


def _balance(train: Counter[str]) -> Iterator[Finding]:
    if not train:
        return
    ranked, total = train.most_common(), sum(train.values())
    shown = ", ".join(f"{label!r} {n / total:.1%}" for label, n in ranked[:8])
    more = f" and {len(ranked) - 8} more" if len(ranked) > 8 else ""
    shares: dict[str, int] = dict(ranked)
    if len(ranked) == 1:
        fact, fix = f"every row of train has the label {ranked[0][0]!r}", "Add rows of the others."
        yield Finding("label-balance", "error", total, fact, fix, details=shares)
        return
    uneven = ranked[0][1] > UNEVEN * ranked[-1][1]
    yield Finding(
        "label-balance",
        "warning" if uneven else "info",
        total,
        f"{len(ranked)} labels in train: {shown}{more}",
        "The rarest are hardly learnt; add rows of them, or weigh them." if uneven else "",
        details=shares,
    )
