"""Demo: the main job on the bundled model and dialogues, from nothing to a report."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunesmith.core.bundled import recipe_path
from tunesmith.pipelines.evaluate import evaluate
from tunesmith.pipelines.train import train
from tunesmith.recipe import load_recipe


def demo(
    *, out: str | None = None, overrides: Sequence[str] = (), show_progress: bool = False
) -> dict[str, Any]:
    """Tunes the bundled model to summarise support dialogues, and scores it beside its base.

    Args:
        out: directory of the run; None: ``runs/demo``, numbered where that is taken.
        overrides: further ``key=value`` settings of the recipe.
        show_progress: whether loss and speed are shown on standard error.

    Returns:
        ``run``, ``report``, ``seconds``, and scores by model as from ``evaluate``.
    """
    started = time.perf_counter()
    place = out or str(_free("runs/demo"))
    recipe = load_recipe(recipe_path("demo"), [*overrides, f"out={place}"])
    run = train(recipe, show_progress=show_progress)
    scores = evaluate(run)
    return {
        **scores,
        "run": str(run.path),
        "report": str(run.path / "report.html"),
        "train": run.summary,
        "seconds": round(time.perf_counter() - started, 2),
    }


def _free(wanted: str) -> Path:
    """The directory, or the first numbered one that does not exist."""
    place, number = Path(wanted), 2
    while place.exists():
        place, number = Path(f"{wanted}-{number}"), number + 1
    return place
