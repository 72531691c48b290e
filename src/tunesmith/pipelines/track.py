"""Track: opens a run's trackers, and sends what a service did not take."""

from __future__ import annotations

from tunesmith.core.runs import RECIPE, Run
from tunesmith.recipe import Recipe, load_recipe
from tunesmith.trackers import TRACKERS
from tunesmith.trackers.guarded import Guarded, one_line, tell
from tunesmith.trackers.service import Service
from tunesmith.trackers.tracker import OpenTracker, Tracker


def open_trackers(
    run: Run, recipe: Recipe, *, n_steps: int, from_step: int, show_progress: bool
) -> list[OpenTracker]:
    """Opens the run's own files first, then whatever else a recipe names.

    Only the run's own files may end a run: where they cannot be written, nothing else can.
    """
    always = map(TRACKERS.parse, ["jsonl", "progress"] if show_progress else ["jsonl"])
    trackers = {tracker.name: tracker for tracker in (*always, *recipe.trackers)}
    own = trackers.pop("jsonl").open(run.path, n_steps=n_steps, from_step=from_step)
    opened = [_opened(t, run, n_steps, from_step) for t in trackers.values()]
    return [own, *(tracker for tracker in opened if tracker is not None)]


def _opened(tracker: Tracker, run: Run, n_steps: int, from_step: int) -> OpenTracker | None:
    try:
        found = tracker.open(run.path, n_steps=n_steps, from_step=from_step)
    except Exception as error:
        tell(
            f"tracker {tracker.name!r} cannot be opened ({one_line(error)}); training goes on "
            "without it."
        )
        return None
    return Guarded(tracker.name, found)


def send_leftovers(run: Run) -> None:
    """Sends a finished run's records to those of its trackers that lack some."""
    steps = run.summary["steps"]
    for tracker in load_recipe(run.path / RECIPE).trackers:
        if isinstance(tracker, Service) and tracker.has_leftovers(run.path):
            tracker.open(run.path, n_steps=steps, from_step=steps).close(finished=True)
