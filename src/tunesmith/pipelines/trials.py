"""Trials: what a sweep is asked for, and the runs that it comes to."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tunesmith.core.errors import RecipeError
from tunesmith.core.search import Axis, Setting, drawn, grid, parse_axis
from tunesmith.pipelines.open_recipe import open_recipe
from tunesmith.pipelines.watch import goal_of, is_higher_better
from tunesmith.recipe import Recipe
from tunesmith.training.goal import Goal


@dataclass(frozen=True)
class SweepRequest:
    """What is tried, and how much of it.

    Attributes:
        recipe: a file, or the name of a bundled recipe.
        overrides: ``key=value`` for all runs, ``key=a,b`` or ``key=log:a..b`` for what is tried.
        n_random: combinations to draw; None: all of them.
        seed: of the draw.
        settings_file: a YAML list of mappings of dotted keys, in place of values on the line.
        max_runs: runs at most.
        max_steps: steps of all runs together, after which no further one is begun.
        eta: one in so many goes on after each round of successive halving; None: all go to the end.
        metric: what runs are ranked by, of all that an evaluation logs; None: what the recipe
            calls the best, ``train.best_metric``.
        higher_is_better: its direction; None: by its name.
    """

    recipe: str
    overrides: tuple[str, ...] = ()
    n_random: int | None = None
    seed: int = 0
    settings_file: str | None = None
    max_runs: int | None = None
    max_steps: int | None = None
    eta: int | None = None
    metric: str | None = None
    higher_is_better: bool | None = None

    def goal(self, recipe: Recipe) -> Goal:
        """What runs are ranked by.

        Raises:
            RecipeError: nobody knows whether its figure should be low or high.
        """
        if self.metric in (None, recipe.train.best_metric) and self.higher_is_better is None:
            own = goal_of(recipe)
            return Goal(own.metric, own.higher_is_better)
        metric = self.metric or recipe.train.best_metric
        return Goal(
            metric,
            is_higher_better(metric, self.higher_is_better, "--metric", "--higher or --lower"),
        )


@dataclass
class Trial:
    """One run of a sweep, and how far it came.

    Attributes:
        number: counted from 1.
        setting: what sets it apart.
        out: its directory.
        recipe: None where the setting cannot be a recipe.
        state: ``waiting``, ``paused`` (an early round is over), ``stopped`` (not among the best of
            a round), ``finished``, ``failed`` or ``not run``.
        reason: why it failed, stopped or was not run.
        reached: round -> score after it.
        step: steps that were taken.
        best_step: of the evaluation that gave the score.
        base: the figure before the first step.
    """

    number: int
    setting: Setting
    out: Path
    recipe: Recipe | None
    state: str = "waiting"
    reason: str = ""
    reached: dict[int, float | None] = field(default_factory=dict)
    step: int = 0
    best_step: int | None = None
    base: float | None = None

    @property
    def score(self) -> float | None:
        """After the latest round it took part in."""
        return self.reached[max(self.reached)] if self.reached else None

    def as_dict(self) -> dict[str, Any]:
        """Ready for JSON."""
        return {
            "number": self.number,
            "setting": self.setting,
            "run": str(self.out),
            "state": self.state,
            "reason": self.reason,
            "score": self.score,
            "best_step": self.best_step,
            "base": self.base,
            "steps": self.step,
            "rounds": [self.reached[key] for key in sorted(self.reached)],
        }


def settings_of(request: SweepRequest) -> tuple[list[str], list[Setting]]:
    """Overrides for all runs, and the settings that are tried."""
    axes = [parse_axis(text) for text in request.overrides]
    varied = [axis for axis in axes if len(axis.choices) != 1]
    fixed = [f"{axis.key}={axis.choices[0]}" for axis in axes if len(axis.choices) == 1]
    if request.settings_file is not None:
        if varied or request.n_random is not None:
            raise RecipeError("a list of settings stands alone: give values or --list, not both.")
        return fixed, _listed(Path(request.settings_file).expanduser())
    if not varied:
        raise RecipeError(
            "nothing is tried. Give a key several values, as in optim.lr=1e-5,5e-5,2e-4, a range "
            "as in optim.lr=log:1e-5..1e-3 with --random N, or a file with --list."
        )
    return fixed, _combined(varied, request)


def _combined(axes: Sequence[Axis], request: SweepRequest) -> list[Setting]:
    if any(axis.key == "out" for axis in axes):
        raise RecipeError("out: is one folder; each run gets its own in it.")
    if request.n_random is None:
        return grid(axes)
    return drawn(axes, request.n_random, request.seed)


def _listed(file: Path) -> list[Setting]:
    try:
        content = yaml.safe_load(file.read_text("utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{file}: cannot be read: {' '.join(str(error).split())}") from None
    if not isinstance(content, list) or not content:
        raise RecipeError(f"{file}: is no list of settings, as in: - {{optim.lr: 1e-4}}")
    for number, entry in enumerate(content, 1):
        if not isinstance(entry, dict) or not entry:
            raise RecipeError(f"{file}: entry {number} is no mapping of keys to values.")
    return [
        {
            str(key): value if isinstance(value, str) else json.dumps(value)
            for key, value in entry.items()
        }
        for entry in content
    ]


def trials_of(
    request: SweepRequest, fixed: list[str], settings: Sequence[Setting], out: Path
) -> list[Trial]:
    """The runs; one whose setting cannot be is there with the reason.

    Raises:
        RecipeError: none can be.
    """
    trials: list[Trial] = []
    problems: list[RecipeError] = []
    for number, setting in enumerate(settings, 1):
        place = out / _name(number, setting)
        overrides = [*fixed, *(f"{key}={value}" for key, value in setting.items()), f"out={place}"]
        try:
            opened = open_recipe(request.recipe, overrides, to_train=True)
            trials.append(Trial(number, setting, place, opened.recipe))
        except RecipeError as error:
            problems.append(error)
            reason = " ".join(str(error).split())
            trials.append(Trial(number, setting, place, None, "failed", reason))
    if len(problems) == len(trials):
        raise problems[0]
    return trials


def _name(number: int, setting: Setting) -> str:
    """A folder's name that tells the setting."""
    told = "-".join(f"{key.rpartition('.')[2]}={value}" for key, value in setting.items())
    return f"{number:03d}-" + re.sub(r"[^\w.=+-]+", "_", told)[:80]
