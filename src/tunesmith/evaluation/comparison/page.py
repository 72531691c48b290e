"""Page: what a comparison found, as one HTML file that loads nothing and sends nothing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tunesmith.core.ledger import FATES
from tunesmith.evaluation import report
from tunesmith.evaluation.comparison.again import again
from tunesmith.evaluation.comparison.classes import confusions
from tunesmith.evaluation.comparison.embed import embedded, script_policy
from tunesmith.evaluation.comparison.examples import browsed
from tunesmith.evaluation.comparison.headline import headline, most_telling
from tunesmith.evaluation.comparison.opinions import opinions, strengths
from tunesmith.evaluation.comparison.shown_run import ShownRun, side_by_side
from tunesmith.evaluation.comparison.tables import beside, columns, differences, score_rows
from tunesmith.evaluation.pages import page_environment

SCRIPTS = ("held.js", "words.js", "list.js", "preferred.js", "show.js", "choose.js", "start.js")
HERE = Path(__file__).parent


@dataclass(frozen=True)
class Compared:
    """Everything the page shows.

    Attributes:
        result: what ``comparison.json`` holds.
        examples: what ``examples.jsonl`` holds.
        notes: what a reader of the tables should know.
        runs: the models that are runs.
        preferred: what ``preferences.jsonl`` holds.
    """

    result: Mapping[str, Any]
    examples: Sequence[Mapping[str, Any]]
    notes: Sequence[str] = ()
    runs: Sequence[ShownRun] = ()
    preferred: Sequence[Mapping[str, Any]] = ()


def render_page(compared: Compared) -> str:
    """The page; the same comparison gives the same page to the byte.

    Everything that came from data or models is escaped, and becomes text in the browser only.
    """
    result = compared.result
    request: Mapping[str, Any] = result.get("request") or {"models": list(result["models"])}
    against = next((n for n in result["models"] if n.split("/")[0] == request.get("against")), "")
    worse = {name: lost for name, lost in (result.get("worse") or {}).items() if lost}
    by = result.get("worse_by") or result["judged_by"]
    held = browsed(
        compared.examples,
        result["headings"],
        judged_by=result["judged_by"],
        lower_is_better=result["lower_is_better"],
        compared=most_telling(result),
        empty=result.get("empty", "an empty answer"),
        preferred=_standing(compared),
        lost={
            "against": against,
            "score": by,
            "places": {name: [one["example"] for one in lost] for name, lost in worse.items()},
        },
    )
    votes: Mapping[str, Any] = result.get("votes") or {}
    shown = columns(result)
    script = _script()
    page = page_environment(HERE, Path(report.__file__).parent)
    text = page.get_template("comparison.html.j2").render(
        result=result,
        headline=headline(result),
        asked=_asked(request["models"]),
        notes=compared.notes,
        columns=shown,
        score_rows=score_rows(result, shown),
        beside=beside(result),
        confusions=confusions(result),
        differences=differences(result),
        worse=worse,
        worse_by=result["headings"].get(by, by),
        against=against,
        opinions=opinions(result),
        strengths=strengths(votes.get("strengths") or ()),
        runs=compared.runs,
        charts=[{name: Markup(svg) for name, svg in r.charts.items()} for r in compared.runs],
        row_counts=("read", *FATES),
        lock=side_by_side(compared.runs, "lock"),
        versions=side_by_side(compared.runs, "versions"),
        command=again(request),
        seed=request.get("seed", 0),
        n_held=len(held["rows"]),
        shortened=held["shortened"],
        held=Markup(embedded(held)),
        script=Markup(script),
        script_policy=Markup(script_policy(script)),
    )
    # Paths from the file system may hold lone surrogates, which UTF-8 cannot write.
    return text.encode("utf-8", "replace").decode("utf-8")


def _standing(compared: Compared) -> list[dict[str, Any]]:
    """What was preferred, without a judge or votes that the figures no longer know."""
    kinds = ("judged", "votes")
    gone = {kind: [] for kind in kinds if not compared.result.get(kind)}
    return [{**one, **gone} for one in compared.preferred]


def _script() -> str:
    parts = "\n".join((HERE / name).read_text("utf-8") for name in SCRIPTS)
    return f'\n"use strict";\n(() => {{\n{parts}}})();\n'


def _asked(models: Sequence[str]) -> dict[str, str]:
    """By name: the model behind it, where its name does not say so already."""
    named = (model.partition("=") for model in models)
    return {name: model for name, sign, model in named if sign}
