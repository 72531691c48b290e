"""Sentiment of IMDB reviews: by a tuned head, three methods, and by bags of words.

    python benchmarks/classify.py ../shared/data [--out benchmarks/results/NAME.json]

The same 80 % of the rows are learnt and the same 20 % scored by all. Each run is a process of its
own. Its last weights are scored, so no held-out row has a say in when it stops. ``--out`` keeps
what it has after every run, and goes on with what is there.

Beside each run stand two logistic regressions (scikit-learn) on what that run sees. ``frozen``: on
the untuned model's states of the last token, which is all that a head alone can have; also over
five folds of all rows. ``same tokens``: on a TF-IDF bag of the very tokens. The bag of words is
one of words and pairs of words of whole reviews.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import json
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from measure import machine, measure

LABELS = ["neg", "pos"]
STORIES = "models/stories260K-hf"
PACKAGES = ["tunesmith", "torch", "transformers", "scikit-learn"]
WAYS: dict[str, dict[str, Any]] = {
    # A linear head is learnt long before a trunk is: the rate may be high and the epochs are cheap.
    "freeze": {
        "model": STORIES,
        "method": {"name": "freeze", "layers": 0},
        "optim": {"lr": 1e-2},
        "epochs": 5,
        "max_tokens": 64,
    },
    # The words of films are rare in what these models have read: their embeddings have to train.
    "lora": {
        "model": "tunesmith-tiny",
        "method": {"name": "lora", "rank": 16, "extra_modules": ["embed_tokens"]},
        "optim": {"lr": 2e-3, "weight_decay": 0.1},
        "epochs": 3,
        "max_tokens": 128,
    },
    "full": {
        "model": "tunesmith-tiny",
        "method": "full",
        "optim": {"lr": 1e-3, "weight_decay": 0.1},
        "epochs": 3,
        "max_tokens": 128,
    },
}


def recipe(data: Path, way: str, out: str) -> dict[str, Any]:
    """The recipe of one run."""
    settings = WAYS[way]
    model = str(data / STORIES) if settings["model"] == STORIES else settings["model"]
    return {
        "model": {"path": model},
        "data": {
            "path": str(data / "imdb/aclImdb_train_2000.csv"),
            "validation_fraction": 0.2,
            "max_tokens": settings["max_tokens"],
            "cut_from": "start",  # the verdict stands at the end of a review
            "format": {"name": "labels", "label_names": LABELS},
        },
        "task": "classify",
        "method": settings["method"],
        "optim": settings["optim"],
        "train": {
            "epochs": settings["epochs"],
            "batch_size": 16,
            "micro_batch_size": 16,
            "precision": "bfloat16",
            "eval_every_fraction": 0.5,
            "keep": "last",
        },
        "evaluate": {"roads": ["head"]},
        "out": out,
    }


def run_one(fields: dict[str, Any]) -> dict[str, Any]:
    """Trains and scores one run; what it came to."""
    from tunesmith import evaluate, train
    from tunesmith.recipe import make_recipe

    run = train(make_recipe(fields))
    scores = evaluate(run)
    told = ("steps", "seconds", "peak_memory_mb", "trainable_parameters", "tokens_per_s")
    n, accuracy = scores["n"], scores["tuned/head"]["accuracy"]
    return {
        "accuracy": accuracy,
        "n": n,
        **against_chance(round(accuracy * n), n, scores["constant"]["accuracy"]),
        **{key: run.summary[key] for key in told},
    }


def against_chance(n_right: int, n: int, majority: float) -> dict[str, Any]:
    """What a count of right answers tells: exact 95 % interval, and p of so many by chance."""
    from scipy.stats import binomtest

    interval = binomtest(n_right, n).proportion_ci(method="exact")
    p = binomtest(n_right, n, majority, alternative="greater").pvalue
    return {
        "majority": majority,
        "interval_95": [round(float(interval.low), 4), round(float(interval.high), 4)],
        "p_majority": float(p),
    }


def regressions(fields: dict[str, Any]) -> dict[str, Any]:
    """Logistic regressions on what a run sees: frozen states, and its tokens as a bag."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.model_selection import StratifiedKFold, cross_val_score
    from sklearn.pipeline import make_pipeline

    from tunesmith.pipelines.prepare import prepare
    from tunesmith.recipe import make_recipe

    prepared = prepare(make_recipe(fields))
    splits = [prepared.encoded["train"], prepared.encoded["validation"]]
    tokens = [[split.arrays(row)[0] for row in range(len(split))] for split in splits]
    labels = [[split.labels_of(row)[0] for row in range(len(split))] for split in splits]
    model = make_recipe(fields).model.path
    states = [last_states(model, rows) for rows in tokens]
    linear = LogisticRegression(C=0.01, max_iter=5000)
    folds = cross_val_score(
        linear,
        np.concatenate(states),
        labels[0] + labels[1],
        cv=StratifiedKFold(5, shuffle=True, random_state=0),
    )
    bag = make_pipeline(
        TfidfVectorizer(token_pattern=r"\S+", sublinear_tf=True),
        LogisticRegression(C=3, max_iter=5000),
    )
    written = [[" ".join(map(str, ids)) for ids in rows] for rows in tokens]
    n = sum(map(len, labels))
    return {
        "frozen": linear.fit(states[0], labels[0]).score(states[1], labels[1]),
        "frozen, five folds": {
            "accuracy": float(folds.mean()),
            "n": n,
            **against_chance(round(folds.mean() * n), n, 0.5),
        },
        "same tokens": bag.fit(written[0], labels[0]).score(written[1], labels[1]),
    }


def last_states(model: str, rows: list[Any], batch_size: int = 32) -> Any:
    """States of the last token of each row under the untuned model, [N, D]."""
    import numpy as np
    import torch
    from transformers import AutoModel

    from tunesmith.core.bundled import bundled_path
    from tunesmith.tasks.collate import pad

    trunk = AutoModel.from_pretrained(bundled_path(model) or model).float().eval()
    order = sorted(range(len(rows)), key=lambda row: len(rows[row]))
    found = np.zeros((len(rows), trunk.config.hidden_size), np.float32)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            # Padded on the right under a causal mask: no token of text sees the padding.
            states = trunk(input_ids=pad([rows[row] for row in chosen], 0)).last_hidden_state
            for place, row in enumerate(chosen):
                found[row] = states[place, len(rows[row]) - 1].numpy()
    return found


def bag_of_words(fields: dict[str, Any]) -> dict[str, Any]:
    """A logistic regression on the words of the same rows, whole."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    from tunesmith.core.examples import Labelled
    from tunesmith.data.load import load_examples
    from tunesmith.recipe import make_recipe

    made = make_recipe(fields)
    examples = load_examples(made.data, made.train.seed)
    sides = [
        ([e.text for e in rows], [e.label for e in rows])
        for name in ("train", "validation")
        if (rows := [e for e in examples[name] if isinstance(e, Labelled)])
    ]
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    ).fit(*sides[0])
    accuracy, n = float(model.score(*sides[1])), len(sides[1][0])
    majority = Counter(sides[0][1]).most_common(1)[0][0]
    share = sides[1][1].count(majority) / n
    return {"accuracy": accuracy, "n": n, **against_chance(round(accuracy * n), n, share)}


def seen_by(way: str) -> str:
    """Which weights read how much: runs that share it share the regressions too."""
    return f"{Path(WAYS[way]['model']).name}, the last {WAYS[way]['max_tokens']} tokens"


JOBS = {"run": run_one, "regressions": regressions, "bag": bag_of_words}


def told(name: str, found: dict[str, Any]) -> str:
    """A line of the table."""
    low, high = found["interval_95"]
    p = found["p_majority"]
    return f"{name:14} {found['accuracy']:.3f} ({low:.3f} to {high:.3f}), p {p:.1e}"


def main() -> None:
    """Runs every way and writes what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--ways", nargs="*", default=list(WAYS), choices=list(WAYS))
    parser.add_argument("--out", type=Path)
    parser.add_argument("--job", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.job:
        print(json.dumps(JOBS[given.job[0]](json.loads(given.job[1]))))
        return
    report: dict[str, Any] = {"what": "accuracy on a fifth of 2,000 IMDB reviews", "ways": {}}
    if given.out is not None and given.out.is_file():
        report = json.loads(given.out.read_text("utf-8"))

    def job(kind: str, fields: dict[str, Any]) -> dict[str, Any]:
        command = [sys.executable, __file__, str(given.data), "--job", kind, json.dumps(fields)]
        return measure(command, {}).output

    def keep() -> None:
        if given.out is not None:
            given.out.write_text(json.dumps(report, indent=1) + "\n", "utf-8")

    report["versions"] = {name: importlib.metadata.version(name) for name in PACKAGES}
    with tempfile.TemporaryDirectory() as folder:
        fields = {way: recipe(given.data.resolve(), way, f"{folder}/{way}") for way in given.ways}
        if given.ways:
            report["bag of words"] = job("bag", fields[given.ways[0]])
            print(told("bag of words", report["bag of words"]), flush=True)
        for way in given.ways:
            found = {**job("run", fields[way]), "machine": machine(), "settings": WAYS[way]}
            report["ways"][way] = found
            keep()
            print(told(way, found), f"{found['seconds']:.0f} s", flush=True)
        for name, way in {seen_by(way): way for way in given.ways}.items():
            report.setdefault("regressions", {})[name] = job("regressions", fields[way])
            keep()
            print(name, report["regressions"][name], flush=True)


if __name__ == "__main__":
    main()
