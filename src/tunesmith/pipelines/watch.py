"""Watch: what a run is watched by besides its loss: scores of answers, samples, forgetting."""

from __future__ import annotations

import heapq
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np

from tunesmith.core.errors import DataError, RecipeError, TemplateError
from tunesmith.core.examples import Example
from tunesmith.evaluation.metrics import METRICS
from tunesmith.pipelines.prepare import Prepared, split_of
from tunesmith.recipe import Recipe
from tunesmith.tasks.task import Task
from tunesmith.training.goal import Goal

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.evaluation.during import AnswerScorer
    from tunesmith.evaluation.forgetting import GeneralText
    from tunesmith.training.evaluation import Scorer
    from tunesmith.training.loop import Trainer

DIRECTIONS = {
    "loss": False,
    "perplexity": False,
    "accuracy": True,
    "margin": True,
    "fraction": False,
}
"""How names end whose direction is known -> whether higher is better."""
SUBSET = 1
"""Tells the drawing of rows to score from all else that the seed decides."""

Show = Callable[[list[dict[str, Any]]], None]


def goal_of(recipe: Recipe) -> Goal:
    """What a recipe calls the best evaluation.

    Raises:
        RecipeError: nobody knows whether its figure should be low or high.
    """
    train = recipe.train
    higher = is_higher_better(
        train.best_metric,
        train.higher_is_better,
        "train.best_metric",
        "train.higher_is_better to true or false",
    )
    return Goal(train.best_metric, higher, train.patience, train.min_delta)


def is_higher_better(name: str, told: bool | None, key: str, setting: str) -> bool:
    """Whether a figure is the better, the higher it is.

    Args:
        name: of the figure.
        told: by the user; None: as its name says.
        key: where the name was given, for the message.
        setting: what says the direction, for the message.

    Raises:
        RecipeError: neither tells.
    """
    if told is not None:
        return told
    if name == Goal().metric:
        return False  # without the tables of all metrics, which take a moment to load
    for metric in map(METRICS.load, METRICS.names()):
        if name in metric.gives:
            return metric.higher_is_better
    known = next((up for end, up in DIRECTIONS.items() if name.endswith(end)), None)
    if known is None:
        raise RecipeError(
            f"{key}={name!r}: nobody knows whether it should be high or low. Set {setting}."
        )
    return known


def answers_are_made(recipe: Recipe) -> bool:
    """Whether the model writes or labels anything while it trains."""
    return bool(recipe.train.score_rows or recipe.train.samples)


def scorers(recipe: Recipe, prepared: Prepared, trainer: Trainer, show: Show) -> list[Scorer]:
    """Everything that looks at the model at every evaluation.

    Args:
        recipe: the whole of it.
        prepared: its data.
        trainer: holds the model.
        show: is told the answers that are kept.

    Raises:
        TunesmithError: there is nothing to score answers by, or the text cannot be read.
    """
    found = [_answers(recipe, prepared, trainer, show), _forgetting(recipe, prepared, trainer)]
    return [scorer for scorer in found if scorer is not None]


def _answers(
    recipe: Recipe, prepared: Prepared, trainer: Trainer, show: Show
) -> AnswerScorer | None:
    from tunesmith.evaluation.during import AnswerScorer
    from tunesmith.evaluation.roads import answerer, open_roads

    n_scored, n_shown = recipe.train.score_rows, recipe.train.samples
    if not n_scored and not n_shown:
        return None
    key = "score_rows" if n_scored else "samples"
    network: Any = trainer.model.model
    model = answerer(
        network,
        prepared.task,
        prepared.tokenizer,
        prepared.template,
        prepared.limits,
        batch_size=recipe.evaluate.batch_size,
    )
    roads = open_roads(model, prepared.task, recipe.evaluate.roads)
    if not roads:
        raise RecipeError(
            f"train.{key}: task {prepared.task.name!r} gives no answers to score. Take "
            f"train.{key} away."
        )
    room = recipe.evaluate.max_new_tokens
    return AnswerScorer(
        model,
        prepared.task,
        "generate" if "generate" in roads else roads[0],
        _askable(_drawn(recipe, prepared, key), model, prepared.task, room, key),
        n_scored=n_scored,
        n_shown=n_shown,
        max_new_tokens=room,
        metrics=recipe.evaluate.metrics,
        length_normalised=recipe.evaluate.length_normalised,
        show=show,
    )


def _askable(
    drawn: list[Example], model: LocalModel | Predictor, task: Task, room: int, key: str
) -> list[Example]:
    """Those that fit into the model; a head cuts what does not."""
    from tunesmith.chat.local import LocalModel

    if not isinstance(model, LocalModel):
        return drawn
    found: list[Example] = []
    for example in drawn:
        asked = task.ask(example)
        with suppress(TemplateError):
            if asked is not None and len(model.prompt(asked, room)):
                found.append(example)
    if len(found) < len(drawn):
        print(
            f"train.{key}: {len(drawn) - len(found)} of {len(drawn)} drawn rows are too long to be "
            "asked, and left out.",
            file=sys.stderr,
        )
    return found


def _drawn(recipe: Recipe, prepared: Prepared, key: str) -> list[Example]:
    """The held-out examples to answer: the same ones for a seed, in drawn order."""
    if "validation" not in prepared.splits.rows:
        raise DataError(
            f"train.{key}: no rows are held out to be answered. Set data.validation_fraction, or "
            f"take train.{key} away."
        )
    task = prepared.task
    held_out = prepared.splits.rows["validation"]
    ranks = np.random.default_rng([recipe.train.seed, SUBSET]).permutation(len(held_out))
    rows = split_of(prepared, recipe, "validation")
    can_be_asked = (
        (int(rank), row.example)
        for rank, row in zip(ranks, rows, strict=False)
        if row.example is not None and task.references(row.example)
    )
    n = max(recipe.train.score_rows, recipe.train.samples)
    drawn = [example for _, example in heapq.nsmallest(n, can_be_asked, key=lambda pair: pair[0])]
    if not drawn:
        raise DataError(
            f"train.{key}: no held-out row has a reference answer to score against. Take "
            f"train.{key} away."
        )
    return drawn


def _forgetting(recipe: Recipe, prepared: Prepared, trainer: Trainer) -> GeneralText | None:
    from tunesmith.evaluation.forgetting import GeneralText, TextRows, general_text
    from tunesmith.model.task_model import TaskModel
    from tunesmith.objectives.tokens import Tokens
    from tunesmith.training.passes import Passes

    name = recipe.evaluate.forgetting
    # Fresh weights know nothing that could be forgotten, and other heads write no text.
    if name is None or recipe.model.init == "random" or prepared.task.head() is not None:
        return None
    rows = TextRows(general_text(name), prepared.tokenizer, prepared.template, prepared.limits)
    model = TaskModel(trainer.model.model, Tokens(), fused=recipe.train.fused)
    passes = Passes(model, trainer.placement, trainer.passes.precision)
    return GeneralText(rows, passes.forward, trainer.evaluator.portion)
