"""Sweep page: what a sweep found as one HTML page that needs no network and no script."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from markupsafe import Markup

from tunesmith.evaluation import report
from tunesmith.evaluation.charts import number
from tunesmith.evaluation.pages import page_environment
from tunesmith.evaluation.scatter import Dots, scatter_chart

SIZES = {"wide": (1040, 420), "narrow": (342, 320)}
"""Pixels of the drawing on a screen and on a phone."""
COLOURS = ("var(--accent)", "var(--warn)", "var(--quiet)", "var(--ink)", "var(--faint)")
RATE = "optim.lr"
Trials = Sequence[dict[str, Any]]


def render_page(result: dict[str, Any]) -> str:
    """The page of what :func:`tunesmith.pipelines.sweep.sweep` gives; all of it is escaped."""
    page = page_environment(Path(__file__).parent, Path(report.__file__).parent)
    page.filters |= {"number": number}
    text = page.get_template("sweep.html.j2").render(
        result=result,
        keys=list(dict.fromkeys(key for t in result["trials"] for key in t["setting"])),
        headline=headline(result),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        charts={
            name: Markup(chart(result, width, height)) for name, (width, height) in SIZES.items()
        },
    )
    # Paths from the file system may hold lone surrogates, which UTF-8 cannot write.
    return text.encode("utf-8", "replace").decode("utf-8")


def headline(result: dict[str, Any]) -> str:
    """The best run in one sentence."""
    if result["best"] is None:
        return f"No run came to a score of {result['metric']}."
    chosen = result["trials"][result["best"] - 1]
    n_scored = sum(trial["score"] is not None for trial in result["trials"])
    told = ", ".join(f"{key}={value}" for key, value in chosen["setting"].items())
    return f"{told} is the best of {n_scored} runs: {result['metric']} {number(chosen['score'])}."


def chart(result: dict[str, Any], width: int, height: int) -> str:
    """The score over the learning rate, or the first number that was varied; a line for the rest.

    Only runs that were trained equally far are drawn; empty where nothing numeric was varied.
    """
    furthest = max((len(trial["rounds"]) for trial in result["trials"]), default=0)
    trials = [t for t in result["trials"] if t["score"] is not None]
    key = _axis(trials)
    if key is None:
        return ""
    x_values = [_number(trial["setting"][key]) or 0.0 for trial in trials]
    is_log = min(x_values) > 0 and (key == RATE or max(x_values) >= 20 * min(x_values))
    groups: dict[str, list[tuple[float, float, str]]] = {}
    best = None
    for trial, x in zip(trials, x_values, strict=True):
        others = {k: v for k, v in trial["setting"].items() if k != key}
        name = ", ".join(f"{k.rpartition('.')[2]}={v}" for k, v in others.items())
        if furthest > 1 and len(trial["rounds"]) < furthest:
            name = "stopped early"
        words = ", ".join(f"{k}={v}" for k, v in trial["setting"].items())
        groups.setdefault(name, []).append((x, trial["score"], words))
        if trial["number"] == result["best"]:
            best = (x, trial["score"])
    return scatter_chart(
        [
            Dots(name, points, COLOURS[place % len(COLOURS)])
            for place, (name, points) in enumerate(groups.items())
        ],
        title=f"{result['metric']} by {key}",
        x_name=key,
        is_log=is_log,
        best=best,
        width=width,
        height=height,
    )


def _axis(trials: Trials) -> str | None:
    keys = list(dict.fromkeys(key for trial in trials for key in trial["setting"]))
    for key in sorted(keys, key=lambda k: k != RATE):
        values = [_number(trial["setting"].get(key, "")) for trial in trials]
        if None not in values and len(set(values)) > 1:
            return key
    return None


def _number(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None
