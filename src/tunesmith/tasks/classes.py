"""Classes: which there are, settled by the training rows; and rows that do not fit them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from tunesmith.checks.labels import suggestions, times
from tunesmith.core.errors import DataError, did_you_mean

if TYPE_CHECKING:
    from tunesmith.tasks.store import EncodedSplit

Problem = Literal["single", "multi", "regression"]
DECIMAL = re.compile(r"[-+]?\d*\.\d+")
NUMBER = "LABEL_0"
"""What transformers calls the one output of a regression."""


@dataclass(frozen=True, slots=True)
class Classes:
    """What a classification is about.

    Attributes:
        problem: one class each, several, or a number.
        labels: names of the head's outputs, in order.
        counts: training rows of each label, of those that are left out too.
    """

    problem: Problem
    labels: tuple[str, ...]
    counts: Counter[str]


def settle(
    training: EncodedSplit, problem: Problem | None, labels: Sequence[str] | None
) -> Classes:
    """Decides what a recipe leaves open.

    A label that is probably misspelt is no class: its rows do not fit.

    Args:
        training: encoded rows; one with a number has a value, one with classes has their names.
        problem: as the recipe says.
        labels: as the recipe says.

    Raises:
        DataError: numbers and classes are mixed, or there is nothing to tell apart.
    """
    names = [training.labels_of(place) for place in range(len(training))]
    counts = Counter(name for of_row in names for name in of_row)
    n_numbers = sum(len(training.values_of(place)) > 0 for place in range(len(training)))
    if problem is None and n_numbers:
        if n_numbers < len(names):
            raise DataError(
                f"{n_numbers} training rows have a number as label, and {len(names) - n_numbers} "
                "have classes. Set task.problem, or data.format.label_kind."
            )
        problem = "regression"
    if problem == "regression":
        return Classes("regression", (NUMBER,), counts)
    if problem is None:
        problem = "single" if all(len(of_row) == 1 for of_row in names) else "multi"
    if labels is not None:
        return Classes(problem, tuple(labels), counts)
    misspelt = suggestions(counts)
    found = tuple(sorted(counts.keys() - misspelt.keys()))
    if found and all(_is_number(name) for name in found) and any(map(DECIMAL.fullmatch, found)):
        raise DataError(
            f"the labels are numbers, {found[0]!r} for one. Set task.problem=regression to learn "
            "them as such, or name the classes in task.labels."
        )
    if len(found) < (2 if problem == "single" else 1):
        told = f"every training row has the label {found[0]!r}" if found else "no row has a label"
        raise DataError(
            f"{told}, so there is nothing to tell apart. Add rows of other labels, or name them "
            "all in task.labels."
        )
    return Classes(problem, found, counts)


def balanced_weights(classes: Classes) -> dict[str, float]:
    """Weights with which all classes together weigh the same, and rows 1 on average.

    Raises:
        DataError: a class has no training row.
    """
    counts = {name: classes.counts[name] for name in classes.labels}
    if absent := [name for name, n in counts.items() if not n]:
        raise DataError(
            f"task.class_weights: no training row has the label {absent[0]!r}, so it cannot be "
            "balanced. Write the weights, or take the label away."
        )
    return {name: sum(counts.values()) / (len(counts) * n) for name, n in counts.items()}


def unfit(names: Sequence[str], n_numbers: int, classes: Classes) -> str:
    """Why a row cannot be used; empty where it can.

    Args:
        names: of its classes.
        n_numbers: how many numbers it has as label.
        classes: the settled ones.
    """
    if classes.problem == "regression":
        return "" if n_numbers == 1 else "a class as label, and the other rows have numbers"
    if n_numbers:
        return "a number as label, and the other rows have classes"
    if classes.problem == "single" and len(names) != 1:
        return f"{len(names)} labels, and the other rows have one each"
    unknown = next((name for name in names if name not in classes.labels), None)
    if unknown is None:
        return ""
    meant = suggestions(classes.counts).get(unknown)
    if meant is not None:
        return (
            f"label {unknown!r} comes {times(classes.counts[unknown])} in training and {meant!r} "
            f"{times(classes.counts[meant])}, so it is probably misspelt. Mend it, or name all "
            "classes in task.labels"
        )
    told = did_you_mean(unknown, classes.labels)
    return f"label {unknown!r} is not one of those that are learnt. {told}"


def _is_number(name: str) -> bool:
    try:
        float(name)
    except ValueError:
        return False
    return True
