"""Sweep: many runs of one recipe, each with other settings, and which of them is the best."""

from __future__ import annotations

import os
import shlex
import shutil
import sys
from collections.abc import Generator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tunesmith.core.errors import RunError, TunesmithError
from tunesmith.core.runs import HOLDER, METRICS, RECIPE, Run
from tunesmith.core.search import Rung, best, rungs
from tunesmith.pipelines.alike import Alike
from tunesmith.pipelines.open_recipe import open_recipe
from tunesmith.pipelines.sweep_page import render_page
from tunesmith.pipelines.train import train
from tunesmith.pipelines.trials import SweepRequest, Trial, settings_of, trials_of
from tunesmith.pipelines.trunk_cache import kept_in
from tunesmith.training.goal import Goal

SWEEP, PAGE = "sweep.json", "sweep.html"


def sweep(
    request: SweepRequest, *, resume: bool = False, show_progress: bool = False
) -> dict[str, Any]:
    """Runs a recipe once for every setting; a run that fails is a row, not the end.

    Args:
        request: what is tried.
        resume: go on with the sweep that is there; finished runs are not run again.
        show_progress: whether each run shows its own.

    Returns:
        What ``sweep.json`` holds: ``trials``, ``best`` (a trial's number), ``metric``, ``out``,
        ``command`` (which trains the best again) and ``notes``.

    Raises:
        RecipeError: a key or a value is wrong in every run, or nothing is tried.
        RunError: the directory is in use or holds another sweep, or no run came to a score.
        Interrupted: a signal stopped it; ``resume`` goes on.
    """
    fixed, settings = settings_of(request)
    base = open_recipe(request.recipe, fixed, to_train=True).recipe
    goal = request.goal(base)
    has_out = any(override.startswith("out=") for override in fixed)
    out = Path(base.out if has_out else f"{base.out}-sweep").expanduser()
    tried = settings[: request.max_runs]
    trials = trials_of(request, fixed, tried, out)
    plan = {
        "recipe": base.with_absolute_paths().model_dump(mode="json", exclude={"out"}),
        "settings": [trial.setting for trial in trials],
        "metric": goal.metric,
        "higher_is_better": goal.higher_is_better,
        "eta": request.eta,
    }
    with _held(out):
        before = _before(out, plan, resume)
        for trial, known in zip(trials, before, strict=False):
            trial.reached = dict(enumerate(known["rounds"]))
            trial.step, trial.best_step = known["steps"], known["best_step"]
            trial.base = known["base"]
        result: dict[str, Any] = {
            "out": str(out),
            "metric": goal.metric,
            "higher_is_better": goal.higher_is_better,
            "n_left_out": len(settings) - len(tried),
            "plan": plan,
        }

        def keep() -> None:
            result["trials"] = [trial.as_dict() for trial in trials]
            result["best"] = _best(trials, goal)
            result["notes"] = [*warnings, *_without_gain(trials, goal)]
            result["command"] = _command(request, fixed, trials, result["best"])
            Run(out).write(SWEEP, result)

        warnings = _not_comparable(trials, goal)
        for warning in warnings:
            print(warning, file=sys.stderr, flush=True)
        alike = Alike(n_runs=len(trials))
        for place, rung in enumerate(rungs(len(trials), request.eta)):
            members = [trial for trial in trials if trial.state in ("waiting", "paused")]
            if place:
                members = _chosen(members, place, rung, goal)
            for trial in members:
                _advance(trial, place, rung, request, goal, trials, show_progress, alike)
                keep()
        keep()
        Run(out).write_text(PAGE, render_page(result))
    if result["best"] is None:
        raise RunError(
            f"{out}: no run came to a score of {goal.metric!r}: "
            + "; ".join(f"{t.number}: {t.reason}" for t in trials[:4])
        )
    return result


def _chosen(members: list[Trial], place: int, rung: Rung, goal: Goal) -> list[Trial]:
    """The best after the round before; the others stop."""
    scores = {trial.number: trial.reached.get(place - 1) for trial in members}
    kept = best(scores, rung.n_runs, higher_is_better=goal.higher_is_better)
    for trial in members:
        if trial.number not in kept:
            trial.state = "stopped"
            trial.reason = f"not among the best {rung.n_runs} of {len(members)}"
    return [trial for trial in members if trial.number in kept]


def _advance(
    trial: Trial,
    place: int,
    rung: Rung,
    request: SweepRequest,
    goal: Goal,
    trials: Sequence[Trial],
    show_progress: bool,
    alike: Alike,
) -> None:
    """Takes one run through one round, unless it has been there."""
    if place in trial.reached:
        trial.state = "finished" if rung.share == 1 else "paused"
        return
    taken = sum(each.step for each in trials)
    if request.max_steps is not None and taken >= request.max_steps:
        trial.state = "not run" if not trial.reached else "stopped"
        trial.reason = f"{taken} steps were taken, and the budget is {request.max_steps}"
        return
    assert trial.recipe is not None
    told = ", ".join(f"{key}={value}" for key, value in trial.setting.items())
    share = "" if rung.share == 1 else f", up to {rung.share:.0%}"
    print(f"[{trial.number}/{len(trials)}] {told}{share}", file=sys.stderr, flush=True)
    is_begun = (trial.out / RECIPE).is_file()
    if trial.out.is_dir() and not is_begun:
        shutil.rmtree(trial.out)  # stopped before it was a run
    try:
        run = train(
            trial.recipe,
            resume=is_begun,
            show_progress=show_progress,
            until=rung.share,
            alike=alike,
        )
        score, trial.best_step, trial.step = _score(run, goal)
        trial.base = _at_start(run, goal)
    except (TunesmithError, MemoryError) as error:
        trial.state, trial.reason = "failed", " ".join(str(error).split()) or "MemoryError"
        trial.step = max((line["step"] for line in Run(trial.out).lines(METRICS)), default=0)
        print(f"  failed: {trial.reason}", file=sys.stderr, flush=True)
        return
    trial.reached[place] = score
    trial.state = "finished" if rung.share == 1 else "paused"
    _let_go()


def _score(run: Run, goal: Goal) -> tuple[float, int, int]:
    """The best value of the metric so far, the step it came after, and the last step.

    The evaluation before the first step is no run's merit: it is the same for all of them.

    Raises:
        RunError: no evaluation logged it.
    """
    lines = run.lines(METRICS)
    evaluations = [line for line in lines if line["kind"] == "eval"]
    found = goal.best([(line["step"], line) for line in evaluations if line["step"] > 0])
    if found is None:
        known = sorted({key for line in evaluations for key in line} - {"kind", "step"})
        what = f"it logs {', '.join(known)}" if known else "no rows are held out to evaluate on"
        raise RunError(
            f"no evaluation gives {goal.metric!r}; {what}. Set --metric, or hold "
            "rows out with data.validation_fraction."
        )
    step, value = found
    return float(value), step, max(line["step"] for line in lines)


def _at_start(run: Run, goal: Goal) -> float | None:
    """The figure before the first step; None where it was not found."""
    lines = [line for line in run.lines(METRICS) if line["kind"] == "eval" and not line["step"]]
    found = goal.best([(line["step"], line) for line in lines])
    return None if found is None else float(found[1])


def _not_comparable(trials: Sequence[Trial], goal: Goal) -> list[str]:
    """Why the runs' figures may not be of one kind."""
    keys = {key for t in trials for key in t.setting}
    varied = {key for key in keys if len({t.setting.get(key) for t in trials}) > 1}
    parts = sorted(key for key in varied if key.partition(".")[0] in ("objective", "task"))
    if not parts or not goal.metric.endswith("loss"):
        return []
    return [
        f"the runs differ in {', '.join(parts)}, so that their {goal.metric} is not one and the "
        "same figure. Rank them by another with --metric."
    ]


def _without_gain(trials: Sequence[Trial], goal: Goal) -> list[str]:
    """That no run was better than what it began with, where that is so."""
    scored = [(t.score, t.base) for t in trials if t.score is not None and t.base is not None]
    sign = 1 if goal.higher_is_better else -1
    if not scored or any(sign * score > sign * base for score, base in scored):
        return []
    return [f"no run has a better {goal.metric} than it had before its first step."]


def _best(trials: Sequence[Trial], goal: Goal) -> int | None:
    """The best run that went to its end; where none did yet, the best of those furthest on."""
    furthest = max((max(trial.reached, default=-1) for trial in trials), default=-1)
    scores = {t.number: t.reached.get(furthest) for t in trials if t.state != "failed"}
    return next(iter(best(scores, 1, higher_is_better=goal.higher_is_better)), None)


def _command(
    request: SweepRequest, fixed: Sequence[str], trials: Sequence[Trial], number: int | None
) -> str | None:
    """What trains the best run anew, outside of the sweep."""
    if number is None:
        return None
    trial = trials[number - 1]
    chosen = [f"{key}={value}" for key, value in trial.setting.items()]
    # For one run alone ``auto`` may leave it, and sums would be rounded in another order.
    if trial.recipe and trial.recipe.train.trunk_cache == "auto" and (place := kept_in(trial.out)):
        chosen.append(f"train.trunk_cache={place}")
    fixed = [override for override in fixed if not override.startswith("out=")]
    return shlex.join(["tunesmith", "train", request.recipe, *fixed, *chosen])


@contextmanager
def _held(out: Path) -> Generator[None]:
    """The sweep's directory, held by this process alone.

    Raises:
        RunError: another process holds it, it cannot be made, or it is something else's.
    """
    import fcntl

    if out.is_dir() and any(out.iterdir()) and not (out / SWEEP).exists():
        if {entry.name for entry in out.iterdir()} != {HOLDER}:
            raise RunError(f"{out}: not empty and no sweep. Choose another directory with out=...")
    try:
        out.mkdir(parents=True, exist_ok=True)
        handle = os.open(out / HOLDER, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise RunError(
            f"{out}: cannot be written ({error.strerror}). Choose another directory with out=..."
        ) from None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError:
        raise RunError(f"{out}: another process is at this sweep.") from None
    finally:
        os.close(handle)


def _before(out: Path, plan: Mapping[str, Any], resume: bool) -> list[dict[str, Any]]:
    """The runs of an earlier beginning.

    Raises:
        RunError: there is (no) sweep, or it is another one.
    """
    if not (out / SWEEP).is_file():
        if resume:
            raise RunError(f"{out}: no sweep to resume here. Start it without --resume.")
        return []
    if not resume:
        raise RunError(
            f"{out}: holds a sweep already; nothing was touched. Choose another directory with "
            "out=..., or go on with it: --resume."
        )
    found = Run(out).read(SWEEP)
    changed = [key for key, value in plan.items() if found["plan"].get(key) != value]
    n_before = len(found["plan"]["settings"])
    if changed == ["settings"] and plan["settings"][:n_before] == found["plan"]["settings"]:
        changed = []  # a larger budget or draw goes on where the smaller one ended
        if plan["eta"] is not None:
            changed = ["settings"]
    if changed:
        raise RunError(
            f"{out}: holds another sweep; {', '.join(changed)} differ. Put it back as it was, or "
            "start a new one with out=..."
        )
    return found["trials"]


def _let_go() -> None:
    """Gives the memory of a run back before the next one."""
    import gc

    from tunesmith.training.fit import release_memory

    gc.collect()
    release_memory()
