"""Compared data: the examples that models are compared on, and the task they set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.errors import DataError, RecipeError
from tunesmith.core.examples import Document, Example, Labelled
from tunesmith.core.runs import LOCK, RECIPE
from tunesmith.data.load import load_told
from tunesmith.data.settings import Data
from tunesmith.pipelines.load import task_of
from tunesmith.pipelines.open_recipe import open_recipe
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import Recipe, load_recipe
from tunesmith.tasks import TASKS
from tunesmith.tasks.classify import Classify
from tunesmith.tasks.task import Task

RECIPES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class ComparedData:
    """What is asked.

    Attributes:
        task: settled.
        examples: each with a reference answer, or running text.
        source: where they are from, for people.
        n_left_out: rows without a reference answer.
        recipe: whose data they are; None: a file's.
        rejected: rows that could not be used, each with its place and the reason.
    """

    task: Task
    examples: list[Example]
    source: str
    n_left_out: int
    recipe: Recipe | None = None
    rejected: Sequence[str] = ()

    @property
    def clusters(self) -> list[str] | None:
        """The document or dialogue of each; None: each stands alone."""
        groups = [getattr(example, "group", "") or example.origin for example in self.examples]
        return groups if len(set(groups)) < len(groups) else None


def compared_data(
    data: str | Path | None,
    models: Sequence[str],
    *,
    task: str | None = None,
    split: str | None = None,
    max_rows: int | None = None,
    bad_rows: Literal["error", "reject"] = "error",
) -> ComparedData:
    """Finds the examples.

    Args:
        data: a recipe, a finished run or a data file; None: the held-out rows of the first model
            that is a run.
        models: names of the models, of which one may tell the task.
        task: its name, for a data file; None: told by the models or the examples.
        split: of a recipe's data; None: ``test`` if it has it, else ``validation``; of a file: all.
        max_rows: from the start; None: all.
        bad_rows: of a data file: whether a row that cannot be used is an error.

    Raises:
        TunesmithError: nothing tells the examples or the task, or none has a reference answer.
    """
    recipe = _recipe(data, models)
    if recipe is not None:
        if task is not None:
            raise RecipeError("--task goes with a data file; a recipe names its own.")
        if bad_rows != "error":
            raise RecipeError("--bad-rows goes with a data file; a recipe has data.bad_rows.")
        settled = _settled(recipe)
        rows, source, rejected = _of_recipe(recipe, split)
    else:
        assert data is not None
        rows, source, rejected = _of_file(str(data), split, bad_rows)
        settled = _task(task, models, rows)
    is_text = settled.judged_by == "running-text"
    if not is_text and (settled.judged_by != "answers" or "generate" not in settled.roads):
        raise RecipeError(
            f"task {settled.name!r} is not judged by answers that any model can write. Score its "
            "runs with: tunesmith eval"
        )
    for example in rows:
        settled.require(example)
    asked = [example for example in rows if _can_be_scored(settled, example)]
    if not asked and is_text:
        raise DataError(f"{source}: no text to score. Choose another --split or --data.")
    if not asked:
        raise DataError(
            f"{source}: no example has a reference answer to score against. Choose another --split "
            "or --data."
        )
    n_left_out = len(rows) - len(asked)
    return ComparedData(settled, asked[:max_rows], source, n_left_out, recipe, rejected)


def _can_be_scored(task: Task, example: Example) -> bool:
    if task.judged_by == "running-text":
        return isinstance(example, Document) and bool(example.text.strip())
    return bool(task.references(example))


def _recipe(data: str | Path | None, models: Sequence[str]) -> Recipe | None:
    """The recipe that tells data and task; None: the data are a file."""
    if data is None:
        for model in models:
            folder = Path(model).expanduser()
            if not is_hosted(model) and (folder / LOCK).is_file():
                return load_recipe(folder / RECIPE)
        raise RecipeError(
            "none of the models is a run whose held-out rows could be asked. Name the examples: "
            "--data FILE or --data RECIPE."
        )
    place = Path(data).expanduser()
    if (place / LOCK).is_file():
        return load_recipe(place / RECIPE)
    if place.suffix in RECIPES:
        return open_recipe(data, to_train=False).recipe
    return None


def _settled(recipe: Recipe) -> Task:
    return prepare(recipe, weights=False).task if _has_labels(recipe.task) else recipe.task


def _has_labels(task: Task) -> bool:
    """Whether the data decide what can be answered."""
    return task.planned_head() is not None and not task.classes


def _of_recipe(recipe: Recipe, split: str | None) -> tuple[list[Example], str, list[str]]:
    examples, rejected = load_told(recipe.data, recipe.train.seed)
    chosen = split or ("test" if examples.get("test") else "validation")
    if not examples.get(chosen):
        raise DataError(
            f"the data has no rows in the split {chosen!r}. Choose another with --split, or hold "
            "rows out with data.validation_fraction."
        )
    return examples[chosen], f"the split {chosen} of {_told(recipe.data)}", rejected


def _of_file(
    path: str, split: str | None, bad_rows: Literal["error", "reject"]
) -> tuple[list[Example], str, list[str]]:
    data = Data(path=path, validation_fraction=0.0, bad_rows=bad_rows)
    try:
        examples, rejected = load_told(data, seed=0)
    except DataError as error:  # a file has no recipe whose keys could be set
        told = str(error).replace("data.bad_rows=reject", "--bad-rows reject")
        if " data." in told:
            told += " Such keys stand in a recipe; give it in place of the file: --data RECIPE."
        raise DataError(told) from None
    if split is not None and not examples.get(split):
        raise DataError(f"{path}: has no rows in the split {split!r}.")
    wanted = [split] if split else list(examples)
    return [example for name in wanted for example in examples.get(name, [])], path, rejected


def _told(data: Data) -> str:
    paths = [source.path for source in data.all_sources]
    named = [path if isinstance(path, str) else ", ".join(path.values()) for path in paths]
    return ", ".join(Path(name).name or name for name in named)


def _task(name: str | None, models: Sequence[str], rows: Sequence[Example]) -> Task:
    """The task that is named, that a model was tuned for, or that the examples are of."""
    if name is not None:
        return _with_labels(TASKS.parse(name), rows)
    kinds = {type(example) for example in rows}
    for model in models:
        known = None if is_hosted(model) else task_of(model)
        if known is not None and all(known.takes(kind) for kind in kinds):
            return known
    for candidate in TASKS.names():
        part = TASKS.parse(candidate)
        if all(part.takes(kind) for kind in kinds) and (
            part.roads or part.judged_by == "running-text"
        ):
            return _with_labels(part, rows)
    raise RecipeError("no task takes these examples. Name one: --task NAME.")


def _with_labels(task: Task, rows: Sequence[Example]) -> Task:
    """A classification with the labels of its examples, where nothing else tells them."""
    if not isinstance(task, Classify) or task.labels is not None:
        return task
    labels = [example.label for example in rows if isinstance(example, Labelled)]
    if any(isinstance(label, float) for label in labels):
        return task.model_copy(update={"problem": "regression"})
    is_multi = any(isinstance(label, tuple) for label in labels)
    names = {
        name for label in labels for name in (label if isinstance(label, tuple) else (str(label),))
    }
    return task.model_copy(
        update={"problem": "multi" if is_multi else "single", "labels": sorted(names)}
    )
