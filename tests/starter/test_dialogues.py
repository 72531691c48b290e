"""The support cases: repeatable, split by combination, readable from the dialogue alone."""

import statistics
from functools import lru_cache

import pytest

from tunesmith.starter.dialogues import generate_cases
from tunesmith.starter.domains import DOMAINS, suits, triples
from tunesmith.starter.outcomes import OUTCOMES

SPLITS = ("train", "validation", "test", "pretrain")


@lru_cache(maxsize=8)
def cases(split, count=200, seed=3):
    return tuple(generate_cases(count, seed, split=split))


def whole(case):
    return " ".join(text for _, text in case.turns)


def test_same_seed_same_cases_and_another_seed_others():
    again = tuple(generate_cases(200, 3, split="train"))
    assert again == cases("train")
    assert again != tuple(generate_cases(200, 4, split="train"))


def test_a_longer_run_starts_with_the_shorter_one():
    assert tuple(generate_cases(20, 3, split="test")) == cases("test")[:20]


def test_no_combination_is_shared_between_splits():
    def combinations(split):
        return {
            (product, problem.clause, outcome)
            for group in triples(split)
            for _, product, problem, outcome in group
        }

    held = combinations("validation"), combinations("test")
    assert not combinations("train") & held[0]
    assert not combinations("train") & held[1]
    assert not held[0] & held[1]
    for split in SPLITS:
        home = combinations("train" if split == "pretrain" else split)
        assert {(c.product, c.problem, c.outcome) for c in cases(split)} <= home


def test_no_text_occurs_twice_across_splits():
    texts = [whole(case) for split in SPLITS for case in cases(split, 400)]
    assert len(texts) == len(set(texts))


@pytest.mark.parametrize("split", SPLITS)
def test_every_fact_is_said_in_the_dialogue(split):
    for case in cases(split):
        said = whole(case).lower()
        for slot, value in case.facts.items():
            assert value and value.lower() in said, (slot, value)
            assert value in case.summary, (slot, value)


@pytest.mark.parametrize("split", SPLITS)
def test_turns_alternate_within_budget(split):
    for case in cases(split):
        assert 4 <= len(case.turns) <= 10
        assert [speaker for speaker, _ in case.turns] == ["user", "agent"] * (len(case.turns) // 2)
        assert 70 <= len(whole(case).split()) <= 140
        assert 18 <= len(case.summary.split()) <= 34
        assert case.summary.count(". ") == 1 and case.summary.endswith(".")


def test_text_is_well_formed():
    for case in cases("pretrain", 400):
        for text in (*(text for _, text in case.turns), case.summary):
            assert "{" not in text and "  " not in text and text == text.strip()
            assert text[0].isupper() or text[0].isdigit()
            assert text[-1] in ".!?"
            assert " a A" not in text and " a O" not in text and " an B" not in text


def test_mean_length_is_about_a_hundred_words():
    assert 90 <= statistics.mean(len(whole(case).split()) for case in cases("train")) <= 112


def test_cases_are_varied():
    sample = cases("train")
    assert len({case.domain for case in sample}) >= 12
    assert {case.outcome for case in sample} >= {"refund", "replacement", "fix", "escalation"}
    assert len({case.facts["brand"] for case in sample}) > 70
    assert len({case.customer for case in sample}) > 90


def test_domains_and_outcomes_fit_together():
    assert len(DOMAINS) >= 14
    assert len(OUTCOMES) >= 8
    for domain in DOMAINS:
        assert len(domain.products) >= 5 and len(domain.problems) >= 7
        assert set(domain.outcomes) <= set(OUTCOMES)
        for problem in domain.problems:
            assert len(problem.fixes) in (0, 2)
            assert sum(suits(domain, problem, key) for key in OUTCOMES) >= 3


def test_each_slot_of_a_summary_is_a_fact():
    for outcome in OUTCOMES.values():
        for slot in outcome.slots:
            assert f"{{{slot}}}" in outcome.summary, (outcome.key, slot)


def test_no_constant_and_no_first_turn_answers_well():
    scorer = pytest.importorskip("rouge_score.rouge_scorer").RougeScorer(["rougeL"])

    def score(answer, case):
        return scorer.score(case.summary, answer)["rougeL"].fmeasure

    test = cases("test", 60)
    constants = [case.summary for case in cases("train", 60)]
    best = max(statistics.mean(score(text, case) for case in test) for text in constants)
    lead = statistics.mean(score(case.turns[0][1], case) for case in test)
    assert best < 0.33
    assert lead < 0.40
