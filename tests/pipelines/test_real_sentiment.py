"""classify on real reviews: a head on a frozen pre-trained model does better than chance."""

from __future__ import annotations

import csv
import math
from collections import Counter
from pathlib import Path

import pytest

pytest.importorskip("torch")

import tunesmith  # noqa: E402

RECIPE = Path(__file__).parents[2] / "recipes/imdb-tiny.yaml"


def p_by_chance(n_right: int, n: int) -> float:
    """Probability of so many right answers, or more, by tossing a coin."""
    return sum(math.comb(n, k) for k in range(n_right, n + 1)) / 2**n


@pytest.mark.slow
def test_a_head_alone_is_clearly_above_the_majority_on_real_reviews(shared, tmp_path):
    """Each half of the reviews is judged by a head that has learnt the other.

    Of a trunk of 260,000 frozen weights a linear head can get 0.54 to 0.55, so all 2,000 reviews
    are needed to tell that from chance.
    """
    with (shared / "imdb/aclImdb_train_2000.csv").open(encoding="utf-8", newline="") as file:
        head, *reviews = csv.reader(file)
    # As many of each: to name the majority always is to toss a coin.
    assert Counter(review[1] for review in reviews) == {"0": 1000, "1": 1000}
    halves = [tmp_path / "even.csv", tmp_path / "odd.csv"]
    for number, path in enumerate(halves):
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([head, *reviews[number::2]])
    n_right = n = 0
    for number, judged in enumerate(halves):
        recipe = tunesmith.load_recipe(
            RECIPE,
            [
                f"model.path={shared / 'models/stories260K-hf'}",
                f"data.path={{train: {halves[1 - number]}, validation: {judged}}}",
                "data.max_tokens=64",
                "method={name: freeze, layers: 0}",
                "optim.lr=1e-2",
                "optim.weight_decay=0",
                "train.epochs=3",
                "train.eval_every_fraction=1.0",
                "train.keep=last",  # no held-out row has a say in what is judged
                "train.best_metric=eval_loss",
                f"out={tmp_path / f'run-{number}'}",
            ],
        )
        run = tunesmith.train(recipe)
        assert run.summary["trainable_parameters"] == 2 * 64
        scores = tunesmith.evaluate(run)
        n += scores["n"]
        n_right += round(scores["tuned/head"]["accuracy"] * scores["n"])
    print(f"{n_right} of {n} right, p {p_by_chance(n_right, n):.1e}")
    assert n == 2000
    assert p_by_chance(n_right, n) < 0.01
