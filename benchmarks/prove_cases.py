"""Cases of ``prove.py``: which data, what is trained on it, and which models are compared."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

STORIES = "models/stories260K-hf"
LAST_WORDS = 60
"""Of a film review: the verdict stands at its end, and the model has 512 positions."""
SENTIMENT = "Is this film review positive or negative? Answer with one of these labels alone:"
LABELS = ["negative", "positive"]
HOSTED = "HOSTED"
"""Stands for the URL of the server, which is known once it runs."""


@dataclass(frozen=True)
class Case:
    """One comparison.

    Attributes:
        title: of its section.
        about: what is compared, in a few sentences.
        recipes: by the name of a recipe's file, its fields; the first one names the data.
        models: by name in the table: a path, ``run:RECIPE`` for what a recipe's training leaves,
            ``prompt:RECIPE`` for its base with examples before each request, or ``HOSTED``.
        shots: examples before each request.
        options: further ones of ``tunesmith compare``.
    """

    title: str
    about: str
    recipes: Mapping[str, dict[str, Any]]
    models: Mapping[str, str]
    shots: int = 1
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Size:
    """How much is done.

    Attributes:
        rows: training rows of a set at the most; None: all.
        asked: examples that are asked at the most; None: all.
        epochs: passes over the training rows.
    """

    rows: int | None = None
    asked: int | None = None
    epochs: float = 2.0
    options: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        """Works the options of ``compare`` out."""
        told = () if self.asked is None else ("--max-rows", str(self.asked))
        object.__setattr__(self, "options", told)


def cases(data: Path, made: Path, size: Size) -> dict[str, Case]:
    """All cases by name; writes the files that some of them need.

    Args:
        data: folder of the published sets.
        made: folder for files made of them.
        size: how much is done.
    """
    return {
        "tweetsumm": _tweetsumm(data, size),
        "dialogsum": _dialogsum(data, size),
        "imdb": _imdb(data, made, size),
        "xquad": _xquad(data, made, size),
    }


def _train(size: Size, **fields: Any) -> dict[str, Any]:
    told = {"epochs": size.epochs, "batch_size": 16, "eval_every_fraction": 0.34}
    return {**told, "precision": "float32", **fields}


def _rows(size: Size) -> dict[str, Any]:
    return {} if size.rows is None else {"max_rows": size.rows}


SUMMARISERS = {
    "tuned": "run:tuned",
    "lora": "run:lora",
    "few_shot": "prompt:tuned",
    "hosted": HOSTED,
}


def _summary_models(data: Path) -> dict[str, str]:
    return {"base": str(data / STORIES), **SUMMARISERS}


def _tweetsumm(data: Path, size: Size) -> Case:
    folder = data / "tweetsumm/dialogstudio"
    files = {"train": str(folder / "train.jsonl"), "test": str(folder / "validation.jsonl")}
    given = {"path": files, "format": "tweetsumm", "validation_fraction": 0.1, **_rows(size)}
    return Case(
        "Support dialogues to summaries: TweetSumm",
        "Learnt from the published training dialogues (a tenth of them held out to choose the "
        "weights by), asked on the published validation dialogues, which no training saw. Every "
        "annotator's summary counts as a right answer.",
        _full_and_lora(data, size, given),
        _summary_models(data),
        options=size.options,
    )


def _dialogsum(data: Path, size: Size) -> Case:
    folder = data / "dialogsum"
    files = {
        "train": str(folder / "dialogsum.dev.jsonl"),
        "test": str(folder / "dialogsum.test.first_half.jsonl"),
    }
    given = {"path": files, "format": "dialogsum", "validation_fraction": 0.1, **_rows(size)}
    return Case(
        "Everyday dialogues to summaries: DialogSum",
        "Learnt from the published development set, asked on the first half of the published test "
        "set, each dialogue of which has three right summaries.",
        _full_and_lora(data, size, given),
        _summary_models(data),
        options=size.options,
    )


def _full_and_lora(data: Path, size: Size, given: dict[str, Any]) -> dict[str, dict[str, Any]]:
    tuned = {
        "model": {"path": str(data / STORIES)},
        "data": given,
        "template": "summarization",
        "method": "full",
        "optim": {"lr": 1e-3},
        "train": _train(size),
        "evaluate": {"max_new_tokens": 96},
    }
    lora = {**tuned, "method": {"name": "lora", "rank": 16}, "optim": {"lr": 3e-3}}
    return {"tuned": tuned, "lora": lora}


def _imdb(data: Path, made: Path, size: Size) -> Case:
    files = _reviews(data / "imdb/aclImdb_train_2000.csv", made, size)
    head: dict[str, Any] = {
        "model": {"path": str(data / STORIES)},
        "template": "alpaca",
        "method": "full",
        "data": {
            "path": {"train": str(files["train.csv"]), "test": str(files["test.csv"])},
            "format": {"name": "labels", "label_names": LABELS},
            "validation_fraction": 0.1,
        },
        "task": {
            "name": "classify",
            "problem": "single",
            "labels": LABELS,
            "instruction": SENTIMENT,
        },
        "optim": {"lr": 1e-3, "weight_decay": 0.1},
        "train": _train(size, best_metric="accuracy"),
        "evaluate": {"max_new_tokens": 8},
    }
    words = {**head, "task": {**head["task"], "name": "classify-in-words"}, "train": _train(size)}
    return Case(
        "Film reviews by head, by likelihood and in words: IMDB",
        f"The last {LAST_WORDS} words of each review, the same for all. `head` has a classifier's "
        "head; `words` was tuned to write the label as an answer, and is asked by the likelihood "
        "of the two labels and by what it writes; the base likewise. Four fifths of the reviews "
        "are learnt from (a tenth of these held out to choose the weights by), the last fifth is "
        "asked.",
        {"head": head, "words": words},
        {"base": str(data / STORIES), "head": "run:head", "words": "run:words"},
    )


def _reviews(table: Path, made: Path, size: Size) -> dict[str, Path]:
    """Training and test reviews as tables of their own."""
    with table.open(encoding="utf-8", newline="") as stream:
        rows = [(_end(row["text"]), LABELS[_is_positive(row)]) for row in csv.DictReader(stream)]
    n_train = len(rows) * 4 // 5
    parts = {"train": rows[:n_train][: size.rows], "test": rows[n_train:][: size.asked]}
    made.mkdir(parents=True, exist_ok=True)
    files: dict[str, Path] = {}
    for name, part in parts.items():
        files[f"{name}.csv"] = made / f"imdb-{name}.csv"
        with files[f"{name}.csv"].open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream).writerows([("text", "label"), *part])
    return files


def _is_positive(row: Mapping[str, str]) -> bool:
    return row["label"] in ("1", "pos", "positive")


def _end(text: str) -> str:
    return " ".join(text.replace("<br />", " ").split()[-LAST_WORDS:])


def _xquad(data: Path, made: Path, size: Size) -> Case:
    files = _questions(data / "squad/xquad.en.json", made, size)
    span = {
        "model": {"path": str(data / STORIES)},
        "data": {"path": files, "format": "squad", "validation_fraction": 0.1},
        "task": {"name": "extractive-qa", "doc_stride": 128},
        "template": "alpaca",
        "method": "full",
        "optim": {"lr": 1e-3},
        "train": _train(size),
        "evaluate": {"max_new_tokens": 32},
    }
    return Case(
        "Answers as stretches of a text: XQuAD, English",
        "Learnt from the questions about the first two thirds of the articles, asked about the "
        "others; an article counts as one unit. The base writes its answer, the tuned model marks "
        "it with a head.",
        {"span": span},
        {"base": str(data / STORIES), "tuned": "run:span"},
    )


def _questions(file: Path, made: Path, size: Size) -> dict[str, str]:
    """The articles of a SQuAD file in two files, so that no article is in both."""
    whole = json.loads(file.read_text("utf-8"))
    articles = whole["data"]
    n_train = len(articles) * 2 // 3
    parts = {"train": articles[:n_train], "test": articles[n_train:]}
    if size.rows is not None:
        parts = {name: part[:2] for name, part in parts.items()}
    made.mkdir(parents=True, exist_ok=True)
    files: dict[str, str] = {}
    for name, part in parts.items():
        place = made / f"xquad-{name}.json"
        place.write_text(json.dumps({**whole, "data": part}, ensure_ascii=False), "utf-8")
        files[name] = str(place)
    return files
