"""Rubric: the criteria that a judge tells two answers apart by, one verdict for each."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from tunesmith.core.errors import RecipeError, did_you_mean

HERE = Path(__file__).parent
BUILT_IN = tuple(sorted(file.stem for file in HERE.glob("*.yaml")))
QUESTIONS = ("extractive-qa", "extractive-qa-in-words")
ASKS_A_SUMMARY = re.compile(
    r"\bsummar(?:i[sz]e|i[sz]ing|y|ies)\b|\btl;?dr\b|摘要|总结|概括|\bresum(?:e|en|ir|a)\b|요약",
    re.IGNORECASE,
)
MOST = 0.5
"""From this share of requests on that ask for a summary, summaries are what is judged."""


class Criterion(BaseModel):
    """One question that is asked of two answers."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(pattern=r"^[^\s:][^:\n]{0,39}$")
    description: str = Field(min_length=1, max_length=2000)
    """What makes an answer the better one by it."""


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid")

    criteria: list[Criterion] = Field(min_length=1, max_length=20)
    shows_reference: bool = False


@dataclass(frozen=True, slots=True)
class Rubric:
    """What a judge is asked.

    Attributes:
        name: of a built-in one, or of its file.
        criteria: in their order.
        shows_reference: whether the judge is shown a reference answer beside the two.
    """

    name: str
    criteria: tuple[Criterion, ...]
    shows_reference: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """Of its criteria."""
        return tuple(one.name for one in self.criteria)


def rubric_for(task: str, requests: Sequence[str]) -> str:
    """The name of the built-in rubric that fits examples.

    Args:
        task: name of theirs.
        requests: what each asks.
    """
    if task in QUESTIONS:
        return "question"
    n_summaries = sum(ASKS_A_SUMMARY.search(text) is not None for text in requests)
    return "summary" if requests and n_summaries / len(requests) >= MOST else "instruction"


def choose_rubric(name: str, criteria: Sequence[str] = ()) -> Rubric:
    """A rubric by its name or its file.

    Args:
        name: a built-in one's, or a YAML file: a list of ``name`` and ``description``, or that list
            under ``criteria`` beside ``shows_reference: true``.
        criteria: none but these: each the name of one in the rubric, or ``NAME: description`` of
            one's own.

    Raises:
        RecipeError: there is no such rubric or criterion, or the file says something else.
    """
    found = _read(HERE / f"{name}.yaml" if name in BUILT_IN else Path(name).expanduser(), name)
    if not criteria:
        return found
    known = {one.name: one for one in found.criteria}
    chosen: list[Criterion] = []
    for text in criteria:
        own, colon, description = text.partition(":")
        if colon:
            fields = {"name": own.strip(), "description": description.strip()}
            chosen.append(_checked(Criterion, fields, f"--criterion {text}"))
        elif text in known:
            chosen.append(known[text])
        else:
            raise RecipeError(
                f"--criterion {text}: not in the rubric {found.name!r}. "
                f"{did_you_mean(text, known)} For one of your own write 'NAME: what it means'."
            )
    return _unique(replace(found, criteria=tuple(chosen)), "--criterion")


def _read(file: Path, name: str) -> Rubric:
    try:
        told: Any = yaml.safe_load(file.read_text("utf-8"))
    except OSError:
        raise RecipeError(
            f"{name}: no such rubric. {did_you_mean(name, BUILT_IN)} Or name a YAML file."
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise RecipeError(f"{file}: is no YAML: {error}.") from None
    read = _checked(_File, {"criteria": told} if isinstance(told, list) else told, str(file))
    return _unique(Rubric(file.stem, tuple(read.criteria), read.shows_reference), str(file))


def _unique(rubric: Rubric, place: str) -> Rubric:
    twice = next((name for name in rubric.names if rubric.names.count(name) > 1), None)
    if twice is not None:
        raise RecipeError(f"{place}: the criterion {twice!r} stands there twice.")
    return rubric


def _checked(shape: type[Any], fields: Any, place: str) -> Any:
    try:
        return shape.model_validate(fields)
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(step) for step in first["loc"]) or "the whole"
        raise RecipeError(
            f"{place}: {where}: {first['msg']}. A criterion is a name, without a colon, and a "
            "description."
        ) from None
