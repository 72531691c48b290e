"""Compared runs: what the directories of runs tell of the models that were compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.errors import TunesmithError
from tunesmith.core.runs import LEDGER, LOCK, METRICS, RECIPE, SUMMARY, Run
from tunesmith.evaluation.comparison.shown_run import ShownRun
from tunesmith.evaluation.report import LOSS_OF_OTHERS, LOSS_OF_TOKENS
from tunesmith.pipelines.beside import Beside, named_models
from tunesmith.pipelines.report import curve, facts
from tunesmith.recipe import load_recipe


def places_of(models: Iterable[Beside]) -> dict[str, str]:
    """By name, where the models that are folders here lie, whoever looks from wherever."""
    folders = {one.name: Path(one.model).expanduser() for one in models if not is_hosted(one.model)}
    return {name: str(folder.absolute()) for name, folder in folders.items() if folder.is_dir()}


def compared_runs(models: Sequence[str], places: Mapping[str, str] | None = None) -> list[ShownRun]:
    """The models that are finished runs, with their curves, ledger, lock and recipe.

    Args:
        models: each ``NAME=MODEL`` or ``MODEL``; others than runs are left out.
        places: by name, where they lie; None: as they are named.
    """
    found: list[ShownRun] = []
    for one in named_models(models, taken=()):
        folder = Path((places or {}).get(one.name, one.model)).expanduser()
        if is_hosted(one.model) or not (folder / LOCK).is_file():
            continue
        run = Run(folder)
        if run.is_finished:
            found.append(_shown(one.name, one.model, run))
    return found


def _shown(name: str, path: str, run: Run) -> ShownRun:
    lines = run.lines(METRICS)
    lock = run.read(LOCK)
    try:
        recipe = load_recipe(run.path / RECIPE)
    except TunesmithError:  # of another version; the rest can be shown all the same
        recipe = None
    is_of_tokens = recipe is None or recipe.loss.name == "tokens"
    return ShownRun(
        name=name,
        path=path,
        train_loss=curve(lines, "train", "train", "loss"),
        eval_loss=curve(lines, "eval", "eval", "eval_loss"),
        learning_rate=curve(lines, "lr", "train", "lr"),
        loss_about=LOSS_OF_TOKENS if is_of_tokens else LOSS_OF_OTHERS,
        ledger=run.read(LEDGER),
        lock={key: value for key, value in lock.items() if isinstance(value, str)},
        versions=lock.get("versions", {}),
        facts=[]
        if recipe is None
        else facts(run.read(SUMMARY), recipe.model.path, recipe.method.name),
        recipe_yaml=(run.path / RECIPE).read_text("utf-8"),
    )
