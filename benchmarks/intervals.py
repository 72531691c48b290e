"""Coverage: how often intervals hold the truth, and how often a difference is called that is none.

    python benchmarks/intervals.py [--sets 2000] [--out RESULTS.json]

Data sets are simulated of which the true score is known. Of each the interval of the score, the
interval of the difference of two models that are equally good, and the verdict on them are had as
`tunesmith compare` has them: by 10,000 resamples and 10,000 exchanges.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from measure import machine

from tunesmith.core.markdown import markdown_table
from tunesmith.evaluation.metrics.agreement import LabelF1
from tunesmith.evaluation.statistics.no_width import interval_of
from tunesmith.evaluation.statistics.sample import Sample, sample_of_values
from tunesmith.evaluation.statistics.verdict import compare

HERE = Path(__file__).parent
N_SETS = 2000
NAMES = np.array(["joy", "anger", "fear"])
SHARES = np.array([0.5, 0.3, 0.2])
"""Of the classes."""
RIGHT = 0.75
"""Share of answers that name the right class; the others name each of the rest as often."""
Two = tuple[Sample, Sample]


@dataclass(frozen=True)
class Case:
    """A kind of data set.

    Attributes:
        about: what it is, for a table.
        n_units: documents or examples that count as one.
        truth: the score of both models, were there examples without end.
        draw: a set of examples, answered by both.
        is_share: whether the score lies between 0 and 1.
    """

    about: str
    n_units: int
    truth: float
    draw: Callable[[np.random.Generator], Two]
    is_share: bool = True


def skewed(n: int) -> Callable[[np.random.Generator], Two]:
    """Scores between 0 and 1 that pile up at 0; what is hard for one is hard for both."""

    def draw(generator: np.random.Generator) -> Two:
        shared = generator.beta(0.6, 2.0, n)
        one, other = (
            sample_of_values(0.6 * shared + 0.4 * generator.beta(1.0, 2.0, n)) for _ in range(2)
        )
        return one, other

    return draw


def clustered(n: int) -> Callable[[np.random.Generator], Two]:
    """One to five turns of each of n dialogues, which are alike within one."""

    def draw(generator: np.random.Generator) -> Two:
        turns = generator.integers(1, 6, n)
        names = [str(place) for place in np.repeat(np.arange(n), turns)]
        shared = np.repeat(generator.normal(0.0, 1.0, n), turns)
        one, other = (
            sample_of_values(
                0.2
                + shared
                + np.repeat(generator.normal(0.0, 0.5, n), turns)
                + generator.normal(0.0, 0.5, turns.sum()),
                names,
            )
            for _ in range(2)
        )
        return one, other

    return draw


def binary(n: int, share: float) -> Callable[[np.random.Generator], Two]:
    """Right or wrong; half of the examples are answered alike by both."""

    def draw(generator: np.random.Generator) -> Two:
        shared = generator.random(n) < share
        alike = generator.random(n) < 0.5
        one, other = (
            sample_of_values(np.where(alike, shared, generator.random(n) < share).astype(float))
            for _ in range(2)
        )
        return one, other

    return draw


def classes(n: int) -> Callable[[np.random.Generator], Two]:
    """One of three classes, of which macro F1 is told."""

    def answered(generator: np.random.Generator, right: np.ndarray) -> Sample:
        missed = (right + generator.integers(1, 3, n)) % 3
        said = np.where(generator.random(n) < RIGHT, right, missed)
        found = LabelF1().score(NAMES[said].tolist(), [[str(name)] for name in NAMES[right]])
        return found.samples()["macro_f1"]

    def draw(generator: np.random.Generator) -> Two:
        right = generator.choice(3, n, p=SHARES)
        return answered(generator, right), answered(generator, right)

    return draw


def macro_f1() -> float:
    """The true one of ``classes``: of each class 2 * hits over said and right ones."""
    said = SHARES * RIGHT + (1 - SHARES) * (1 - RIGHT) / 2
    return float(np.mean(2 * SHARES * RIGHT / (said + SHARES)))


CASES = {
    "continuous": Case(
        "mean of skewed scores", 110, 0.6 * 0.6 / 2.6 + 0.4 / 3, skewed(110)
    ),
    "clustered": Case("mean over dialogues", 80, 0.2, clustered(80), is_share=False),
    "macro F1": Case("macro F1 of three classes", 150, macro_f1(), classes(150)),
    "binary": Case("right or wrong, 70 % right", 110, 0.7, binary(110, 0.7)),
    "few binary": Case("right or wrong, 90 % right", 30, 0.9, binary(30, 0.9)),
}  # fmt: skip


def simulated(case: Case, n_sets: int) -> dict[str, Any]:
    """Shares of sets in which intervals hold the truth and a difference is called.

    Args:
        case: the kind of data set, of two models that are equally good.
        n_sets: that are drawn.
    """
    held = differs = called = 0
    started = time.perf_counter()
    for number in range(n_sets):
        one, other = case.draw(np.random.default_rng(number))
        score = interval_of(one, is_share=case.is_share)
        held += score.low <= case.truth <= score.high
        found = compare(one, other, is_share=case.is_share)
        differs += found.same or found.difference.low <= 0.0 <= found.difference.high
        called += found.word in ("better", "worse")
    return {
        "about": case.about,
        "n_units": case.n_units,
        "truth": case.truth,
        "sets": n_sets,
        "score_held": held / n_sets,
        "difference_held": differs / n_sets,
        "called": called / n_sets,
        "seconds": round(time.perf_counter() - started, 1),
    }


def table(found: Mapping[str, Any]) -> list[str]:
    """What came of it, as the lines of a Markdown table."""
    rows = [
        [
            one["about"],
            str(one["n_units"]),
            *(f"{one[key]:.2%}" for key in ("score_held", "difference_held", "called")),
        ]
        for one in found["cases"].values()
    ]
    header = ["score", "units", "interval holds the score", "and the difference", "called"]
    return markdown_table(header, rows)


def main() -> None:
    """Simulates all cases and writes what came of them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--sets", type=int, default=N_SETS)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found: dict[str, Any] = {"machine": machine(), "resamples": 10_000, "cases": {}}
    for name, case in CASES.items():
        found["cases"][name] = simulated(case, given.sets)
        print(name, json.dumps(found["cases"][name]), flush=True)
    file = given.out or HERE / "results" / f"{found['machine']['date']}-coverage.json"
    print("\n".join(table(found)))
    file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
