"""Compared answers: what every model of a comparison says, asked only where it is not kept."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.answers import Road
from tunesmith.core.errors import RecipeError, RunError, TunesmithError
from tunesmith.core.extras import require
from tunesmith.core.runs import Run
from tunesmith.evaluation.roads import open_roads
from tunesmith.evaluation.within_memory import answer_within_memory
from tunesmith.model.source import folder_here, is_hub_id
from tunesmith.pipelines.asked_as import AskedAs, asked_as, told_template
from tunesmith.pipelines.bases import base_and_revision, base_named
from tunesmith.pipelines.beside import Beside
from tunesmith.pipelines.compare_request import CompareRequest
from tunesmith.pipelines.compared_data import ComparedData
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.kept_answers import Kept, answered_or_kept, is_kept, key_of
from tunesmith.pipelines.load import hosted_behind
from tunesmith.pipelines.weights import artifact_folder

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.predictor import Predictor


def compared_answers(
    request: CompareRequest,
    models: Sequence[Beside],
    data: ComparedData,
    folder: Path,
    opening: Opening,
) -> tuple[dict[str, tuple[Kept, Road]], dict[str, str]]:
    """Every model's answers by every road it can go; and why some could not be asked.

    Hosted ones come first: what is wrong with them is known before hours of work here.
    """
    found: dict[str, dict[Road, Kept]] = {}
    failed: dict[str, str] = {}
    for one in _in_order(models):
        try:
            wanted = (request.templates or {}).get(one.name)
            names = [each.model for each in models]
            form = asked_as(one.model, wanted, names, data.recipe)
            found[one.name] = _answers_of(request, one, data, folder, opening, form)
        except TunesmithError as error:
            failed[one.name] = str(error)
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


def _in_order(models: Sequence[Beside]) -> list[Beside]:
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
    max_new_tokens = request.max_new_tokens or (
        128 if data.recipe is None else data.recipe.evaluate.max_new_tokens
    )
    length_normalised = data.recipe is not None and data.recipe.evaluate.length_normalised
    how = [
        form.identity(),
        data.task.model_dump(mode="json"),
        max_new_tokens,
        length_normalised,
        [repr(question) for question in _questions(data)],
    ]
    key = key_of([identity_of(one.model), *how])
    n, wanted = len(data.examples), None if data.recipe is None else data.recipe.evaluate.roads
    answers = folder / "answers"
    kept_roads, template = _kept_roads(answers / f"{one.name}.roads.json", key, wanted)
    opened: list[ChatModel | Predictor] = []

    def model() -> ChatModel | Predictor:
        if not opened:
            opened.append(opened_model(opening, one, form))
        return opened[0]

    def file(road: Road) -> Path:
        return answers / f"{one.name}.{road}.jsonl"

    whole = kept_roads and all(is_kept(file(road), key, n) for road in kept_roads)
    roads = kept_roads if whole and kept_roads else _roads(model(), data, wanted)
    if opened:  # what came from the hub for it tells now which snapshot it is
        key = key_of([identity_of(one.model), *how])
    template = told_template(model()) if opened else template
    found: dict[Road, Kept] = {}
    for road in roads:
        kept = answered_or_kept(
            file(road),
            key,
            n,
            lambda part, road=road: answer_within_memory(
                model(),
                data.task,
                data.examples[part],
                road,
                max_new_tokens=max_new_tokens,
                length_normalised=length_normalised,
            ),
        )
        found[road] = replace(kept, template=template)
    told = {"key": key, "wanted": wanted, "roads": roads, "template": template}
    Run(answers).write(f"{one.name}.roads.json", told)
    return found


def _questions(data: ComparedData) -> list[tuple[Any, ...]]:
    """All that a model is asked: where it was read, its turns, and the tools it may call."""
    asked = [(example.origin, data.task.ask(example)) for example in data.examples]
    return [
        (origin, one.messages if one else (), one.tools if one else "") for origin, one in asked
    ]


def opened_model(opening: Opening, one: Beside, form: AskedAs) -> ChatModel | Predictor:
    """A model of this machine or from afar, asked as it is to be."""
    if not is_hosted(one.model):
        require("torch", extra="train", purpose="Answering with a model on this machine")
    return opening.any(one.model, template=form.template, otherwise=form.otherwise)


def _roads(
    model: ChatModel | Predictor, data: ComparedData, wanted: Sequence[Road] | None
) -> list[Road]:
    roads: list[Road] = [
        road
        for road in open_roads(model, data.task, wanted)
        if road != "likelihood" or data.task.candidates(data.examples[0])
    ]
    if not roads:
        raise RecipeError(
            f"cannot answer task {data.task.name!r} by {', '.join(wanted or data.task.roads)}."
        )
    return roads


def _kept_roads(
    file: Path, key: str, wanted: Sequence[Road] | None
) -> tuple[list[Road] | None, str | None]:
    """The roads that were gone where the same were wanted, and the template that was asked in."""
    try:
        entry = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None, None
    if (entry.get("key"), entry.get("wanted")) != (key, None if wanted is None else list(wanted)):
        return None, None
    return entry["roads"], entry.get("template")


def identity_of(model: str) -> list[Any]:
    """What tells a model from another of the same name: its files and its base's, or a name.

    Of one of the hub it is the snapshot that is on this machine; nothing is fetched.
    """
    if is_hosted(model):
        return [model]
    place, (base, revision) = artifact_folder(model), base_and_revision(model)
    folder = Path(place).expanduser()
    own: list[Any] = _files(folder) if folder.is_dir() else [model]
    if is_hosted(base) or (folder.is_dir() and base == place):
        return own
    there = folder_here(base, revision)
    if there is None:
        return own
    is_snapshot = is_hub_id(base) and not Path(base).expanduser().is_dir()
    return [*own, ["base", base, there.name if is_snapshot else _files(there)]]


def _files(folder: Path) -> list[tuple[str, int, int]]:
    """Name, size and time of all files in a folder."""
    stats = ((file, file.stat()) for file in sorted(folder.rglob("*")) if file.is_file())
    return [(str(file.relative_to(folder)), stat.st_size, stat.st_mtime_ns) for file, stat in stats]
