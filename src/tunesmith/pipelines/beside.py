"""Beside: further models of any kind that answer the examples of a run or a recipe."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from tunesmith.chat.endpoint import is_hosted, parse_endpoint
from tunesmith.core.errors import RecipeError
from tunesmith.tasks.task import Task

NAMED = re.compile(r"([\w.-]+)=(.+)", re.DOTALL)
TAKEN = ("constant", "base", "tuned", "prompted")
"""Names that scores have for models of their own."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A model by the name that stands in the table."""

    name: str
    model: str


def named_models(models: Iterable[str], taken: Collection[str] = TAKEN) -> list[Beside]:
    """Reads ``NAME=MODEL``, or ``MODEL``, which is named after itself.

    Args:
        models: as they are given.
        taken: names that mean other models already.

    Raises:
        RecipeError: a name comes twice, or means another model already.
    """
    found: list[Beside] = []
    for text in models:
        given = NAMED.fullmatch(text)
        one = Beside(given[1], given[2]) if given else Beside(_own_name(text), text)
        if one.name in (*taken, *(other.name for other in found)):
            raise RecipeError(
                f"{text}: the name {one.name!r} is taken in the table. Give it another: NAME=MODEL."
            )
        found.append(one)
    return found


def require_written(task: Task, models: Iterable[str]) -> None:
    """Checks that a task's answers can be written, which is all that any model can do.

    Raises:
        RecipeError: it is judged by likelihoods or a loss.
    """
    for model in models:
        if task.judged_by != "answers" or "generate" not in task.roads:
            raise RecipeError(
                f"{model}: task {task.name!r} is not judged by what a model writes but by "
                "likelihoods, which only the weights of a run or a recipe give here. Leave this "
                "model out."
            )


def _own_name(model: str) -> str:
    """The last part of a model's name: names in the table hold no slash."""
    if is_hosted(model):
        endpoint = parse_endpoint(model)
        return (endpoint.model or "hosted").rsplit("/", 1)[-1]
    return Path(model).expanduser().resolve().name
