"""Sentiment of IMDB reviews: by a tuned head, by words written, and by a bag of words.

    python benchmarks/classify.py IMDB_CSV [--model tunesmith-tiny] [--out benchmarks/results]

The same 80 % of the rows are learnt and the same 20 % scored by all. The bag of words is
scikit-learn's TF-IDF of words and pairs of words under a logistic regression.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from measure import machine

import tunesmith
from tunesmith.core.examples import Labelled
from tunesmith.data.load import load_examples
from tunesmith.recipe import make_recipe

LABELS = ["neg", "pos"]
WAYS: dict[str, dict[str, Any]] = {
    "full": {"method": "full", "optim": {"lr": 1e-3, "weight_decay": 0.1}},
    "freeze, head only": {"method": {"name": "freeze", "layers": 0}, "optim": {"lr": 1e-2}},
    "freeze, last block": {"method": {"name": "freeze", "layers": 1}, "optim": {"lr": 1e-3}},
    "lora": {"method": {"name": "lora", "rank": 16}, "optim": {"lr": 2e-3}},
    "full, in words": {
        "method": "full",
        "optim": {"lr": 3e-4},
        "task": {"name": "classify-in-words", "problem": "single"},
    },
}


def bag_of_words(data: Any, seed: int) -> dict[str, float]:
    """Accuracy of a logistic regression on the same rows."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline

    examples = load_examples(data, seed)
    sides = [
        ([e.text for e in rows], [e.label for e in rows])
        for name in ("train", "validation")
        if (rows := [e for e in examples[name] if isinstance(e, Labelled)])
    ]
    started = time.perf_counter()
    model = make_pipeline(
        TfidfVectorizer(ngram_range=(1, 2), min_df=2, sublinear_tf=True),
        LogisticRegression(C=10, max_iter=1000),
    ).fit(*sides[0])
    accuracy = float(model.score(*sides[1]))
    return {"accuracy": accuracy, "seconds": round(time.perf_counter() - started, 2)}


def main() -> None:
    """Runs every way and writes what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("csv")
    parser.add_argument("--model", default="tunesmith-tiny")
    parser.add_argument("--epochs", type=float, default=5)
    parser.add_argument("--max-tokens", type=int, default=192)
    parser.add_argument("--precision", default="auto")
    parser.add_argument("--ways", nargs="*", default=list(WAYS))
    parser.add_argument("--out", type=Path)
    asked = parser.parse_args()
    results: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        for number, way in enumerate(asked.ways):
            fields = {
                "model": {"path": asked.model},
                "data": {
                    "path": asked.csv,
                    "validation_fraction": 0.2,
                    "max_tokens": asked.max_tokens,
                    "cut_from": "start",  # the verdict stands at the end of a review
                    "format": {"name": "labels", "label_names": LABELS},
                },
                "task": "classify",
                "train": {
                    "epochs": asked.epochs,
                    "batch_size": 16,
                    "precision": asked.precision,
                    "best_metric": "accuracy",
                    "eval_every_fraction": 0.1,
                },
                "evaluate": {"max_new_tokens": 4},
                "out": f"{folder}/{number}",
                **WAYS[way],
            }
            if "words" in way:
                fields["task"] = {**fields["task"], "labels": LABELS}
            recipe = make_recipe(fields)
            run = tunesmith.train(recipe)
            scores = tunesmith.evaluate(run)
            results[way] = {
                "scores": {k: v for k, v in scores.items() if isinstance(v, dict)},
                **{k: run.summary[k] for k in ("steps", "seconds", "trainable_parameters")},
                **{k: run.summary[k] for k in ("best_step", "peak_memory_mb", "tokens_per_s")},
            }
            told = {k: round(v["accuracy"], 3) for k, v in results[way]["scores"].items()}
            print(way, told, f"{run.summary['seconds']:.0f} s", flush=True)
            baseline = bag_of_words(recipe.data, recipe.train.seed)
    print("bag of words", baseline)
    report = {
        "what": "accuracy on 20 % of 2,000 IMDB reviews held out by seed 0",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "model": asked.model,
        "epochs": asked.epochs,
        "max_tokens": asked.max_tokens,
        "precision": asked.precision,
        "rows": scores["n"],
        "ways": results,
        "bag of words": baseline,
    }
    if asked.out is not None:
        name = f"{datetime.now(UTC):%Y-%m-%d}-classify-{Path(asked.model).name}.json"
        (asked.out / name).write_text(json.dumps(report, indent=2) + "\n", "utf-8")


if __name__ == "__main__":
    main()
