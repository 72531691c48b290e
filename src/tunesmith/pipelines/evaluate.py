"""Evaluate: base and tuned answer the same examples by every road, and all are scored."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.chat.spend import price_list
from tunesmith.core.answers import Road, shown
from tunesmith.core.errors import DataError, RecipeError, RunError
from tunesmith.core.examples import Example
from tunesmith.core.extras import require
from tunesmith.core.runs import LOCK, PREDICTIONS, RECIPE, SCORES, Run
from tunesmith.data.load import load_examples
from tunesmith.evaluation.baseline import best_constant
from tunesmith.evaluation.gold_spans import gold_spans
from tunesmith.evaluation.metrics.chosen import own_hashes
from tunesmith.evaluation.null_threshold import threshold_scores
from tunesmith.evaluation.roads import Answered, open_roads
from tunesmith.evaluation.score import Scored, score
from tunesmith.evaluation.within_memory import answer_within_memory
from tunesmith.pipelines.beside import Beside, named_models, require_written
from tunesmith.pipelines.card import write_card
from tunesmith.pipelines.contenders import PROMPTED, Opening, contenders
from tunesmith.pipelines.foretell import foretell
from tunesmith.pipelines.prepare import prepare
from tunesmith.pipelines.prompted import PROMPT_RECIPE, is_prompted
from tunesmith.pipelines.rank_answers import rank_answers
from tunesmith.pipelines.report import write_report
from tunesmith.recipe import Recipe, load_recipe
from tunesmith.tasks.task import Task

if TYPE_CHECKING:
    from tunesmith.chat.chat_model import ChatModel
    from tunesmith.chat.predictor import Predictor
    from tunesmith.chat.spend import PriceList, Prices

CONSTANT = "constant"


def evaluate(
    target: str | Path | Run | Recipe,
    *,
    split: str | None = None,
    beside: Sequence[str] = (),
    prices: Prices | PriceList | None = None,
    max_cost: float | None = None,
) -> dict[str, Any]:
    """Scores the base model and, for a run, the tuned one, by every road that the task knows.

    Args:
        target: a run, its directory, or a recipe. A recipe whose run is finished stands for that
            run; else only its base model is scored.
        split: which rows; None: ``test`` if the data has it, else ``validation``.
        beside: further models that answer the same examples in words, hosted ones too: what
            :func:`tunesmith.load` takes, as ``MODEL`` or ``NAME=MODEL``.
        prices: of hosted models' tokens, of all or of each by its name.
        max_cost: of each hosted model, in this call. Its replies are kept in the cache, so a second
            evaluation costs nothing.

    Returns:
        Scores by model (``constant``: the best answer that ignores the request; ``base``;
        ``tuned``; those beside them by their names), with the road behind the name where there are
        several (``base/likelihood``, ``tuned/head``); ``split``, ``n``, ``left_out`` (rows without
        a reference answer) and ``seconds``. A run also gets ``scores.json``, ``predictions.jsonl``
        and its report written anew. Of running text see
        :func:`tunesmith.pipelines.foretell.foretell`.

    Raises:
        TunesmithError: run, data or model cannot be used.
    """
    require("torch", extra="train", purpose="Evaluating")
    from tunesmith.training.fit import EVALUATION_ADVICE, advised

    others = named_models(beside)
    price_list(prices).require_known([*(one.name for one in others), PROMPTED])
    with advised(EVALUATION_ADVICE):
        return _evaluated(target, split, others, prices, max_cost)


def _evaluated(
    target: str | Path | Run | Recipe,
    split: str | None,
    beside: Sequence[Beside],
    prices: Prices | PriceList | None,
    max_cost: float | None,
) -> dict[str, Any]:
    started = time.perf_counter()
    prompted = _prompted(target)
    run, recipe = _resolve(target if prompted is None else prompted / PROMPT_RECIPE)
    require_written(recipe.task, [one.model for one in beside])
    own = own_hashes(recipe.evaluate.metrics or ())
    opening = Opening(recipe.evaluate.batch_size, prices, max_cost)
    if recipe.task.judged_by == "preferences":
        results, lines, told = rank_answers(run, recipe, split)
        return _finished(run, results, lines, told, started)
    if recipe.task.judged_by == "running-text":
        return foretell(contenders(run, recipe, opening), run, recipe, split)
    task = recipe.task if run is not None else _settled(recipe)
    examples = load_examples(recipe.data, recipe.train.seed)
    chosen = split or ("test" if examples.get("test") else "validation")
    rows = examples.get(chosen, [])
    asked = _questions(rows, chosen, task)
    n_left_out = len(rows) - len(asked)
    asked = asked[: recipe.evaluate.max_rows]
    results: dict[str, Scored] = {}
    known = [found[0] for e in examples["train"] if (found := task.references(e))]
    if known:
        constant = best_constant(known, is_text=task.answers_freely)
        same = [Answered(constant, shown(constant))] * len(asked)
        results[CONSTANT] = score(task, asked, same, None, recipe.evaluate.metrics)
    # Others first: a hosted model that cannot be asked is known before hours of work here.
    others = {
        f"{one.name}/generate" if len(task.roads) > 1 else one.name: _answered(
            opening.chat(one.model, one.name), task, asked, "generate", recipe
        )
        for one in beside
    }
    for name, model in contenders(run, recipe, opening, prompted):
        for road in open_roads(model, task, recipe.evaluate.roads):
            if road == "likelihood" and not task.candidates(asked[0]):
                continue
            label = f"{name}/{road}" if len(task.roads) > 1 else name
            results[label] = _answered(model, task, asked, road, recipe)
    results |= others
    if not results.keys() - {CONSTANT}:
        raise RecipeError(
            f"evaluate.roads: no model here answers task {task.name!r} by "
            f"{', '.join(recipe.evaluate.roads or ())}. It knows: {', '.join(task.roads)}."
        )
    lines = [_line(task, example) for example in asked]
    told = {"split": chosen, "n": len(asked), "left_out": n_left_out}
    if own:
        told["own_metrics"] = [{"file": file, "sha256": sha256} for file, sha256 in own.items()]
    return _finished(run, results, lines, told, started)


def _finished(
    run: Run | None,
    results: dict[str, Scored],
    lines: Sequence[dict[str, Any]],
    told: dict[str, Any],
    started: float,
) -> dict[str, Any]:
    """The scores of all models; of a run, its files are written."""
    scores: dict[str, Any] = {name: result.scores for name, result in results.items()}
    scores |= {**told, "seconds": round(time.perf_counter() - started, 2)}
    if run is not None:
        _keep(run, lines, results, scores)
    return scores


def _resolve(target: str | Path | Run | Recipe) -> tuple[Run | None, Recipe]:
    if isinstance(target, Recipe):
        run = Run(Path(target.out))
        if not run.is_finished:
            return None, target
        made_with = load_recipe(run.path / RECIPE)
        changed = [
            name
            for name in Recipe.model_fields
            if name not in ("out", "evaluate", "trackers")
            and getattr(target.with_absolute_paths(), name) != getattr(made_with, name)
            and not (name == "task" and _settled(target) == made_with.task)
        ]
        if changed:
            raise RunError(
                f"{run.path}: holds a run that was made with other settings under "
                f"{', '.join(changed)}. Score it by its directory, or set out to another one."
            )
        return run, target.model_copy(update={"task": made_with.task})
    path = target.path if isinstance(target, Run) else Path(target).expanduser()
    if (path / LOCK).is_file():
        run = Run(path)
        _ = run.summary  # says how to go on where it is not finished
        return run, load_recipe(path / RECIPE)
    if path.is_dir():
        raise RunError(f"{path}: holds no run. Give a run's directory or a recipe.")
    return _resolve(load_recipe(path))


def _settled(recipe: Recipe) -> Task:
    """The task with what it leaves to the data decided."""
    return prepare(recipe, weights=False).task


def _questions(rows: Sequence[Example], split: str, task: Task) -> list[Example]:
    if not task.roads:
        raise RecipeError(
            f"task {task.name!r} has no answers to score. Its loss stands in metrics.jsonl."
        )
    asked = [example for example in rows if task.references(example)]
    if not asked:
        raise DataError(
            f"the split {split!r} has no example with a reference answer to score against. "
            "Choose another with --split, or hold rows out with data.validation_fraction."
        )
    return asked


def _prompted(target: str | Path | Run | Recipe) -> Path | None:
    """The folder of a prompted model; None where the target is something else."""
    if not isinstance(target, str | Path):
        return None
    folder = Path(target).expanduser()
    return folder if is_prompted(folder) else None


def _answered(
    model: ChatModel | Predictor,
    task: Task,
    asked: Sequence[Example],
    road: Road,
    recipe: Recipe,
) -> Scored:
    found = answer_within_memory(
        model,
        task,
        asked,
        road,
        max_new_tokens=recipe.evaluate.max_new_tokens,
        length_normalised=recipe.evaluate.length_normalised,
    )
    scored = score(task, asked, found, road, recipe.evaluate.metrics)
    if road == "head" and task.weighs_no_answer:
        references = [task.references(example) for example in asked]
        scored.scores.update(threshold_scores(found, references))
    return scored


def _keep(
    run: Run,
    lines: Sequence[dict[str, Any]],
    results: dict[str, Scored],
    scores: dict[str, Any],
) -> None:
    answered = (
        {**line, "answers": {name: result.rows[place] for name, result in results.items()}}
        for place, line in enumerate(lines)
    )
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in answered)
    run.write_text(PREDICTIONS, text)
    run.write(SCORES, scores)
    write_card(run)
    write_report(run)


def _line(task: Task, example: Example) -> dict[str, Any]:
    """What is kept of a question beside its answers."""
    conversation = task.ask(example)
    messages = () if conversation is None else conversation.prompt().messages
    prompt = "\n\n".join(message.text for message in messages)
    line = {
        "origin": example.origin,
        "prompt": prompt,
        "reference": shown(task.references(example)[0]),
    }
    if group := getattr(example, "group", ""):
        line["group"] = group  # examples of one document or dialogue are no separate evidence
    marked = gold_spans(example, prompt)
    return {**line, "marked": marked} if marked else line
