"""Check: what is wrong with data, and what it comes to in tokens; nothing is trained."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tunesmith.checks.every import every_check
from tunesmith.checks.finding import Finding, Severity, by_severity, rows_text
from tunesmith.checks.lengths import measure
from tunesmith.checks.survey import Survey, survey
from tunesmith.core.bundled import BUNDLED, recipe_path
from tunesmith.core.errors import DataError, TemplateError
from tunesmith.core.examples import Example
from tunesmith.core.ledger import FATES, PLACES_SHOWN, Ledger
from tunesmith.objectives import OBJECTIVES
from tunesmith.pipelines.count_tokens import Tokens, count_tokens
from tunesmith.pipelines.open_recipe import open_recipe
from tunesmith.recipe import Recipe, make_recipe
from tunesmith.tasks import TASKS

RECIPES = (".yaml", ".yml")
TOLD: dict[str, tuple[Severity, str]] = {
    "rejected": ("error", "Raise data.max_tokens, or take them out."),
    "dropped": ("info", "They are left out and counted."),
    "cut": ("warning", "Raise data.max_tokens where the model has room, or accept it."),
}
"""Fates of rows in encoding: how grave each is, and the next step."""


@dataclass(frozen=True)
class Request:
    """What is to be checked, and whether a tokenizer is at hand to count tokens with."""

    recipe: Recipe
    counts_tokens: bool
    task_is_told: bool


def make_request(
    target: str,
    overrides: Sequence[str] = (),
    *,
    tokenizer: str | None = None,
    template: str | None = None,
) -> Request:
    """Makes a recipe of a file or folder, or loads the one that is named.

    Args:
        target: a recipe's file, or the data itself.
        overrides: ``key=value``, as for a recipe.
        tokenizer: folder or name of a model whose tokenizer counts; None: the recipe's, else none.
        template: how conversations are written down; None: the recipe's, else the tokenizer's.

    Raises:
        RecipeError: the recipe or an override is wrong.
    """
    named = [f"model.path={tokenizer}"] if tokenizer else []
    named += [f"template={template}"] if template else []
    named += ["data.bad_rows=reject"]
    if _is_recipe(target):
        recipe = open_recipe(target, [*overrides, *named], to_train=False).recipe
        return Request(recipe, counts_tokens=True, task_is_told=True)
    fields = {"data": {"path": target}}
    recipe = make_recipe(fields, source=target, overrides=[*overrides, *named])
    has_model = any(override.startswith("model.path=") for override in (*overrides, *named))
    has_task = any(override.startswith("task") for override in overrides)
    return Request(recipe, counts_tokens=has_model, task_is_told=has_task)


def check(request: Request, *, allow_leaks: bool = False) -> dict[str, Any]:
    """Reads the data once and tells what is wrong with it; with a tokenizer, counts tokens too.

    Args:
        request: what to look at.
        allow_leaks: the same rows in training and evaluation are told, and are no error.

    Returns:
        ``ok`` (False where training would go wrong or rows cannot be used), ``splits`` (each as
        the ledger has it), ``files``, ``findings``, ``lengths``, ``tokens`` (None where they were
        not counted) and ``notices``.

    Raises:
        DataError: a source is missing.
    """
    checks = every_check(allow_leaks=allow_leaks)
    read = survey(request.recipe.data, checks)
    findings = [*read.findings(), *(f for check in checks for f in check.findings(read.rows))]
    tokens = None
    untrained = [kind for kind in read.kinds if not _takers(kind)]
    if request.counts_tokens and untrained:
        fact = f"tokens are not counted: no task trains on a {untrained[0].__name__} yet"
        findings.append(Finding("encoding", "info", 0, fact))
    elif request.counts_tokens and len(read.rows):
        try:
            tokens = count_tokens(_with_task(request, read))
            allowed = request.recipe.data.cut_answers
            findings += _about(tokens, read.reasons, cut_answers=allowed)
        except (DataError, TemplateError) as error:
            fact = f"tokens cannot be counted: {error}".rstrip(".")
            findings.append(Finding("encoding", "error", 1, fact))
    splits = tokens.ledger.as_dict() if tokens else _splits(read)
    for split, counts in splits.items():
        gap = counts["read"] - sum(counts[fate] for fate in FATES)
        assert not gap, f"{split}: {gap} rows are unaccounted for"
    lengths = measure(tokens.lengths("train"), "tokens") if tokens else None
    lengths = lengths or measure(read.rows.n_chars, "characters")
    findings = by_severity(findings)
    return {
        "ok": all(finding.severity != "error" for finding in findings),
        "rows": sum(file.n_read for file in read.files),
        "splits": splits,
        "files": [file.as_dict() for file in read.files],
        "findings": [finding.as_dict() for finding in findings],
        "lengths": lengths.as_dict() if lengths else None,
        "tokens": tokens.as_dict() if tokens else None,
        "notices": read.notices,
    }


def _is_recipe(target: str) -> bool:
    if Path(target).suffix.lower() in RECIPES:
        return True
    is_data = Path(target).exists() or target in BUNDLED
    return not is_data and recipe_path(target).is_file()


def _with_task(request: Request, read: Survey) -> Recipe:
    """The recipe with the task that takes what was read, where none was told."""
    if request.task_is_told or len(read.kinds) != 1:
        return request.recipe
    kind = next(iter(read.kinds))
    if request.recipe.task.takes(kind):
        return request.recipe
    task = TASKS.parse(_takers(kind)[0])
    objective = OBJECTIVES.parse(task.objective_for(kind))
    return request.recipe.model_copy(update={"task": task, "objective": objective})


def _splits(read: Survey) -> dict[str, Any]:
    """The ledger as reading alone knows it."""
    ledger = Ledger()
    for file in read.files:
        split = ledger[file.split]
        split.rows.update(file.ledger.rows)
        split.n_reasons.update(file.ledger.n_reasons)
        for reason, places in file.ledger.reasons.items():
            shown = split.reasons.setdefault(reason, [])
            shown += places[: PLACES_SHOWN - len(shown)]
    return ledger.as_dict()


def _takers(kind: type[Example]) -> list[str]:
    """Tasks that take a kind of example."""
    return [name for name in TASKS.names() if TASKS.load(name).takes(kind)]


def _about(
    tokens: Tokens, known_reasons: Collection[str], *, cut_answers: bool
) -> Iterator[Finding]:
    for split, counts in tokens.ledger.splits.items():
        for (fate, reason), n in sorted(counts.n_reasons.items()):
            if fate in TOLD and reason not in known_reasons:
                severity, fix = TOLD[fate]
                fact = f"{rows_text(n)} of {split} {fate}: {reason}"
                places = tuple(counts.reasons[fate, reason])
                yield Finding(f"{fate}-rows", severity, n, fact, fix, places)
    for split, n in tokens.n_without_end.items():
        if n:
            fact = f"{rows_text(n)} of {split} with an answer cut before its end"
            fix = "Raise data.max_tokens, or the model does not learn to stop there."
            yield Finding("without-end", "warning" if cut_answers else "error", n, fact, fix)
    for split, rows in tokens.rows.items():
        if not len(rows) and tokens.ledger[split].n_read:
            fact = f"none of {tokens.ledger[split].n_read} rows of {split} is left"
            yield Finding("empty-split", "error", 0, fact, "Raise data.max_tokens, or add rows.")
