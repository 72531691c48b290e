"""Compared likelihoods: how well each model foretells running text, or the reference answers."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar, cast

from tunesmith.core.answers import Road
from tunesmith.core.errors import ModelError, RecipeError, RunError, TemplateError, TunesmithError
from tunesmith.core.runs import Run
from tunesmith.evaluation.metrics.chosen import Chosen
from tunesmith.evaluation.metrics.metric import Scores
from tunesmith.evaluation.perplexity import Foretold
from tunesmith.evaluation.roads import Answered
from tunesmith.evaluation.score import Scored
from tunesmith.pipelines.asked_as import AskedAs, asked_as
from tunesmith.pipelines.asked_keys import LENGTH, origins_apart, questions
from tunesmith.pipelines.beside import Beside
from tunesmith.pipelines.compare_request import CompareRequest
from tunesmith.pipelines.compared_answers import in_order, opened_model
from tunesmith.pipelines.compared_data import ComparedData
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.foretold_examples import (
    foretold_examples,
    foretold_text,
    require_local,
    window_of,
)
from tunesmith.pipelines.kept_answers import Kept, answered_or_kept, is_kept, key_of
from tunesmith.pipelines.likelihood_notes import left_out, likelihood_notes
from tunesmith.pipelines.load import hosted_behind
from tunesmith.pipelines.model_identity import identity_of

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Likelihoods:
    """What every model makes of the same texts.

    Attributes:
        kept: by model; an entry's ``answer`` are the nats of one text, ``n_tokens`` its tokens;
            None: the text does not fit into the model's window.
        scores: by model.
        failed: by model, why it cannot foretell.
        notes: what is to be known of the figures.
    """

    kept: dict[str, Kept]
    scores: dict[str, Scores]
    failed: dict[str, str]
    notes: list[str]

    def answers(self) -> dict[str, tuple[Kept, Road]]:
        """As the answers of models are told."""
        return {name: (kept, "likelihood") for name, kept in self.kept.items()}

    def scored(self) -> dict[str, Scored]:
        """As scored answers: each text's own figures, and how many prompts were cut."""
        return {
            name: Scored({**self._cut(name), **found.values}, list(found.rows), found)
            for name, found in self.scores.items()
        }

    def _cut(self, name: str) -> dict[str, float]:
        answered = self.kept[name].answered
        n_cut = sum(one.n_prompt_cut > 0 for one in answered)
        return {"cut_fraction": 0.0, "prompt_cut_fraction": n_cut / max(1, len(answered))}

    def added_to(self, scored: dict[str, Scored]) -> None:
        """Puts the figures beside those of answers, where a model has both."""
        for name, one in scored.items():
            found = self.scores.get(name)
            if found is None or one.found is None:
                continue
            one.scores.update(found.values)
            one.found.values.update(found.values)
            one.found.parts.update(found.parts)
            for row, inner, own in zip(one.rows, one.found.rows, found.rows, strict=True):
                row.update(own)
                inner.update(own)


def compared_likelihoods(
    request: CompareRequest,
    models: Sequence[Beside],
    data: ComparedData,
    folder: Path,
    opening: Opening,
    metrics: Sequence[Chosen],
) -> Likelihoods:
    """Has models foretell the texts or reference answers of some data.

    What is kept is found again; a model that cannot tell likelihoods is named with the reason.

    Raises:
        RecipeError: the stride leaves a window no context.
        RunError: of running text: no model could tell anything.
    """
    is_text = data.task.judged_by == "running-text"
    found = Likelihoods({}, {}, {}, [])
    read: dict[str, tuple[int, int]] = {}
    names = [one.model for one in models]
    for one in in_order(models):
        try:
            found.kept[one.name] = _kept(request, one, data, folder, opening, names, read)
        except RecipeError:
            raise
        except TunesmithError as error:
            found.failed[one.name] = str(error)
            print(f"{one.name}: {error}", file=sys.stderr)
    # Whoever is asked first, all is told in the order of the table.
    found = replace(found, kept=_as_given(models, found.kept))
    if not found.kept and is_text:
        raise RunError(f"no model foretold; the first: {next(iter(found.failed.values()))}")
    texts = [foretold_text(data.task, example) for example in data.examples]
    out = left_out(found.kept)
    if len(out) == len(texts) and found.kept:
        found.notes.append(
            "Likelihoods are not told: no reference answer fits into every model's window behind "
            "its request. Shorten them, or compare models with longer ones."
        )
        return found
    for name, kept in found.kept.items():
        foretold = [
            Foretold(0.0, 0, 0, 0)  # of no weight in any figure
            if place in out
            else Foretold(
                float(cast("float", one.answer)),
                one.n_tokens or 0,
                len(text.split()),
                len(text.encode()),
            )
            for place, (one, text) in enumerate(zip(kept.answered, texts, strict=True))
        ]
        found.scores[name] = _together(metrics, foretold)
    read = _as_given(models, read)
    found.notes.extend(likelihood_notes(is_text, read, found.kept, metrics))
    return found


def _as_given(models: Sequence[Beside], by_name: Mapping[str, T]) -> dict[str, T]:
    """The same in the order of the models."""
    return {one.name: by_name[one.name] for one in models if one.name in by_name}


def _together(metrics: Sequence[Chosen], foretold: Sequence[Foretold]) -> Scores:
    together = Scores({}, [{} for _ in foretold])
    for metric in metrics:
        if metric.foretell is None:
            continue
        own = metric.foretell(foretold)
        together.values.update(own.values)
        together.parts.update(own.parts)
        for row, more in zip(together.rows, own.rows, strict=True):
            row.update(more)
    return together


def _kept(
    request: CompareRequest,
    one: Beside,
    data: ComparedData,
    folder: Path,
    opening: Opening,
    names: Sequence[str],
    read: dict[str, tuple[int, int]],
) -> Kept:
    """One model's likelihoods; it is opened only for what is missing."""
    if hosted_behind(one.model) is not None:
        raise ModelError(
            "its endpoint tells no log-probabilities of texts that it did not write, so how well "
            "it foretells them is not known. Compare its answers instead, with other metrics."
        )
    form = asked_as(one.model, (request.templates or {}).get(one.name), names, data.recipe)
    limit = None if data.recipe is None else data.recipe.data.max_tokens
    stride = None if data.recipe is None else data.recipe.evaluate.stride_tokens
    answers = folder / "answers"
    file, about = answers / f"{one.name}.foretold.jsonl", answers / f"{one.name}.foretold.json"
    key, keys = _keys(one, data, form, [limit, stride])
    window = _read(about, key)
    model: LocalModel | None = None
    if window is None or not is_kept(file, keys):
        model = require_local(opened_model(opening, one, form))
        is_text = data.task.judged_by == "running-text"
        window = window_of(model, limit, stride) if is_text else (0, 0)
        key, keys = _keys(one, data, form, [limit, stride])  # with its snapshot, if of the hub

    def foretold(places: Sequence[int]) -> list[Answered]:
        assert model is not None and window is not None
        examples = [data.examples[place] for place in places]
        return foretold_examples(model, data.task, examples, window)

    kept = answered_or_kept(file, keys, foretold, takes_time=lambda _: True)
    _require_fit(data, model, kept)
    Run(answers).write(about.name, {"key": key, "window": window[0], "stride": window[1]})
    read[one.name] = window
    return kept


def _keys(
    one: Beside, data: ComparedData, form: AskedAs, limits: list[int | None]
) -> tuple[str, list[str]]:
    """What identifies how a model foretells, and of each example what it foretells."""
    how = [identity_of(one.model), form.identity(), data.task.model_dump(mode="json"), limits]
    key = key_of(["likelihoods within the window", *how])
    asked = questions(data.task, data.examples, origins_apart(one.model))
    texts = [foretold_text(data.task, example) for example in data.examples]
    return key, [
        key_of([key, question, text])[:LENGTH] for question, text in zip(asked, texts, strict=True)
    ]


def _require_fit(data: ComparedData, model: LocalModel | None, kept: Kept) -> None:
    """Checks that a model could foretell anything.

    Raises:
        TemplateError: nothing fits into it.
    """
    if all(one.answer is None for one in kept.answered):
        room = "" if model is None else f"the {model.max_positions:,} tokens that "
        raise TemplateError(
            f"{data.examples[0].origin}: as of all examples, its reference answer does not fit "
            f"behind its request into {room}the model holds. Shorten them."
        )


def _read(file: Path, key: str) -> tuple[int, int] | None:
    """The window and stride that kept likelihoods were read in; None: there are none."""
    try:
        entry = json.loads(file.read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return (entry["window"], entry["stride"]) if entry.get("key") == key else None
