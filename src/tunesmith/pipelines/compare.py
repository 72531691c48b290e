"""Compare: any models on the same examples; what parts them, and whether it is real."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.answers import Road
from tunesmith.core.errors import RecipeError
from tunesmith.core.examples import Example
from tunesmith.core.held import held
from tunesmith.core.runs import Run
from tunesmith.evaluation.figures import known
from tunesmith.evaluation.fits import fitting, require_fit
from tunesmith.evaluation.measures import Measures, measures_of
from tunesmith.evaluation.metrics.chosen import chosen, own_hashes
from tunesmith.evaluation.score import Scored, score
from tunesmith.evaluation.side_by_side import SideBySide, side_by_side
from tunesmith.pipelines.bases import Bases
from tunesmith.pipelines.beside import Beside, named_models
from tunesmith.pipelines.compare_request import CompareRequest
from tunesmith.pipelines.compared_answers import compared_answers
from tunesmith.pipelines.compared_data import ComparedData, compared_data
from tunesmith.pipelines.compared_folder import EXAMPLES
from tunesmith.pipelines.compared_likelihoods import Likelihoods, compared_likelihoods
from tunesmith.pipelines.compared_runs import places_of
from tunesmith.pipelines.compared_tables import add_tables
from tunesmith.pipelines.compared_worse import got_worse
from tunesmith.pipelines.comparison_files import keep_result
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.judge_compared import add_preferences
from tunesmith.pipelines.kept_answers import Kept

if TYPE_CHECKING:
    from tunesmith.chat.spend import Prices

PUT_IN_SECONDS = 4
"""Decimals of the seconds that are told."""


def compare(
    request: CompareRequest,
    *,
    prices: Prices | None = None,
    max_cost: float | None = None,
    judge_prices: Prices | None = None,
) -> dict[str, Any]:
    """Has models answer the same examples, scores them, and says which differences are real.

    Answers are kept in ``out``: a second run asks only what is missing, costs nothing, and gives
    the same figures to the byte. A model that cannot be asked is a row with its reason, and the
    others are compared all the same.

    Args:
        request: what is compared.
        prices: of a hosted model's tokens.
        max_cost: of each hosted model.
        judge_prices: of a hosted judge's tokens; None: ``prices``.

    Returns:
        What ``comparison.json`` holds: ``models`` (by name: ``scores`` with ``low`` and ``high``,
        ``cut_fraction``, ``mean_words_ratio``, ``tokens_per_s``, ``cost_per_1000``,
        ``template``), ``pairs``
        (``one``, ``other``, ``score``, ``difference``, ``low``, ``high``, ``p``, ``p_corrected``,
        ``verdict``, ``sentence``), ``verdict``, ``failed``, ``n``, ``source``, ``worse``
        and ``worse_by`` (the score that it is told by); ``judged``, ``judge`` and ``votes`` where
        there are any.

    Raises:
        TunesmithError: no model could be asked, or the data cannot be used.
    """
    models = named_models(request.models, taken=("constant",))
    _require_known(request, models)
    if request.judge is not None:
        request.judge.check()
    data = compared_data(
        request.data,
        [one.model for one in models],
        task=request.task,
        split=request.split,
        max_rows=request.max_rows,
        bad_rows=request.bad_rows,
    )
    if request.judge is not None and data.task.judged_by != "running-text":
        request.judge.rubric_for(data.task.name, [_prompt(data, one) for one in data.examples])
    metrics, notes = _metrics(request, data)
    measures = measures_of(metrics)
    picked = chosen(metrics)
    likelihoods: Likelihoods | None = None
    folder = Path(request.out).expanduser()
    with held(folder, choose="Choose another folder with --out."):
        opening = Opening(request.batch_size, prices, max_cost, Bases())
        if any(metric.foretell for metric in picked):
            likelihoods = compared_likelihoods(request, models, data, folder, opening, picked)
            notes += likelihoods.notes
        if likelihoods is not None and data.task.judged_by == "running-text":
            answers, scored = likelihoods.answers(), likelihoods.scored()
            failed = likelihoods.failed
        else:
            answers, failed = compared_answers(request, models, data, folder, opening)
            of_answers = [metric.told for metric in picked if metric.foretell is None]
            scored = {
                name: score(data.task, data.examples, kept.answered, road, of_answers)
                for name, (kept, road) in answers.items()
            }
            if likelihoods is not None:
                likelihoods.added_to(scored)
        samples = {
            name: one.found.samples(data.clusters)
            for name, one in scored.items()
            if one.found is not None
        }
        shown = list(measures.headings)
        found = side_by_side(
            samples,
            shown,
            lower_is_better=measures.lower_is_better,
            is_share={name: name not in measures.scales for name in shown},
            seed=request.seed,
        )
        result = _result(request, data, measures, scored, answers, found, failed)
        result["places"] = places_of(models)
        result["notes"] += [note for note in notes if note not in result["notes"]]
        add_tables(result, data, scored, answers, samples, request.seed)
        if own := own_hashes(metrics):
            result["own_metrics"] = [{"file": f, "sha256": s} for f, s in own.items()]
        if request.against is not None:
            lost = got_worse(request.against, data.examples, measures, scored, failed)
            result |= {"worse": lost.by_model, "worse_by": lost.score}
            result["notes"] += lost.notes
        _keep_examples(folder, data, scored, answers)
        keep_result(folder, result)
        add_preferences(
            folder,
            result,
            request.judge,
            batch_size=request.batch_size,
            prices=judge_prices or prices,
            max_cost=max_cost,
            seed=request.seed,
        )
        keep_result(folder, result)
    return result


def _require_known(request: CompareRequest, models: Sequence[Beside]) -> None:
    """Checks that options name models that are there."""
    names = [one.name for one in models]
    given = [*(request.templates or {}), *([request.against] if request.against else [])]
    for name in given:
        if name not in names:
            raise RecipeError(f"{name!r} is none of the models: {', '.join(names)}.")


def _metrics(request: CompareRequest, data: ComparedData) -> tuple[list[str], list[str]]:
    """The metrics that are named, else those that suit the data; and what is to be known of them.

    Raises:
        RecipeError: one of them cannot be used, or does not fit the task.
    """
    references = [data.task.references(example) for example in data.examples]
    named = request.metrics or (None if data.recipe is None else data.recipe.evaluate.metrics)
    names, notes = (list(named), []) if named else fitting(data.task, references)
    require_fit(chosen(names), data.task, references)
    return names, notes


def _result(
    request: CompareRequest,
    data: ComparedData,
    measures: Measures,
    scored: Mapping[str, Scored],
    answers: Mapping[str, tuple[Kept, Road]],
    found: SideBySide,
    failed: Mapping[str, str],
) -> dict[str, Any]:
    notes = [note for one in scored.values() if one.found for note in one.found.notes]
    return {
        "source": data.source,
        "n": len(data.examples),
        "n_clusters": len(set(data.clusters or [])) or None,
        "left_out": data.n_left_out,
        "rejected": {"n": len(data.rejected), "first": list(data.rejected[:3])},
        "task": data.task.name,
        "judged_by": measures.verdict,
        "headings": dict(measures.headings),
        "lower_is_better": sorted(measures.lower_is_better),
        "empty": measures.empty,
        "notes": list(dict.fromkeys(notes)),
        "models": {
            name: {
                "scores": {
                    score: {k: known(v) for k, v in asdict(interval).items() if k != "level"}
                    for score, interval in found.intervals.get(name, {}).items()
                },
                **_shares(one, answers[name][0], data),
            }
            for name, one in scored.items()
        },
        "pairs": [pair.told(points=pair.score not in measures.scales) for pair in found.pairs],
        "failed": dict(failed),
        "request": {k: v for k, v in asdict(request).items() if v is not None},
    }


def _shares(one: Scored, kept: Kept, data: ComparedData) -> dict[str, Any]:
    """What is told of a model beside its scores."""
    told: dict[str, Any] = {
        name: value
        for name, value in one.scores.items()
        if name.endswith("_fraction") or name == "cost_per_1000"
    }
    if kept.template is not None:
        told["template"] = kept.template
    told["seconds"] = round(kept.seconds, PUT_IN_SECONDS)
    if data.task.judged_by == "running-text":
        return told  # nothing was written: the tokens are those of the texts
    counts = [answer.n_tokens for answer in kept.answered if answer.n_tokens is not None]
    if counts and kept.seconds > 0:
        told["tokens_per_s"] = sum(counts) / kept.seconds
        told["mean_tokens"] = sum(counts) / len(counts)
    if any(not answer.text.strip() for answer in kept.answered):
        n_empty = sum(not answer.text.strip() for answer in kept.answered)
        told["empty_fraction"] = n_empty / len(kept.answered)
    if data.task.answers_freely:
        right = [len(str(data.task.references(e)[0])) for e in data.examples]
        said = [len(answer.text) for answer in kept.answered]
        told["length_ratio"] = sum(said) / max(1, sum(right))
    return told


def _prompt(data: ComparedData, example: Example) -> str:
    asked = data.task.ask(example)
    messages = () if asked is None else asked.prompt().messages
    return "\n\n".join(message.text for message in messages)


def _keep_examples(
    folder: Path,
    data: ComparedData,
    scored: Mapping[str, Scored],
    answers: Mapping[str, tuple[Kept, Road]],
) -> None:
    lines: list[str] = []
    clusters = data.clusters
    for place, example in enumerate(data.examples):
        asked = data.task.ask(example)
        messages = () if asked is None else asked.prompt().messages
        line = {
            "origin": example.origin,
            "prompt": _prompt(data, example),
            "references": data.task.references(example),
            "answers": {
                name: {**one.rows[place], **answers[name][0].answered[place].told()}
                for name, one in scored.items()
            },
        }
        if len(messages) > 1:
            line["turns"] = [(message.role, message.text) for message in messages]
        if clusters is not None:
            line["cluster"] = clusters[place]
        lines.append(json.dumps(line, ensure_ascii=False, default=str))
    Run(folder).write_text(EXAMPLES, "".join(f"{line}\n" for line in lines))
