"""Comparison page: what a comparison found, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.pipelines.compared_tables import tables_page
from tunesmith.pipelines.preference_page import preference_notes, preference_tables

SHARES = {
    "cut_fraction": "cut",
    "empty_fraction": "empty",
    "unread_fraction": "unread",
    "refused_fraction": "refused",
    "prompt_cut_fraction": "prompt cut",
}


def markdown(result: Mapping[str, Any]) -> str:
    """The tables of a comparison, for a reader of plain text.

    Args:
        result: what :func:`tunesmith.pipelines.compare.compare` gives.
    """
    parts = [f"# {title(result)}", ""]
    parts += [f"{sentence}\n" for sentence in verdicts(result)]
    parts += ["## Models", "", *_table(*model_table(result)), ""]
    if result["pairs"]:
        parts += ["## Differences", "", *_table(*pair_table(result)), ""]
    for title, header, rows in preference_tables(result):
        parts += [f"## {title}", "", *_table(header, rows), ""]
    parts += [f"- {name}: {reason}" for name, reason in result["failed"].items()]
    parts += [f"- {note}" for note in notes(result)]
    parts += tables_page(result)
    for name, lost in result.get("worse", {}).items():
        parts += ["", f"## Worse with {name}", ""]
        rows = [(one["origin"], _f(one["before"]), _f(one["after"])) for one in lost]
        parts += _table(["example", "before", "after"], rows)
    return "\n".join(parts).rstrip() + "\n"


def title(result: Mapping[str, Any]) -> str:
    """What was asked."""
    return f"{result['n']:,} example{'s' if result['n'] != 1 else ''} of {result['source']}"


def verdicts(result: Mapping[str, Any]) -> list[str]:
    """A sentence for each pair by the score that is judged by."""
    score = result["judged_by"]
    words = result["headings"].get(score, score)
    found: list[str] = []
    for pair in result["pairs"]:
        if pair["score"] != score:
            continue
        one, other, sentence = pair["one"], pair["other"], pair["sentence"]
        if pair["verdict"] in ("better", "worse"):
            found.append(
                f"{one} is {sentence} than {other} by {words}: {signed(pair['difference'])} "
                f"({signed(pair['low'])} to {signed(pair['high'])})."
            )
        elif pair["verdict"] == "the same":
            found.append(f"{one} and {other} are {sentence} by {words}.")
        else:
            found.append(f"{one} and {other} {sentence} by {words}.")
    return found


def model_table(
    result: Mapping[str, Any], *, between: str = " "
) -> tuple[list[str], list[list[str]]]:
    """Header and rows: each model's scores with their intervals, and what else is told.

    Args:
        result: of a comparison.
        between: stands between a score and its interval.
    """
    models: Mapping[str, Mapping[str, Any]] = result["models"]
    scores = [
        (name, words)
        for name, words in result["headings"].items()
        if any(name in model["scores"] for model in models.values())
    ]
    shares = {
        key: words
        for key, words in SHARES.items()
        if key == "cut_fraction" or any(model.get(key) for model in models.values())
    }
    further = {
        key: (words, form)
        for key, (words, form) in {
            "length_ratio": ("length", ".2f"),
            "tokens_per_s": ("tokens/s", ",.0f"),
            "cost_per_1000": ("cost of 1,000", ",.4f"),
        }.items()
        if any(key in model for model in models.values())
    }
    header = ["model", *(words for _, words in scores), *shares.values()]
    header += [words for words, _ in further.values()]
    rows = [
        [
            name,
            *(_interval(model["scores"].get(score), between) for score, _ in scores),
            *(format(model.get(key, 0.0), ".0%") for key in shares),
            *(format(model[k], form) if k in model else "" for k, (_, form) in further.items()),
        ]
        for name, model in models.items()
    ]
    return header, rows


def pair_table(
    result: Mapping[str, Any], *, verdict: str = "sentence"
) -> tuple[list[str], list[list[str]]]:
    """Header and rows: every two models by every score.

    Args:
        result: of a comparison.
        verdict: ``sentence``, or ``verdict`` for its word alone.
    """
    header = ["pair", "score", "difference", "95 %", "p", "verdict"]
    rows = [
        [
            f"{pair['one']} against {pair['other']}",
            result["headings"].get(pair["score"], pair["score"]),
            signed(pair["difference"]),
            "" if pair["low"] is None else f"{signed(pair['low'])} to {signed(pair['high'])}",
            _p(pair["p_corrected"]),
            pair[verdict],
        ]
        for pair in result["pairs"]
    ]
    return header, rows


def notes(result: Mapping[str, Any]) -> list[str]:
    """What a reader of the tables should know."""
    found = [
        "One example or document alone has no interval and no test: ask more."
        if (result["n_clusters"] or result["n"]) == 1
        else (
            "Intervals hold 95 % (BCa bootstrap); p is of a paired permutation test, corrected for "
            "the number of pairs (Holm)."
        )
    ]
    if result["n_clusters"]:
        found.append(
            f"The examples are of {result['n_clusters']} documents or dialogues, each of which "
            "counts as one."
        )
    if result["left_out"]:
        many = "rows have" if result["left_out"] > 1 else "row has"
        found.append(f"{result['left_out']:,} {many} no reference answer: left out.")
    if rejected := result.get("rejected", {}).get("n"):
        first = result["rejected"]["first"][0]
        many = (
            "rows could not be used and were" if rejected > 1 else "row could not be used and was"
        )
        found.append(f"{rejected:,} {many} left out: {first}{' ...' if rejected > 1 else ''}")
    return [*found, *_templates(result), *result["notes"], *preference_notes(result)]


def _templates(result: Mapping[str, Any]) -> list[str]:
    """How each model was asked."""
    told = {name: model.get("template") for name, model in result["models"].items()}
    words = {"none": "plain text", "native": "its own chat template", "endpoint": "its endpoint"}
    asked = [f"{name}: {words.get(form, form)}" for name, form in told.items() if form]
    return [f"Laid out by: {'; '.join(asked)}."] if asked else []


def signed(value: float | None) -> str:
    """A difference with its sign."""
    return "-" if value is None else f"{value:+.3f}"


def _interval(score: Mapping[str, Any] | None, between: str) -> str:
    if score is None:
        return ""
    if score["low"] is None:
        return _f(score["value"])
    return f"{_f(score['value'])}{between}({_f(score['low'])} to {_f(score['high'])})"


def _f(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"


def _p(value: float | None) -> str:
    if value is None:
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}"


def _table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    def line(cells: Sequence[str]) -> str:
        return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"

    return [line(header), line(["---"] * len(header)), *map(line, rows)]
