"""Evaluate: base and tuned answer the same prompts, and both are scored."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import DataError, RunError
from tunesmith.core.examples import Conversation, Example
from tunesmith.core.extras import require
from tunesmith.core.runs import LOCK, PREDICTIONS, RECIPE, SCORES, Run
from tunesmith.data.load import load_examples
from tunesmith.evaluation.baseline import constant_answer
from tunesmith.evaluation.score import score_answers
from tunesmith.pipelines.load import load, load_base
from tunesmith.pipelines.report import write_report
from tunesmith.recipe import Recipe, load_recipe

if TYPE_CHECKING:
    from tunesmith.chat.local import LocalModel

CONSTANT, BASE, TUNED = "constant", "base", "tuned"


@dataclass(frozen=True, slots=True)
class Scored:
    """One model's answers to the same prompts."""

    scores: dict[str, float]
    """Means over the answers: ROUGE in [0, 1], ``mean_words``, ``cut_fraction`` (answers that ran
    into the token limit), ``prompt_cut_fraction`` (prompts that had to be shortened)."""
    rows: list[dict[str, Any]]
    """Per answer: ``text``, ``cut`` and its ROUGE."""


def evaluate(target: str | Path | Run | Recipe, *, split: str | None = None) -> dict[str, Any]:
    """Scores the base model and, for a run, the tuned one.

    Args:
        target: a run, its directory, or a recipe. A recipe whose run is finished stands for that
            run; else only its base model is scored.
        split: which rows; None: ``test`` if the data has it, else ``validation``.

    Returns:
        Scores by model (``constant``: the best answer that ignores the request; ``base``;
        ``tuned``), ``split``, ``n``, and ``seconds``. A run also gets ``scores.json``,
        ``predictions.jsonl`` and its report written anew.

    Raises:
        TunesmithError: run, data or model cannot be used.
    """
    require("torch", extra="train", purpose="Evaluating")
    started = time.perf_counter()
    run, recipe = _resolve(target)
    examples = load_examples(recipe.data, recipe.train.seed)
    chosen = split or ("test" if examples.get("test") else "validation")
    asked = _questions(examples.get(chosen, []), chosen, recipe)
    known = [e for e in examples["train"] if isinstance(e, Conversation)]
    results: dict[str, Scored] = {}
    if known:
        text = constant_answer([c.answer or "" for c in known])
        results[CONSTANT] = _score(asked, [(text, False)] * len(asked), recipe)
    for name, model in _models(run, recipe):
        results[name] = _answer(model, asked, recipe)
    scores: dict[str, Any] = {name: result.scores for name, result in results.items()}
    scores |= {"split": chosen, "n": len(asked), "seconds": round(time.perf_counter() - started, 2)}
    if run is not None:
        _keep(run, asked, results, scores)
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
        ]
        if changed:
            raise RunError(
                f"{run.path}: holds a run that was made with other settings under "
                f"{', '.join(changed)}. Score it by its directory, or set out to another one."
            )
        return run, target
    path = target.path if isinstance(target, Run) else Path(target).expanduser()
    if (path / LOCK).is_file():
        run = Run(path)
        _ = run.summary  # says how to go on where it is not finished
        return run, load_recipe(path / RECIPE)
    if path.is_dir():
        raise RunError(f"{path}: holds no run. Give a run's directory or a recipe.")
    return _resolve(load_recipe(path))


def _questions(rows: Sequence[Example], split: str, recipe: Recipe) -> list[Conversation]:
    asked = [e for e in rows if isinstance(e, Conversation) and e.answer is not None]
    if not asked:
        raise DataError(
            f"the split {split!r} has no conversation with a reference answer to score against. "
            "Choose another with --split, or hold rows out with data.validation_fraction."
        )
    return asked[: recipe.evaluate.max_rows]


def _models(run: Run | None, recipe: Recipe) -> list[tuple[str, LocalModel]]:
    """Base and tuned; over the same weights where the tuned one is an adapter."""
    size = recipe.evaluate.batch_size
    if run is None:
        base = load_base(recipe.model, template=recipe.template, batch_size=size)
        return [(BASE, base)]
    tuned = load(run, batch_size=size)
    if recipe.method.saves_adapter:
        return [(BASE, tuned.base()), (TUNED, tuned)]
    if recipe.model.init == "random":
        return [(TUNED, tuned)]
    base = load_base(recipe.model, template=tuned.template, batch_size=size)
    return [(BASE, base), (TUNED, tuned)]


def _answer(model: LocalModel, asked: Sequence[Conversation], recipe: Recipe) -> Scored:
    from tunesmith.chat.chat_model import Sampling

    answers = model.complete(asked, Sampling(max_new_tokens=recipe.evaluate.max_new_tokens))
    scored = _score(asked, [(a.text, a.finish_reason == "length") for a in answers], recipe)
    n_cut = sum(answer.n_prompt_cut > 0 for answer in answers)
    scored.scores["prompt_cut_fraction"] = n_cut / len(answers)
    return scored


def _score(
    asked: Sequence[Conversation], answers: Sequence[tuple[str, bool]], recipe: Recipe
) -> Scored:
    references = [recipe.task.references(c) for c in asked]
    names = recipe.evaluate.metrics or recipe.task.metrics
    found = score_answers(names, [text for text, _ in answers], references)
    means, rows = found.values, found.rows
    cut = [was_cut for _, was_cut in answers]
    means["cut_fraction"] = sum(cut) / len(cut)
    return Scored(
        means,
        [
            {"text": text, "cut": was_cut, **row}
            for (text, was_cut), row in zip(answers, rows, strict=True)
        ],
    )


def _keep(
    run: Run, asked: Sequence[Conversation], results: dict[str, Scored], scores: dict[str, Any]
) -> None:
    lines = [
        {
            "origin": conversation.origin,
            "prompt": "\n\n".join(m.text for m in conversation.prompt().messages),
            "reference": conversation.answer,
            "answers": {name: result.rows[place] for name, result in results.items()},
        }
        for place, conversation in enumerate(asked)
    ]
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    run.write_text(PREDICTIONS, text)
    run.write(SCORES, scores)
    write_report(run)
