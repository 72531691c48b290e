"""Compared tables: of answers that are classes, each class by itself and against the others."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tunesmith.core.answers import Answer, Road
from tunesmith.core.markdown import markdown_table
from tunesmith.evaluation.confusion import confusion
from tunesmith.evaluation.figures import ends_text, plain_text
from tunesmith.evaluation.metrics.agreement import LabelF1
from tunesmith.evaluation.score import Scored
from tunesmith.evaluation.statistics.bootstrap import Interval
from tunesmith.evaluation.statistics.no_width import interval_of
from tunesmith.evaluation.statistics.sample import Sample
from tunesmith.pipelines.compared_data import ComparedData
from tunesmith.pipelines.kept_answers import Kept

MOST_CLASSES = 50
"""Of more, intervals of single classes are not told: they would take minutes and nobody's time."""


def add_tables(
    result: dict[str, Any],
    data: ComparedData,
    scored: Mapping[str, Scored],
    answers: Mapping[str, tuple[Kept, Road]],
    samples: Mapping[str, Mapping[str, Sample]],
    seed: int,
) -> None:
    """Adds ``tables`` to each model of a comparison whose answers are classes.

    ``tables`` hold ``classes`` (``name``, ``n``, ``precision``, ``recall``, ``f1`` with ``low`` and
    ``high``) and, where one class alone is right, ``confusion``: ``labels``, ``counts`` (right
    class by answered one) and ``unread`` (answers that are no class).

    Args:
        result: of a comparison; is added to.
        data: what was asked.
        scored: by model.
        answers: by model.
        samples: by model and score.
        seed: of resamples.
    """
    right = [data.task.references(example)[:1] for example in data.examples]
    is_several = any(isinstance(one[0], tuple) for one in right if one)
    if not data.task.classes and not is_several:
        return
    for name in scored:
        said = [one.answer for one in answers[name][0].answered]
        own = samples.get(name, {})
        if f"f1/{_first(right)}" not in own:  # scored by other metrics alone
            own = LabelF1().score(said, right).samples(data.clusters)
        tables = _of_several(said, right) if is_several else _of_one(name, said, right, data)
        if len(tables["classes"]) <= MOST_CLASSES:
            for row in tables["classes"]:
                sample = own.get(f"f1/{row['name']}")
                row |= _ends(
                    None if sample is None else interval_of(sample, is_share=True, seed=seed)
                )
        result["models"][name]["tables"] = tables


def tables_page(result: Mapping[str, Any]) -> list[str]:
    """The tables of every model as Markdown; no line where there are none."""
    lines: list[str] = []
    for name, model in result["models"].items():
        tables = model.get("tables")
        if tables is None:
            continue
        lines += ["", f"## Classes: {name}", ""]
        lines += markdown_table(
            ["class", "rows", "precision", "recall", "F1"],
            [
                [
                    one["name"],
                    str(one["n"]),
                    plain_text(one["precision"]),
                    plain_text(one["recall"]),
                    _with_ends(one["f1"], one),
                ]
                for one in tables["classes"]
            ],
        )
        if "confusion" in tables:
            found = tables["confusion"]
            lines += ["", "Rows are right classes, columns what was answered.", ""]
            unread = any(found["unread"])
            lines += markdown_table(
                ["", *found["labels"], *(["no class"] if unread else [])],
                [
                    [label, *map(str, counts), *([str(odd)] if unread else [])]
                    for label, counts, odd in zip(
                        found["labels"], found["counts"], found["unread"], strict=True
                    )
                ],
            )
    return lines


def _of_one(
    name: str, said: Sequence[Answer], right: Sequence[Sequence[Answer]], data: ComparedData
) -> dict[str, Any]:
    labels = list(data.task.classes)
    pairs = [
        (str(one[0]), answer if isinstance(answer, str) and answer in labels else None)
        for answer, one in zip(said, right, strict=True)
    ]
    found = confusion(name, labels, pairs)
    return {
        "classes": [asdict(one) for one in found.classes],
        "confusion": {"labels": labels, "counts": found.counts, "unread": found.unread},
    }


def _of_several(said: Sequence[Answer], right: Sequence[Sequence[Answer]]) -> dict[str, Any]:
    """Each class by itself, where several can be right at once."""
    pairs = [
        (set(answer) if isinstance(answer, tuple) else set(), set(one[0]))
        for answer, one in zip(said, right, strict=True)
        if isinstance(one[0], tuple)
    ]
    rows: list[dict[str, Any]] = []
    for label in sorted(set().union(*(a | r for a, r in pairs))):
        n_said = sum(label in answer for answer, _ in pairs)
        n = sum(label in wanted for _, wanted in pairs)
        n_right = sum(label in answer and label in wanted for answer, wanted in pairs)
        rows.append(
            {
                "name": label,
                "n": n,
                "precision": n_right / n_said if n_said else None,
                "recall": n_right / n if n else None,
                "f1": 2 * n_right / (n + n_said),
            }
        )
    return {"classes": rows}


def _first(right: Sequence[Sequence[Answer]]) -> str:
    one = right[0][0]
    return str(one[0] if isinstance(one, tuple) and one else one)


def _ends(interval: Interval | None) -> dict[str, float | None]:
    if interval is None or math.isnan(interval.low):
        return {"low": None, "high": None}
    return {"low": interval.low, "high": interval.high}


def _with_ends(value: float | None, one: Mapping[str, Any]) -> str:
    ends = ends_text(one.get("low"), one.get("high"), plain_text)
    return plain_text(value) + (f" ({ends})" if ends else "")
