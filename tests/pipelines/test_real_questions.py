"""extractive-qa on XQuAD with a real pre-trained model: the loss falls, the scores are SQuAD's."""

from __future__ import annotations

import collections
import json
import re
import string
from pathlib import Path

import pytest

pytest.importorskip("torch")

import tunesmith  # noqa: E402

RECIPES = Path(__file__).parents[2] / "recipes"


def official(said: str, gold: str) -> tuple[float, float]:
    """Exact match and F1 of SQuAD 1.1."""

    def tokens(text: str) -> list[str]:
        bare = "".join(c for c in text.lower() if c not in set(string.punctuation))
        return re.sub(r"\b(a|an|the)\b", " ", bare).split()

    a, b = tokens(said), tokens(gold)
    common = sum((collections.Counter(a) & collections.Counter(b)).values())
    f1 = 2 * common / (len(a) + len(b)) if common else 0.0
    return float(a == b), f1


@pytest.mark.slow
@pytest.mark.parametrize("language", ["en", "zh"])
def test_a_span_head_learns_and_is_scored_by_the_official_rules(shared, tmp_path, language):
    recipe = tunesmith.load_recipe(
        RECIPES / "squad-llama2-lora.yaml",
        [
            f"model.path={shared / 'models/stories260K-hf'}",
            f"data.path={shared / 'squad' / f'xquad.{language}.json'}",
            "data.max_rows=64",
            "data.max_tokens=160",
            "task.doc_stride=32",
            "train.epochs=1",
            "train.max_steps=16",
            "train.eval_every_fraction=1.0",
            "train.precision=float32",
            "train.gradient_checkpointing=false",
            "optim.lr=3e-3",
            "evaluate.roads=[head]",
            "evaluate.metrics=[squad,cmrc]",
            "trackers=[]",
            f"out={tmp_path / 'run'}",
        ],
    )
    run = tunesmith.train(recipe)
    assert run.summary["eval_loss_best"] < 0.7 * run.summary["eval_loss_first"]
    counts = run.summary["ledger"]
    assert sum(split["read"] for split in counts.values()) == 64
    scores = tunesmith.evaluate(run)
    lines = (run.path / "predictions.jsonl").read_text("utf-8").splitlines()
    rows = [json.loads(line) for line in lines]
    pairs = [official(r["answers"]["tuned/head"]["answer"], r["reference"]) for r in rows]
    assert len(pairs) == scores["n"]
    assert scores["tuned/head"]["exact_match"] == pytest.approx(
        sum(e for e, _ in pairs) / len(pairs)
    )
    assert scores["tuned/head"]["f1"] == pytest.approx(sum(f for _, f in pairs) / len(pairs))
    texts = {r["answers"]["tuned/head"]["answer"] for r in rows}
    assert all(texts)  # every question has an answer, so "none" is never said
    assert all(r["answers"]["tuned/head"]["answer"] in r["prompt"] for r in rows)
