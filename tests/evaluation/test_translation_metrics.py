"""BLEU and chrF of whole sets are sacrebleu's."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.evaluation.metrics import METRICS

sacrebleu = pytest.importorskip("sacrebleu.metrics")

WORDS = st.lists(
    st.sampled_from(["the", "cat", "sat", "on", "a", "mat", ".", "Don't", "3.5", "我们", "好"]),
    max_size=12,
).map(" ".join)
PAIRS = st.lists(st.tuples(WORDS, WORDS, WORDS), min_size=1, max_size=8)


def ours(name, triples):
    said = [one for one, _, _ in triples]
    found = METRICS.parse(name).score(said, [[a, b] for _, a, b in triples])
    [score] = found.values.values()
    [sample] = found.samples().values()
    assert sample.value == pytest.approx(score)
    return score, said, [list(side) for side in zip(*[(a, b) for _, a, b in triples], strict=True)]


@given(PAIRS)
@settings(deadline=None, max_examples=80)
@pytest.mark.parametrize("tokenize", ["13a", "zh"])
def test_bleu_is_that_of_sacrebleu(tokenize, triples):
    score, said, references = ours({"name": "bleu", "tokenize": tokenize}, triples)
    theirs = sacrebleu.BLEU(tokenize=tokenize, force=True).corpus_score(said, references)
    assert score == pytest.approx(theirs.score / 100, abs=1e-9)


@given(PAIRS)
@settings(deadline=None, max_examples=80)
def test_chrf_is_that_of_sacrebleu(triples):
    score, said, references = ours("chrf", triples)
    assert score == pytest.approx(sacrebleu.CHRF().corpus_score(said, references).score / 100)


def test_the_very_same_texts_score_one_and_an_unread_answer_nothing():
    text = "the cat sat on the mat today"
    for name in ("bleu", "chrf"):
        metric = METRICS.parse(name)
        assert metric.score([text], [[text]]).values[name] == pytest.approx(1.0)
        assert metric.score([None], [[text]]).values[name] == 0.0
