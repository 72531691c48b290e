"""Prompt: a recipe -> a prompted model, which is a base and answered examples; no training."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from tunesmith.chat.endpoint import parse_endpoint
from tunesmith.chat.shots import Choice, Shots
from tunesmith.core.errors import RecipeError, RunError
from tunesmith.core.examples import Conversation, Example, Message
from tunesmith.data.load import load_examples
from tunesmith.model.source import weights_fingerprint
from tunesmith.pipelines.prepare import Prepared, prepare
from tunesmith.pipelines.prompted import EXAMPLES, PROMPT, PROMPT_RECIPE
from tunesmith.recipe import Recipe
from tunesmith.tasks.task import Task


def prompt(
    recipe: Recipe,
    out: str | Path,
    *,
    n_shots: int = 4,
    choose: Choice = "fixed",
    seed: int = 0,
    hosted: str | None = None,
) -> dict[str, Any]:
    """Writes a prompted model.

    Args:
        recipe: whose base is shown the answered training rows; its method is not used.
        out: the folder; must not exist.
        n_shots: examples before a request at the most; 0: none.
        choose: which, as :class:`tunesmith.chat.shots.Shots` has it.
        seed: of the draw.
        hosted: name of a hosted model that is asked in place of the recipe's base; its key is
            looked for when it is asked, and kept nowhere.

    Returns:
        ``path``, how many ``examples`` are kept to choose from, ``shots`` and ``choose``.

    Raises:
        EndpointError: there can be no hosted model of that name.
        RecipeError: the task asks nothing, or the recipe starts from more or less than a base.
        RunError: the folder is there already, or cannot be written.
        TunesmithError: data or model cannot be used.
    """
    recipe = recipe.with_absolute_paths()
    if recipe.model.adapter is not None or recipe.model.init == "random":
        raise RecipeError(
            "model: a prompted model is a base as it is. Take model.adapter and model.init away; "
            "an adapter is written into its base by: tunesmith merge"
        )
    folder = Path(out).expanduser()
    if folder.exists():
        raise RunError(f"{folder}: is there already. Take it away, or choose another --out.")
    if hosted is not None:
        parse_endpoint(hosted)
    prepared = prepare(recipe, weights=hosted is None)
    known = _answered(prepared.task, load_examples(recipe.data, recipe.train.seed)["train"])
    if not known:
        raise RecipeError(f"task {recipe.task.name!r} asks nothing, so no example can be shown.")
    shots = Shots(known, n_shots, choose, seed)
    if n_shots == 0:
        shots = replace(shots, examples=())
    elif choose != "nearest":  # one more, for where the request itself is among them
        kept = tuple(known[number] for number in shots.order[: n_shots + 1])
        shots = Shots(kept, n_shots)
    draft = folder.with_name(f".{folder.name}.draft")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        told = {"hosted": hosted} if hosted is not None else _base(recipe, prepared)
        drawn = {"choose": choose, "seed": seed}
        _write(draft, recipe, prepared.task, shots, {**told, "drawn": drawn})
        draft.rename(folder)
    except OSError as error:
        raise RunError(f"{folder}: cannot be written ({error}).") from error
    return {
        "path": str(folder),
        "examples": len(shots.examples),
        "shots": n_shots,
        "choose": choose,
    }


def _answered(task: Task, examples: list[Example]) -> tuple[Conversation, ...]:
    """Each example that has a right answer, as a request with it."""
    found: list[Conversation] = []
    for example in examples:
        asked, right = task.ask(example), task.references(example)
        if asked is not None and right:
            answer = Message("assistant", task.write(right[0]))
            messages = (*asked.prompt().messages, answer)
            found.append(Conversation(messages, asked.origin, tools=asked.tools))
    return tuple(found)


def _base(recipe: Recipe, prepared: Prepared) -> dict[str, Any]:
    """What makes sure that the examples are shown to the same base in the same words."""
    return {
        "model": recipe.model.model_dump(mode="json"),
        "base_fingerprint": weights_fingerprint(prepared.folder),
        "tokenizer_fingerprint": prepared.tokenizer.fingerprint,
        "template": prepared.template.model_dump(mode="json"),
    }


def _write(folder: Path, recipe: Recipe, task: Task, shots: Shots, told: dict[str, Any]) -> None:
    settled = recipe.model_copy(update={"task": task})
    (folder / PROMPT_RECIPE).write_text(settled.to_yaml(), "utf-8")
    lines = [json.dumps(asdict(example), ensure_ascii=False) for example in shots.examples]
    (folder / EXAMPLES).write_text("".join(f"{line}\n" for line in lines), "utf-8")
    info = {**told, "shots": {"n": shots.n, "choose": shots.choose}}
    (folder / PROMPT).write_text(json.dumps(info, indent=2) + "\n", "utf-8")
