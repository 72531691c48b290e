"""Compare: any models on the same examples; what parts them, and whether it is real."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunesmith.chat.endpoint import is_hosted
from tunesmith.chat.spend import price_list
from tunesmith.chat.spent_file import SPENT
from tunesmith.core.errors import RecipeError, TunesmithError
from tunesmith.core.held import held
from tunesmith.evaluation.fits import fitting, require_fit
from tunesmith.evaluation.measures import fair, measures_of
from tunesmith.evaluation.metrics.chosen import chosen, own_hashes
from tunesmith.evaluation.side_by_side import side_by_side
from tunesmith.pipelines.bases import Bases
from tunesmith.pipelines.beside import Beside, named_models
from tunesmith.pipelines.compare_request import CompareRequest
from tunesmith.pipelines.compared_data import ComparedData, compared_data
from tunesmith.pipelines.compared_examples import keep_examples, prompt_of
from tunesmith.pipelines.compared_result import result_of
from tunesmith.pipelines.compared_runs import places_of
from tunesmith.pipelines.compared_scores import ComparedScores, compared_scores
from tunesmith.pipelines.compared_seen import seen_notes
from tunesmith.pipelines.compared_tables import add_tables
from tunesmith.pipelines.compared_worse import got_worse
from tunesmith.pipelines.comparison_files import keep_result
from tunesmith.pipelines.contenders import Opening
from tunesmith.pipelines.judge_compared import add_preferences
from tunesmith.pipelines.load import hosted_behind

TAKEN = ("constant",)
"""Names that the table has for something else."""


def compare(request: CompareRequest) -> dict[str, Any]:
    """Has models answer the same examples, scores them, and says which differences are real.

    Answers are kept in ``out``: a second run asks only what is missing, costs nothing, and gives
    the same figures to the byte. A model that cannot be asked is a row with its reason, and the
    others are compared all the same.

    Args:
        request: what is compared.

    Returns:
        What ``comparison.json`` holds: ``models`` (by name: ``scores`` with ``low`` and ``high``,
        ``cut_fraction``, ``length_ratio``, ``tokens_per_s``, ``cost_per_1000``,
        ``template``), ``pairs``
        (``one``, ``other``, ``score``, ``difference``, ``low``, ``high``, ``p``, ``p_corrected``,
        ``verdict``, ``sentence``), ``verdict``, ``failed``, ``n``, ``source``, ``worse``
        and ``worse_by`` (the score that it is told by); ``judged``, ``judge`` and ``votes`` where
        there are any.

    Raises:
        TunesmithError: no model could be asked, or the data cannot be used.
    """
    request = _with_against(request)
    models = named_models(request.models, taken=TAKEN)
    _require_known(request, models)
    _require_prices(request, models)
    if request.judging is not None:
        request.judging.check()
    data = compared_data(
        request.data,
        [one.model for one in models],
        task=request.task,
        split=request.split,
        max_rows=request.max_rows,
        bad_rows=request.bad_rows,
    )
    if request.judge is not None and data.task.judged_by != "running-text":
        request.judge.rubric_for(data.task.name, [prompt_of(data, one) for one in data.examples])
    metrics, notes = _metrics(request, data)
    notes += seen_notes(models, data.examples)
    folder = Path(request.out).expanduser()
    with held(folder, choose="Choose another folder with --out."):
        opening = Opening(
            request.batch_size, request.prices, request.max_cost, Bases(), folder / SPENT
        )
        found = compared_scores(request, models, data, folder, opening, chosen(metrics))
        result = _compared(request, models, data, metrics, found)
        result["notes"] += [n for n in notes + found.notes if n not in result["notes"]]
        keep_examples(folder, data, found)
        keep_result(folder, result)
        add_preferences(
            folder,
            result,
            request.judging,
            batch_size=request.batch_size,
            seed=request.seed,
        )
        keep_result(folder, result)
    return result


def _compared(
    request: CompareRequest,
    models: Sequence[Beside],
    data: ComparedData,
    metrics: Sequence[str],
    found: ComparedScores,
) -> dict[str, Any]:
    """What parts the models by their scores, and whether it is real."""
    samples = found.samples(data.clusters)
    measures = fair(measures_of(metrics), samples)
    shown = list(measures.headings)
    parted = side_by_side(
        samples,
        shown,
        lower_is_better=measures.lower_is_better,
        is_share={name: name not in measures.scales for name in shown},
        same_counts=measures.same_counts,
        values={name: one.scores for name, one in found.scored.items()},
        seed=request.seed,
    )
    result = result_of(request, data, measures, found, parted)
    result["places"] = places_of(models)
    add_tables(result, data, found.scored, found.answers, samples, request.seed)
    if own := own_hashes(metrics):
        result["own_metrics"] = [{"file": f, "sha256": s} for f, s in own.items()]
    if request.against is not None:
        lost = got_worse(request.against, data.examples, measures, found.scored, found.failed)
        result |= {"worse": lost.by_model, "worse_by": lost.score}
        result["notes"] += lost.notes
    return result


def _with_against(request: CompareRequest) -> CompareRequest:
    """The same with ``against`` as a name in the table; a model that is not in it yet joins it."""
    against = request.against
    models = named_models(request.models, taken=TAKEN)
    if against is None or any(one.name == against for one in models):
        return request
    known = next((one for one in models if one.model == against), None)
    if known is not None:
        return replace(request, against=known.name)
    if not (is_hosted(against) or Path(against).expanduser().exists()):
        return request  # a misspelt name rather than a model
    [*_, added] = named_models([*request.models, against], taken=TAKEN)
    return replace(request, models=(*request.models, against), against=added.name)


def _require_known(request: CompareRequest, models: Sequence[Beside]) -> None:
    """Checks that options name models that are there."""
    names = [one.name for one in models]
    given = [*(request.templates or {}), *([request.against] if request.against else [])]
    for name in given:
        if name not in names:
            raise RecipeError(f"{name!r} is none of the models: {', '.join(names)}.")
    price_list(request.prices).require_known(names)


def _require_prices(request: CompareRequest, models: Sequence[Beside]) -> None:
    """Checks that a cap on the cost can be told to be reached, before anything is asked.

    Raises:
        RecipeError: a hosted model has no prices.
    """
    if request.max_cost is None:
        return
    prices = price_list(request.prices)
    for one in models:
        if prices.of(one.name) is None and _is_hosted(one.model):
            raise RecipeError(
                f"{one.name}: a cap on the cost needs its prices. Give --prices "
                f"{one.name}=PROMPT,ANSWER, or --prices PROMPT ANSWER for all: what a million "
                "tokens of each cost."
            )


def _is_hosted(model: str) -> bool:
    """Whether a hosted model answers, as far as can be told; what is broken is told in its row."""
    try:
        return hosted_behind(model) is not None
    except TunesmithError:
        return False


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
