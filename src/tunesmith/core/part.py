"""Part: the base of everything that can be named in a recipe. The config is the object."""

from __future__ import annotations

import re
import types
import typing
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import BaseModel, ConfigDict, ValidationError

from tunesmith.core.errors import did_you_mean


class Settings(BaseModel):
    """A frozen group of recipe fields; an unknown field is an error."""

    # The texts below fields are for readers and the reference: pydantic would read and parse every
    # class's source anew at each start, a tenth of a second for a recipe's.
    model_config: ClassVar[ConfigDict] = ConfigDict(frozen=True, extra="forbid")


class Part(Settings):
    """A named thing that does one job. Subclasses narrow ``name`` to a ``Literal``."""

    if TYPE_CHECKING:
        name: Any  # a Literal in every subclass, which a mutable str could not be narrowed to
    else:
        name: str


BRANCH = re.compile(r"str|int|float|bool|none|[\w-]+[\[(].*")
"""What pydantic calls a branch of a union: ``str``, ``dict[str,str]``, ``function-before(...)``."""


class PartError(ValueError):
    """Several field errors of one part, each with the path of its key."""

    def __init__(self, problems: list[tuple[str, str]]) -> None:
        super().__init__("; ".join(f"{key}: {text}" if key else text for key, text in problems))
        self.problems = problems


def explain(cls: type[BaseModel], error: ValidationError) -> list[tuple[str, str]]:
    """Turns pydantic's errors into (dotted key, sentence) pairs.

    Args:
        cls: the model that was validated; its field names make the suggestions.
        error: what pydantic found, all of it.
    """
    problems: list[tuple[str, str]] = []
    for item in error.errors():
        # The library names the branches of a union too; nobody wrote those.
        loc = [step for step in map(str, item["loc"]) if not BRANCH.fullmatch(step)]
        cause = item.get("ctx", {}).get("error")
        if isinstance(cause, PartError):
            problems += [
                (".".join([*loc, key] if key else loc), text) for key, text in cause.problems
            ]
            continue
        key = ".".join(loc)
        match item["type"]:
            case "extra_forbidden":
                owner = _owner(cls, loc[:-1])
                known = owner.model_fields if owner else ()
                problems.append((key, f"no such key. {did_you_mean(loc[-1], known)}"))
            case "missing":
                problems.append((key, "is required."))
            case "value_error" if cause is not None:
                problems.append((key, str(cause)))
            case _:
                problems.append((key, f"{item['msg']} (got {_shown(item['input'])})."))
    return problems


def _shown(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _owner(cls: type[BaseModel], path: list[str]) -> type[BaseModel] | None:
    """The model class that a path of field names leads to."""
    owner: type[BaseModel] | None = cls
    for step in path:
        if owner is None or step not in owner.model_fields:
            return None
        owner = _model_class(owner.model_fields[step].annotation)
    return owner


def _model_class(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        found = [_model_class(arg) for arg in typing.get_args(annotation)]
        return next((cls for cls in found if cls is not None), None)
    return None
