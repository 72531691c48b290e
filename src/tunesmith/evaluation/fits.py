"""Fits: whether metrics can tell anything of a task's answers, asked before any model answers."""

from __future__ import annotations

from collections.abc import Sequence

from tunesmith.core.answers import Answer
from tunesmith.core.errors import RecipeError
from tunesmith.evaluation.metrics.chosen import Chosen
from tunesmith.evaluation.metrics.metric import Kind
from tunesmith.evaluation.tokens import mostly_characters
from tunesmith.tasks.task import Task

OF_TEXT = ("bits-per-byte", "perplexity")
"""What running text is scored by; the first is the fairest between tokenizers."""
FITTING: dict[Kind, str] = {
    "text": "rouge, bleu, chrf, squad, perplexity",
    "classes": "accuracy, label-f1, mcc",
    "numbers": "squared-error, correlation",
    "running text": ", ".join(OF_TEXT),
    "preferences": "preference",
}
WORDS: dict[Kind, str] = {
    "text": "are text",
    "classes": "are classes",
    "numbers": "are numbers",
    "running text": "are none: it is running text",
    "preferences": "are ranked by preferences",
}


def kind_of(task: Task, references: Sequence[Sequence[Answer]]) -> Kind:
    """What a task's answers are.

    Args:
        task: settled.
        references: of its examples; may be none.
    """
    if task.judged_by == "running-text":
        return "running text"
    if task.judged_by == "preferences":
        return "preferences"
    if task.classes:
        return "classes"
    first = next((accepted[0] for accepted in references if accepted), "")
    if isinstance(first, tuple):
        return "classes"
    return "numbers" if isinstance(first, float) else "text"


def fitting(task: Task, references: Sequence[Sequence[Answer]]) -> tuple[list[str], list[str]]:
    """The metrics of a task where nobody names any, and what is to be known of the choice.

    Short answers in Chinese, Japanese or Korean are compared character by character, since their
    words are not divided by white space.
    """
    if task.judged_by == "running-text":
        return list(OF_TEXT), []
    texts = [one for accepted in references for one in accepted if isinstance(one, str)]
    if "squad" in task.metrics and mostly_characters(texts):
        names = ["cmrc" if name == "squad" else name for name in task.metrics]
        return names, [
            "Most right answers are in characters without white space between words, so they are "
            "compared character by character (cmrc). SQuAD's own rules: --metric squad."
        ]
    return list(task.metrics), []


def require_fit(
    metrics: Sequence[Chosen], task: Task, references: Sequence[Sequence[Answer]]
) -> None:
    """Checks that every metric can score a task's answers, before any are made.

    Raises:
        RecipeError: one cannot; names those that can.
        TunesmithError: something that one needs is not here.
    """
    kind = kind_of(task, references)
    for metric in metrics:
        if kind in metric.fits:
            metric.require_usable()
            continue
        raise RecipeError(
            f"metric {metric.told!r} does not fit: the answers of task {task.name!r} "
            f"{WORDS[kind]}. Take: {FITTING[kind]}."
        )
