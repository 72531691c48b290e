from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tunesmith.evaluation.baseline import constant_answer
from tunesmith.evaluation.rouge import ROUGE, best_rouge, rouge
from tunesmith.evaluation.score import score_answers

WORD = st.sampled_from(["the", "kettle", "leaks", "It", "5", "new", "new.", "café", "—", "a-b", ""])
TEXT = st.lists(st.one_of(WORD, st.just("\n")), max_size=30).map(" ".join)


@given(answer=TEXT, reference=TEXT)
@example(answer="", reference="the kettle")
@example(answer="the \n the", reference="the the \n the")
@settings(max_examples=300, deadline=None)
def test_scores_equal_those_of_the_rouge_score_package(answer, reference):
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(list(ROUGE))
    expected = scorer.score(reference, answer)
    found = rouge(answer, reference)
    for kind in ROUGE:
        assert found[kind] == pytest.approx(expected[kind].fmeasure, abs=1e-9)


def test_known_values():
    assert rouge("the cat sat", "the cat sat") == dict.fromkeys(ROUGE, 1.0)
    assert rouge("a dog", "the cat") == dict.fromkeys(ROUGE, 0.0)
    scores = rouge("the cat", "the cat sat down")
    assert scores["rouge1"] == scores["rougeL"] == pytest.approx(2 / 3)
    assert scores["rouge2"] == pytest.approx(2 * 1 * (1 / 3) / (1 + 1 / 3))


def test_the_best_reference_counts_for_each_kind():
    assert best_rouge("a b", ["x", "a b"])["rougeL"] == 1.0


def test_means_are_over_all_answers():
    scores = score_answers(["rouge"], ["a b", "x"], [["a b"], ["a b"]])
    means, rows = scores.values, scores.rows
    assert means["rougeL"] == 0.5
    assert means["mean_words"] == 1.5
    assert [row["rougeL"] for row in rows] == [1.0, 0.0]


def test_the_constant_answer_is_the_one_most_like_the_others():
    assert constant_answer(["a b c", "a b d", "x y z", "a b e"]).startswith("a b")
