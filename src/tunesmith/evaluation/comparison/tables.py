"""Tables: what a comparison found, ready to be drawn."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tunesmith.evaluation.comparison.scale import Mark, Scale, scale_of
from tunesmith.evaluation.comparison.shares import (
    SHARES,
    share_of,
    share_text,
    shown_shares,
)
from tunesmith.evaluation.figures import ends_text, known, p_text, score_text, signed_text

FIGURES = {
    "length_ratio": ("Length against the reference", ",.2f"),
    "mean_tokens": ("Tokens per answer", ",.0f"),
    "tokens_per_s": ("Tokens/s", ",.0f"),
    "seconds": ("Seconds", ",.1f"),
    "cost_per_1000": ("Cost of 1,000", ",.4f"),
}
TONES = {"better": "up", "worse": "down"}


@dataclass(frozen=True, slots=True)
class Column:
    """One score of the table of models.

    Attributes:
        name: of the score.
        words: its heading.
        scale: that all models' intervals are drawn on.
        is_error: whether lower is better.
    """

    name: str
    words: str
    scale: Scale
    is_error: bool


@dataclass(frozen=True, slots=True)
class Cell:
    """One model's score; ``interval`` is empty where none can be had."""

    value: str
    interval: str
    mark: Mark | None
    is_best: bool


@dataclass(frozen=True, slots=True)
class Difference:
    """One pair by one score; ``least`` is the difference that such a sample shows, mostly."""

    one: str
    other: str
    value: str
    interval: str
    mark: Mark | None
    p: str
    verdict: str
    sentence: str
    least: str
    tone: str


@dataclass(frozen=True, slots=True)
class Differences:
    """All pairs by one score, on one scale.

    Attributes:
        words: heading of the score.
        scale: that they are drawn on.
        zero: where no difference lies on it, in percent.
        rows: one for each pair.
        is_error: whether lower is better.
    """

    words: str
    scale: Scale | None
    zero: float
    rows: list[Difference]
    is_error: bool = False


def columns(result: Mapping[str, Any]) -> list[Column]:
    """The scores that any model has; the one that is judged by first."""
    models = result["models"].values()
    judged = result["judged_by"]
    found: list[Column] = []
    for name in sorted(result["headings"], key=lambda name: name != judged):
        of = [model["scores"][name] for model in models if name in model["scores"]]
        scale = scale_of(one.get(end) for one in of for end in ("value", "low", "high"))
        if scale is not None:
            is_error = name in result["lower_is_better"]
            found.append(Column(name, result["headings"][name], scale, is_error))
    return found


def score_rows(
    result: Mapping[str, Any], shown: Sequence[Column]
) -> list[tuple[str, list[Cell | None]]]:
    """Each model's scores in the order of the columns; None where it has none."""
    best = {
        column.name: (min if column.is_error else max)(
            value
            for model in result["models"].values()
            if (value := known(model["scores"].get(column.name, {}).get("value"), 3)) is not None
        )
        for column in shown
    }
    return [
        (
            name,
            [
                _cell(model["scores"].get(column.name), column.scale, best[column.name])
                for column in shown
            ],
        )
        for name, model in result["models"].items()
    ]


def _cell(score: Mapping[str, Any] | None, scale: Scale, best: float) -> Cell | None:
    if score is None or score["value"] is None:
        return None
    value, low, high = (score.get(name) for name in ("value", "low", "high"))
    interval = ends_text(low, high, score_text)
    is_best = known(value, 3) == best
    return Cell(score_text(value), interval, scale.mark(value, low, high), is_best)


def differences(result: Mapping[str, Any]) -> list[Differences]:
    """The pairs by score; the score that is judged by first."""
    judged = result["judged_by"]
    found: list[Differences] = []
    names = dict.fromkeys(pair["score"] for pair in result["pairs"])
    for name in sorted(names, key=lambda name: name != judged):
        pairs = [pair for pair in result["pairs"] if pair["score"] == name]
        ends = [pair[end] for pair in pairs for end in ("difference", "low", "high")]
        # Nothing between the ends: a line of nothing still needs a length.
        scale = scale_of([*ends, 0.0]) if any(end for end in ends) else None
        found.append(
            Differences(
                result["headings"].get(name, name),
                scale,
                0.0 if scale is None else scale.at(0.0),
                [_difference(pair, scale) for pair in pairs],
                name in result["lower_is_better"],
            )
        )
    return found


def _difference(pair: Mapping[str, Any], scale: Scale | None) -> Difference:
    ends = [pair[end] for end in ("difference", "low", "high")]
    p = pair["p"] if pair["p_corrected"] is None else pair["p_corrected"]
    return Difference(
        pair["one"],
        pair["other"],
        signed_text(ends[0]),
        ends_text(ends[1], ends[2], signed_text),
        None if scale is None else scale.mark(*ends),
        p_text(p),
        pair["verdict"],
        pair["sentence"],
        "" if known(pair.get("least")) is None else score_text(pair["least"]),
        TONES.get(pair["verdict"], ""),
    )


@dataclass(frozen=True, slots=True)
class Beside:
    """What is told of the models beside their scores.

    Attributes:
        headings: of the columns.
        rows: by model: each figure in words, and where it is a share, its percent.
    """

    headings: list[str]
    rows: dict[str, list[tuple[str, float | None]]]


def beside(result: Mapping[str, Any]) -> Beside:
    """Shares of answers, lengths, speed and cost; only what some model has."""
    models: Mapping[str, Mapping[str, Any]] = result["models"]
    shares = shown_shares(models.values())
    figures = [name for name in FIGURES if any(known(model.get(name)) for model in models.values())]
    rows: dict[str, list[tuple[str, float | None]]] = {}
    for model, given in models.items():
        rows[model] = [
            (share_text(given, name, "–"), 100 * (share_of(given, name) or 0.0)) for name in shares
        ]
        for name in figures:
            value = known(given.get(name))
            rows[model].append(("–" if value is None else format(value, FIGURES[name][1]), None))
    headings = [SHARES[name].capitalize() for name in shares] + [
        FIGURES[name][0] for name in figures
    ]
    return Beside(headings, rows)
