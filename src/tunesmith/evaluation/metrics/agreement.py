"""Agreement: accuracy, and F1 of classes, over exact answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.answers import Answer, shown
from tunesmith.evaluation.metrics.metric import Kind, Metric, Parts, Scores


class Accuracy(Metric):
    """Share of answers that are exactly right; of sets of classes: all of them, and no other."""

    name: Literal["accuracy"] = "accuracy"
    fits: ClassVar[frozenset[Kind]] = frozenset({"text", "classes", "numbers"})
    gives: ClassVar[tuple[str, ...]] = ("accuracy",)
    headings: ClassVar[Mapping[str, str]] = {"accuracy": "Accuracy"}
    about: ClassVar[str] = (
        "Accuracy is the share of answers that are exactly right; an answer that cannot be read is "
        "wrong. Higher is better."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """The share, and 1 or 0 for each answer."""
        right = [
            float(answer is not None and any(_same(answer, one) for one in accepted))
            for answer, accepted in zip(answers, references, strict=True)
        ]
        return Scores({"accuracy": sum(right) / len(right)}, [{"accuracy": r} for r in right])


class LabelF1(Metric):
    """F1 of each class, their mean (macro), and F1 of all decisions together (micro).

    Counted are the classes that references or answers have; one that has neither is unknown here.
    An answer that cannot be read is no class, and so misses its reference.
    """

    name: Literal["label-f1"] = "label-f1"
    fits: ClassVar[frozenset[Kind]] = frozenset({"classes"})
    gives: ClassVar[tuple[str, ...]] = ("macro_f1", "micro_f1")
    headings: ClassVar[Mapping[str, str]] = {"macro_f1": "Macro F1", "micro_f1": "Micro F1"}
    details: ClassVar[str] = (
        "F1 of a class weighs what was missed against what was wrongly given; macro F1 is the mean "
        "over classes, micro F1 counts all decisions together."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Also ``f1/LABEL`` for each class; the first reference of each example counts."""
        said = [_classes(answer) for answer in answers]
        right = [_classes(accepted[0]) for accepted in references]
        labels = sorted(set().union(*said, *right))
        counts = np.zeros((len(said), 2, max(1, len(labels))))  # of each: both have it, either has
        for row, (a, r) in enumerate(zip(said, right, strict=True)):
            for place, label in enumerate(labels):
                counts[row, :, place] = (label in a and label in r, (label in a) + (label in r))
        of_label = _f1_of_each(counts.sum(0))
        parts = {
            "macro_f1": Parts(
                counts[..., : len(labels)].reshape(len(said), -1),
                _macro_f1,
                tuple((kind, label) for kind in (0, 1) for label in labels),
            ),
            "micro_f1": Parts(counts.sum(2), _micro_f1),
            **{
                f"f1/{label}": Parts(counts[:, :, place], _micro_f1)
                for place, label in enumerate(labels)
            },
        }
        values = {
            "macro_f1": float(of_label.mean()) if labels else 0.0,
            "micro_f1": float(_micro_f1(counts.sum((0, 2)))) if labels else 0.0,
            **{f"f1/{label}": float(f1) for label, f1 in zip(labels, of_label, strict=False)},
        }
        return Scores(values, [{} for _ in answers], parts)


class MCC(Metric):
    """Matthews' correlation of answered and right classes; 0 is chance (Gorodkin 2004).

    An answer that cannot be read is a class of its own, which is never right. Source: Gorodkin
    2004, Comput. Biol. Chem. 28, 367-374.
    """

    name: Literal["mcc"] = "mcc"
    fits: ClassVar[frozenset[Kind]] = frozenset({"classes"})
    gives: ClassVar[tuple[str, ...]] = ("mcc",)
    headings: ClassVar[Mapping[str, str]] = {"mcc": "MCC"}
    scales: ClassVar[Mapping[str, str]] = {"mcc": "-1 to 1"}
    details: ClassVar[str] = (
        "MCC is the correlation of answered and right classes: 1 is perfect, 0 is chance, however "
        "unequal the classes are."
    )

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Over all answers; the first reference of each example counts."""
        said = ["" if answer is None else shown(answer) for answer in answers]
        right = [shown(accepted[0]) for accepted in references]
        labels = sorted({*said, *right})
        of_label = np.eye(len(labels))
        chosen, wanted = (of_label[[labels.index(one) for one in side]] for side in (said, right))
        agreed = (chosen * wanted).sum(1, keepdims=True)
        sums = np.hstack([agreed, np.ones_like(agreed), chosen, wanted])
        columns = [(2 + side, label) for side in (0, 1) for label in labels]
        parts = Parts(sums, _mcc, ((0, ""), (1, ""), *columns))
        return Scores({"mcc": float(_mcc(sums.sum(0)))}, [{} for _ in answers], {"mcc": parts})


def _mcc(sums: np.ndarray) -> np.ndarray:
    """Of [..., 2 + 2 L]: right answers, answers, and how often each label was said and is right."""
    n_labels = (sums.shape[-1] - 2) // 2
    right, n = sums[..., 0], sums[..., 1]
    said, wanted = sums[..., 2 : 2 + n_labels], sums[..., 2 + n_labels :]
    spread = (n**2 - (said**2).sum(-1)) * (n**2 - (wanted**2).sum(-1))
    together = right * n - (said * wanted).sum(-1)
    return np.where(spread > 0, together / np.sqrt(np.where(spread > 0, spread, 1.0)), 0.0)


def _f1_of_each(counts: np.ndarray) -> np.ndarray:
    """F1 of each label, [..., 2, L] -> [..., L]; NaN of one that nobody has."""
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * counts[..., 0, :] / counts[..., 1, :]


def _macro_f1(sums: np.ndarray) -> np.ndarray:
    """The mean over the labels that anybody has."""
    f1 = _f1_of_each(sums.reshape(*sums.shape[:-1], 2, -1))
    known = ~np.isnan(f1)
    return np.where(known, f1, 0.0).sum(-1) / np.maximum(1, known.sum(-1))


def _micro_f1(sums: np.ndarray) -> np.ndarray:
    with np.errstate(divide="ignore", invalid="ignore"):
        return 2 * sums[..., 0] / sums[..., 1]


def _same(a: Answer, b: Answer) -> bool:
    return set(a) == set(b) if isinstance(a, tuple) and isinstance(b, tuple) else a == b


def _classes(answer: Answer) -> set[str]:
    if answer is None:
        return set()
    return set(answer) if isinstance(answer, tuple) else {str(answer)}
