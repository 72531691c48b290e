"""Predict: a tuned model and new examples -> answers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.answers import shown
from tunesmith.core.errors import DataError, RecipeError
from tunesmith.core.examples import Example
from tunesmith.core.extras import require
from tunesmith.core.runs import Run
from tunesmith.data.records import Notice, read_records
from tunesmith.evaluation.roads import Answered
from tunesmith.evaluation.within_memory import answer_within_memory
from tunesmith.pipelines.load import load, task_of
from tunesmith.tasks.task import Task

PORTION = 1024
"""Examples answered before the first of them are given."""


def predict(
    model: str | Path | Run,
    *,
    texts: Sequence[str] = (),
    file: str | Path | None = None,
    batch_size: int = 32,
    max_new_tokens: int = 32,
) -> Iterator[dict[str, Any]]:
    """Answers examples as a model was tuned to, by its head or, where it has none, in words.

    Args:
        model: a run, an artefact, a prompted model's folder, or a folder of transformers' or
            PEFT's with a head.
        texts: to be labelled.
        file: records in any container that is read, with the fields that the task needs; of a
            ``.txt`` every line is a text.
        batch_size: rows at once.
        max_new_tokens: longest text that is written where there is no head.

    Yields:
        For each example ``origin``, ``answer`` (None: what was written is none), ``weighed``
        (probability by answer, where answers were weighed), ``n_cut`` tokens of it that had no
        room, and ``answer_cut`` where the answer was written and ran into its limit; of what is
        known also ``finish_reason``, ``n_prompt_tokens``, ``n_tokens``, ``latency_s``, ``cost``.

    Raises:
        TunesmithError: the model cannot be loaded or predicts nothing, or a record lacks a field.
    """
    if isinstance(model, str) and is_hosted(model):
        raise RecipeError(
            f"{model}: is asked in words, and which is not known here. A prompted model knows: "
            f"tunesmith prompt RECIPE --model {model} --out DIR, then tunesmith predict DIR"
        )
    require("torch", extra="train", purpose="Predicting")
    from tunesmith.chat.predictor import Predictor
    from tunesmith.training.fit import EVALUATION_ADVICE, advised

    with advised(EVALUATION_ADVICE):
        loaded = load(model, batch_size=batch_size)
    task = loaded.task if isinstance(loaded, Predictor) else task_of(model)
    if task is None or task.answers_freely or not task.roads:
        raise RecipeError(
            f"{model.path if isinstance(model, Run) else model}: was not tuned for answers of its "
            "own kind, so there is nothing to predict. Talk to it: tunesmith chat"
        )
    road = "head" if isinstance(loaded, Predictor) else "generate"
    examples = _examples(task, texts, file)
    while portion := list(islice(examples, PORTION)):
        answered = answer_within_memory(loaded, task, portion, road, max_new_tokens=max_new_tokens)
        for example, one in zip(portion, answered, strict=True):
            yield _entry(example, one)


def _examples(task: Task, texts: Sequence[str], file: str | Path | None) -> Iterator[Example]:
    for number, text in enumerate(texts, 1):
        yield task.unanswered({"text": text}, f"text {number}")
    if file is None:
        return
    path = Path(file).expanduser()
    if path.suffix == ".txt":
        for number, line in enumerate(_lines(path), 1):
            if line.strip():
                yield task.unanswered({"text": line}, f"{path}:{number}")
        return
    for record in read_records(path):
        if isinstance(record, DataError):
            raise record
        if not isinstance(record, Notice):
            origin, fields = record
            yield task.unanswered(fields, origin)


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: cannot be read: {error}.") from None


def _entry(example: Example, one: Answered) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "origin": example.origin,
        "answer": None if one.answer is None else shown(one.answer),
    }
    if one.weighed:
        entry["weighed"] = {name: round(p, 6) for name, p in one.weighed}
    if one.cut:
        entry["answer_cut"] = True
    return {**entry, "n_cut": one.n_prompt_cut, **one.told()}
