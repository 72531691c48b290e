"""Agreement: accuracy, and F1 of classes, over exact answers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

from tunesmith.core.answers import Answer
from tunesmith.evaluation.metrics.metric import Metric, Scores


class Accuracy(Metric):
    """Share of answers that are exactly right; of sets of classes: all of them, and no other."""

    name: Literal["accuracy"] = "accuracy"
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
        pairs = list(zip(said, right, strict=True))
        of_label: dict[str, float] = {}
        hits = size = 0
        for label in labels:
            both = sum(label in a and label in r for a, r in pairs)
            either = sum(label in a for a, _ in pairs) + sum(label in r for _, r in pairs)
            of_label[label] = 2 * both / either
            hits, size = hits + both, size + either
        values = {
            "macro_f1": sum(of_label.values()) / len(labels) if labels else 0.0,
            "micro_f1": 2 * hits / size if size else 0.0,
            **{f"f1/{label}": value for label, value in of_label.items()},
        }
        return Scores(values, [{} for _ in answers])


def _same(a: Answer, b: Answer) -> bool:
    return set(a) == set(b) if isinstance(a, tuple) and isinstance(b, tuple) else a == b


def _classes(answer: Answer) -> set[str]:
    if answer is None:
        return set()
    return set(answer) if isinstance(answer, tuple) else {str(answer)}
