"""Comparison page: what a comparison found, as Markdown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tunesmith.core.markdown import markdown_table
from tunesmith.evaluation.comparison.shares import SHARES, share_text, shown_shares
from tunesmith.evaluation.figures import (
    ends_text,
    examples_text,
    p_text,
    plain_signed,
    plain_text,
)
from tunesmith.pipelines.compared_tables import tables_page
from tunesmith.pipelines.preference_page import preference_notes, preference_tables


def markdown(result: Mapping[str, Any]) -> str:
    """The tables of a comparison, for a reader of plain text.

    Args:
        result: what :func:`tunesmith.pipelines.compare.compare` gives.
    """
    parts = [f"# {title(result)}", ""]
    parts += [f"{sentence}\n" for sentence in verdicts(result)]
    parts += ["## Models", "", *markdown_table(*model_table(result)), ""]
    if result["pairs"]:
        parts += ["## Differences", "", *markdown_table(*pair_table(result)), ""]
    for heading, header, rows in preference_tables(result):
        parts += [f"## {heading}", "", *markdown_table(header, rows), ""]
    parts += [f"- {name}: {reason}" for name, reason in result["failed"].items()]
    parts += [f"- {note}" for note in notes(result)]
    parts += tables_page(result)
    for name, lost in result.get("worse", {}).items():
        parts += ["", f"## Worse with {name}", ""]
        rows = [
            (one["origin"], plain_text(one["before"]), plain_text(one["after"])) for one in lost
        ]
        parts += markdown_table(["example", "before", "after"], rows)
    return "\n".join(parts).rstrip() + "\n"


def title(result: Mapping[str, Any]) -> str:
    """What was asked."""
    return f"{examples_text(result['n'])} of {result['source']}"


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
            ends = ends_text(pair["low"], pair["high"], plain_signed)
            found.append(
                f"{one} is {sentence} than {other} by {words}: {plain_signed(pair['difference'])}"
                + (f" ({ends})." if ends else ".")
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
    shares = shown_shares(models.values())
    further = {
        key: (words, form)
        for key, (words, form) in {
            "length_ratio": ("length", ".2f"),
            "tokens_per_s": ("tokens/s", ",.0f"),
            "cost_per_1000": ("cost of 1,000", ",.4f"),
        }.items()
        if any(key in model for model in models.values())
    }
    header = ["model", *(words for _, words in scores), *(SHARES[key] for key in shares)]
    header += [words for words, _ in further.values()]
    rows = [
        [
            name,
            *(_interval(model["scores"].get(score), between) for score, _ in scores),
            *(share_text(model, key) for key in shares),
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
            plain_signed(pair["difference"]),
            ends_text(pair["low"], pair["high"], plain_signed),
            p_text(pair["p_corrected"]),
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
        n = result["n_clusters"]
        found.append(
            "The examples are all of one document or dialogue, which counts as one."
            if n == 1
            else f"The examples are of {n:,} documents or dialogues, each of which counts as one."
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


def _interval(score: Mapping[str, Any] | None, between: str) -> str:
    if score is None:
        return ""
    if score["low"] is None:
        return plain_text(score["value"])
    ends = ends_text(score["low"], score["high"], plain_text)
    return f"{plain_text(score['value'])}{between}({ends})"
