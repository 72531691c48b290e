from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tunesmith.evaluation.baseline import constant_answer
from tunesmith.evaluation.metrics import METRICS
from tunesmith.evaluation.rouge import ROUGE, best_rouge, rouge, skip_bigram_f1
from tunesmith.evaluation.score import score_answers
from tunesmith.evaluation.tokens import characters, mostly_characters, tokens_of

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


@given(answer=TEXT, reference=TEXT)
@example(answer="kettles were leaking", reference="the kettle leaked; it is leaking")
@settings(max_examples=100, deadline=None)
def test_scores_of_stems_equal_those_of_the_rouge_score_package(answer, reference):
    pytest.importorskip("nltk")
    scorer = pytest.importorskip("rouge_score.rouge_scorer")
    expected = scorer.RougeScorer(list(ROUGE), use_stemmer=True).score(reference, answer)
    tokens, _ = tokens_of("stems", [])
    found = rouge(answer, reference, tokens)
    for kind in ROUGE:
        assert found[kind] == pytest.approx(expected[kind].fmeasure, abs=1e-9)


def test_pairs_with_words_between_them_score_as_in_lins_paper():
    """The worked example of Lin 2004, section 5, and each with its single words."""
    reference = "police killed the gunman".split()
    others = ["police kill the gunman", "the gunman kill police", "the gunman police killed"]
    found = [skip_bigram_f1(other.split(), reference, None) for other in others]
    assert found == pytest.approx([3 / 6, 1 / 6, 2 / 6])
    backwards = "gunman the killed police".split()
    assert skip_bigram_f1(backwards, reference, None) == 0.0
    assert skip_bigram_f1(backwards, reference, None, unigrams=True) == pytest.approx(4 / 10)


def test_a_gap_limits_what_may_stand_between():
    said, reference = "a x x b".split(), "a b".split()
    assert skip_bigram_f1(said, reference, 1) == 0.0
    assert skip_bigram_f1(said, reference, 2) == pytest.approx(2 * (1 / 6) / (1 + 1 / 6))
    assert skip_bigram_f1(["a"], ["a"], 4) == 0.0


def test_chinese_is_compared_by_characters_and_that_is_told():
    reference, said = "北京是中国的首都。", "中国的首都是北京"
    assert mostly_characters([reference, "OK"]) and not mostly_characters(["see 北京"])
    found = METRICS.parse("rouge").score([said], [[reference]])
    assert found.values["rouge1"] == 1.0
    assert found.values["rougeL"] == pytest.approx(5 / 8)
    assert found.values["mean_words"] == 8
    assert "character by character" in found.notes[0]
    assert score_answers(["rouge"], ["a b"], [["a b"]]).notes == ()


def test_characters_leave_words_of_other_scripts_whole():
    assert characters("用GPT-4写 Résumé 2次!") == ["用", "gpt", "4", "写", "résumé", "2", "次"]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Кошка спит.", ["кошка", "спит"]),
        ("Η γάτα κοιμάται", ["η", "γάτα", "κοιμάται"]),
        ("القطة نائمة", ["القطة", "نائمة"]),
        ("बिल्ली सोती है।", ["बिल्ली", "सोती", "है"]),
        ("می‌روم خانه", ["می‌روم", "خانه"]),
        ("แมวกิน 2 ตัว", ["แ", "ม", "ว", "กิ", "น", "2", "ตั", "ว"]),
        ("cafe\u0301 noir", ["cafe\u0301", "noir"]),
    ],
    ids=["Cyrillic", "Greek", "Arabic", "Devanagari", "Persian", "Thai", "decomposed"],
)
def test_words_of_any_script_stay_whole(text, parts):
    assert characters(text) == parts


@pytest.mark.parametrize(
    "text", ["кошка спит на полу", "η γάτα κοιμάται", "القطة نائمة", "แมวกินปลา"]
)
@pytest.mark.parametrize("name", ["rouge", "rouge-skip"])
def test_other_scripts_are_not_scored_zero_and_that_is_told(name, text):
    found = score_answers([name], [text], [[text]])
    assert found.values[METRICS.load(name).gives[0]] == 1.0
    assert any("any script" in note for note in found.notes)


def test_whoever_asks_for_rouges_own_rules_is_told_what_they_lose():
    found = score_answers(["rouge:units=words"], ["кошка"], [["кошка спит"]])
    assert found.values["rougeL"] == 0.0
    assert any("100% of the letters of the right answers are lost" in n for n in found.notes)
    mixed = score_answers(["rouge"], ["x"], [["Mùa thu Hà Nội đẹp lắm"]])
    assert any("are lost" in note for note in mixed.notes)
    assert (
        score_answers(["rouge"], ["x"], [["Le chat dort sur le canapé près de la fenêtre"]]).notes
        == ()
    )


def test_jieba_divides_chinese_into_words():
    pytest.importorskip("jieba")
    tokens, units = tokens_of("jieba", [])
    assert units == "jieba"
    assert tokens("北京是中国的首都。") == ["北京", "是", "中国", "的", "首都"]


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
