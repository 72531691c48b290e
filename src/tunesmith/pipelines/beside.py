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
        RecipeError: a name comes twice, means another model already, or cannot stand in a table.
        EndpointError: a hosted one's address cannot be used, or holds a password or a key, which
            would else be written wherever the model is named.
    """
    found: list[Beside] = []
    for text in models:
        given = NAMED.fullmatch(text)
        model = checked_model(given[2] if given else text)
        one = Beside(given[1] if given else _own_name(model), model)
        if one.name in (*taken, *(other.name for other in found)):
            raise RecipeError(
                f"{text}: the name {one.name!r} is taken in the table. Give it another: NAME=MODEL."
            )
        found.append(one)
    return found


def checked_model(model: str) -> str:
    """A model's name, if it can be written down; an address that is refused is not repeated.

    Raises:
        RecipeError: it is none that a table and a file can show.
        EndpointError: a hosted one's address cannot be used, or holds a password or a key.
    """
    if is_hosted(model.strip()):
        parse_endpoint(model.strip())
        return model.strip()
    if "://" in model:
        raise RecipeError(
            "a model has an address that is neither http:// nor https://, or a name with other "
            "signs before it than letters, digits, '.', '_' and '-'. Write "
            "NAME=https://HOST/v1#MODEL."
        )
    return model


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
