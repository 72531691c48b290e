"""Side by side: what is told of several models, and of the examples that got worse."""

from __future__ import annotations

import numpy as np
import pytest

from tunesmith.evaluation.measures import fair, measures_of
from tunesmith.evaluation.metrics.chosen import chosen
from tunesmith.evaluation.perplexity import Foretold
from tunesmith.evaluation.side_by_side import side_by_side, worse
from tunesmith.evaluation.statistics.power import fewest_units
from tunesmith.evaluation.statistics.sample import sample_of_values


def test_what_differs_by_rounding_alone_is_not_worse():
    before = [0.1 + 0.2, 1.0, 1e15, 0.5]
    after = [0.3, 0.9, 1e15 - 0.125, float("nan")]
    assert [place for place, _ in worse(before, after)] == [1]
    assert worse(after, before, higher_is_better=False) == worse(before, after)


def test_pairs_of_one_table_know_how_many_they_are():
    draw = np.random.default_rng(0)
    samples = {name: {"f1": sample_of_values(draw.random(7))} for name in "abcd"}
    pairs = side_by_side(samples, ["f1"]).of("f1")
    assert len(pairs) == 6 and fewest_units(6) == 8
    assert {pair.comparison.word for pair in pairs} == {"too few"}
    assert "7 examples are too few for any verdict; at least 8" in pairs[0].told()["sentence"]


def test_shares_and_other_scores_that_are_all_alike_are_told_without_certainty():
    same = {"em": sample_of_values([0.0] * 12), "mse": sample_of_values([0.0] * 12)}
    found = side_by_side({"a": same, "b": same}, ["em", "mse"], is_share={"em": True, "mse": False})
    assert found.intervals["a"]["em"].high > 0.2 and not found.intervals["a"]["mse"].is_known
    assert {pair.comparison.word for pair in found.pairs} == {"the same"}


@pytest.fixture
def foretold():
    """Three models over 8 texts; the first two divide them alike."""

    def of(n_tokens):
        texts = [Foretold(40.0 + n_tokens * k, n_tokens + k, 10, 60) for k in range(8)]
        found = {}
        for metric in chosen(["perplexity", "bits-per-byte"]):
            assert metric.foretell is not None
            found |= metric.foretell(texts).samples()
        return found

    return {"a": of(20), "b": of(20), "c": of(31)}


def test_models_with_different_tokens_are_not_parted_by_perplexity(foretold):
    measures = measures_of(["perplexity", "bits-per-byte"])
    names = list(measures.headings)
    found = side_by_side(foretold, names, same_counts=measures.same_counts)
    assert [(p.one, p.other) for p in found.of("perplexity")] == [("b", "a")]
    assert len(found.of("word_perplexity")) == len(found.of("bits_per_byte")) == 3
    assert found.intervals["c"]["perplexity"].is_known


def test_what_is_judged_by_does_not_depend_on_the_tokenizer(foretold):
    both, alone = measures_of(["perplexity", "bits-per-byte"]), measures_of(["perplexity"])
    assert fair(both, foretold).verdict == "bits_per_byte"
    assert fair(alone, foretold).verdict == "word_perplexity"
    alike = {name: foretold[name] for name in "ab"}
    assert fair(alone, alike).verdict == "perplexity"
    assert fair(measures_of(["rouge", "perplexity"]), foretold).verdict == "rougeL"
