"""Compared answers: what every model of a comparison says, asked only where it is not kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.answers import Road
from tunesmith.core.errors import ModelError, RecipeError, RunError, TunesmithError
from tunesmith.core.extras import require
from tunesmith.core.runs import Run
from tunesmith.evaluation.roads import Answered, open_roads
from tunesmith.evaluation.within_memory import answer_within_memory
from tunesmith.pipelines.asked_as import AskedAs, asked_as, told_template
from tunesmith.pipelines.asked_keys import Asked, origins_apart
from tunesmith.pipelines.bases import base_named
from tunesmith.pipelines.beside import Beside
from tunesmith.pipelines.compare_request import CompareRequest
from tunesmith.pipelines.compared_data import ComparedData
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.kept_answers import Kept, answered_or_kept, is_kept
from tunesmith.pipelines.load import hosted_behind
from tunesmith.pipelines.model_identity import identity_of, served_by

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.predictor import Predictor


def compared_answers(
    request: CompareRequest,
    models: Sequence[Beside],
    data: ComparedData,
    folder: Path,
    opening: Opening,
    told: Mapping[str, str] | None = None,
) -> tuple[dict[str, tuple[Kept, Road]], dict[str, str]]:
    """Every model's answers by every road it can go; and why some could not be asked.

    Hosted ones come first: what is wrong with them is known before hours of work here.

    Args:
        request: what is compared.
        models: in the order of the table.
        data: what is asked.
        folder: keeps answers.
        opening: opens models.
        told: by model, a reason that was printed already and need not be again.

    Raises:
        RunError: no model answered.
    """
    told = told or {}
    found: dict[str, dict[Road, Kept]] = {}
    failed: dict[str, str] = {}
    for one in in_order(models):
        try:
            wanted = (request.templates or {}).get(one.name)
            names = [each.model for each in models]
            form = asked_as(one.model, wanted, names, data.recipe)
            found[one.name] = _answers_of(request, one, data, folder, opening, form)
        except TunesmithError as error:
            failed[one.name] = str(error)
            if told.get(one.name) != str(error):
                print(f"{one.name}: {error}", file=sys.stderr)
    if not found:
        raise RunError(f"no model answered; the first: {next(iter(failed.values()))}")
    answers: dict[str, tuple[Kept, Road]] = {}
    for one in models:
        by_road = found.get(one.name, {})
        for road, kept in by_road.items():
            label = one.name if len(by_road) == 1 else f"{one.name}/{road}"
            answers[label] = (kept, road)
    return answers, failed


def in_order(models: Sequence[Beside]) -> list[Beside]:
    """Hosted ones first, then those that answer over the same weights one after the other."""
    bases = [base_named(one.model) for one in models]
    return [
        one
        for _, _, one in sorted(
            (
                (hosted_behind(one.model) is None, bases.index(base), one)
                for one, base in zip(models, bases, strict=True)
            ),
            key=lambda each: each[:2],
        )
    ]


def _answers_of(
    request: CompareRequest,
    one: Beside,
    data: ComparedData,
    folder: Path,
    opening: Opening,
    form: AskedAs,
) -> dict[Road, Kept]:
    """One model's answers by road; it is opened only for what is missing."""
    asked = _asked(request, data, form)
    wanted = None if data.recipe is None else data.recipe.evaluate.roads
    apart = origins_apart(one.model)
    answers = folder / "answers"
    told = _read_told(answers / f"{one.name}.roads.json")
    served = served_by(one.model, told.get("served"))
    opened: list[ChatModel | Predictor] = []

    def model() -> ChatModel | Predictor:
        if not opened:
            opened.append(opened_model(opening, one, form))
        return opened[0]

    def file(road: Road) -> Path:
        return answers / f"{one.name}.{road}.jsonl"

    def model_key() -> str:
        return asked.model_key(identity_of(one.model, served), [wanted, _can_weigh(data)])

    def keys(road: Road) -> list[str]:
        return asked.keys(identity_of(one.model, served), road, data.examples, apart)

    key = model_key()
    roads: list[Road] = told["roads"] if told.get("key") == key else []
    template = told.get("template")
    if not roads or not all(is_kept(file(road), keys(road)) for road in roads):
        roads, template = _roads(model(), data, wanted), told_template(model())
        key = model_key()  # what came from the hub for it tells now which snapshot it is
    found: dict[Road, Kept] = {}
    for road in roads:
        kept = answered_or_kept(
            file(road),
            keys(road),
            lambda places, road=road: _said(model(), data, asked, places, road),
        )
        _require_answered(one, kept)
        found[road] = replace(kept, template=template)
    now = {"key": key, "roads": roads, "template": template, "served": served}
    Run(answers).write(f"{one.name}.roads.json", now)
    return found


def _asked(request: CompareRequest, data: ComparedData, form: AskedAs) -> Asked:
    recipe = data.recipe
    given = 128 if recipe is None else recipe.evaluate.max_new_tokens
    return Asked(
        form.identity(),
        data.task,
        request.max_new_tokens or given,
        recipe is not None and recipe.evaluate.length_normalised,
    )


def _said(
    model: ChatModel | Predictor,
    data: ComparedData,
    asked: Asked,
    places: Sequence[int],
    road: Road,
) -> list[Answered]:
    """What a model answers to some of the examples."""
    return answer_within_memory(
        model,
        data.task,
        [data.examples[place] for place in places],
        road,
        max_new_tokens=asked.max_new_tokens,
        length_normalised=asked.length_normalised,
        leaves_unanswered=True,
    )


def _require_answered(one: Beside, kept: Kept) -> None:
    """Checks that a model answered anything.

    Raises:
        ModelError: not a single example.
    """
    if all(answered.why for answered in kept.answered):
        raise ModelError(
            f"{one.model}: none of {len(kept.answered):,} examples could be answered, the first: "
            f"{kept.answered[0].why}"
        )


def _can_weigh(data: ComparedData) -> bool:
    return bool(data.task.candidates(data.examples[0]))


def opened_model(opening: Opening, one: Beside, form: AskedAs) -> ChatModel | Predictor:
    """A model of this machine or from afar, asked as it is to be."""
    if not is_hosted(one.model):
        require("torch", extra="train", purpose="Answering with a model on this machine")
    return opening.any(one.model, name=one.name, template=form.template, otherwise=form.otherwise)


def _roads(
    model: ChatModel | Predictor, data: ComparedData, wanted: Sequence[Road] | None
) -> list[Road]:
    roads: list[Road] = [
        road
        for road in open_roads(model, data.task, wanted)
        if road != "likelihood" or _can_weigh(data)
    ]
    if not roads:
        raise RecipeError(
            f"cannot answer task {data.task.name!r} by {', '.join(wanted or data.task.roads)}."
        )
    return roads


def _read_told(file: Path) -> dict[str, Any]:
    """What was told of a model when it was asked last; nothing where it was not."""
    try:
        told = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return told if isinstance(told, dict) and isinstance(told.get("roads"), list) else {}
