"""The metrics of short answers against the rules of the public scripts, written down again."""

from __future__ import annotations

import collections
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.evaluation.metrics import METRICS

ANSWERS = st.text(st.sampled_from("aAnthe 中国，。!.,' \t-1é"), max_size=12) | st.sampled_from(
    ["The", "a", "an apple", "The U.S.", "state-of-the-art", "北京 大学", "", "   "]
)


def official_tokens(text):
    """Lower case; no punctuation; no articles; split at white space."""
    text = "".join(c for c in text.lower() if c not in set(string.punctuation))
    return re.sub(r"\b(a|an|the)\b", " ", text).split()


def official(said, references, version):
    """Exact match and F1 of one answer as the scripts of SQuAD 1.1 and 2.0 state them."""
    if version == "2.0":
        references = [r for r in references if official_tokens(r)] or [""]
    exact, f1 = [], []
    for reference in references:
        a, b = official_tokens(said), official_tokens(reference)
        exact.append(float(" ".join(a) == " ".join(b)))
        common = sum((collections.Counter(a) & collections.Counter(b)).values())
        if version == "2.0" and (not a or not b):
            f1.append(float(a == b))
        elif common == 0:
            f1.append(0.0)
        else:
            precision, recall = common / len(a), common / len(b)
            f1.append(2 * precision * recall / (precision + recall))
    return max(exact), max(f1)


@given(said=ANSWERS, references=st.lists(ANSWERS, min_size=1, max_size=3))
@pytest.mark.parametrize("version", ["1.1", "2.0"])
def test_every_answer_scores_as_by_the_official_rules(version, said, references):
    metric = METRICS.parse({"name": "squad", "version": version})
    [row] = metric.score([said], [references]).rows
    exact, f1 = official(said, references, version)
    assert row["exact_match"] == exact
    assert row["f1"] == pytest.approx(f1, abs=1e-12)


@pytest.mark.parametrize(
    ("said", "references", "exact", "f1"),
    [
        ("the Tiber", ["Tiber."], 1, 1),
        ("on the Tiber", ["the Tiber"], 0, 2 / 3),
        ("Rome", ["Milan", "rome"], 1, 1),
        ("", [""], 1, 1),
        ("Rome", [""], 0, 0),
        (None, [""], 0, 0),
        ("to be or not to be", ["to be"], 0, 2 * 2 / 8),
    ],
)
def test_known_answers(said, references, exact, f1):
    scores = METRICS.parse("squad").score([said], [references]).values
    assert scores == pytest.approx({"exact_match": exact, "f1": f1})


def test_questions_with_and_without_an_answer_are_told_apart():
    scores = METRICS.parse("squad").score(
        ["Rome", "the Tiber", "", "Milan"], [["Rome"], ["Tiber river"], [""], [""]]
    )
    assert scores.values == pytest.approx(
        {
            "f1": (1 + 2 / 3 + 1 + 0) / 4,
            "exact_match": 0.5,
            "has_answer_f1": (1 + 2 / 3) / 2,
            "has_answer_exact_match": 0.5,
            "no_answer_exact_match": 0.5,
        }
    )
    assert len(scores.rows) == 4


@pytest.mark.parametrize(
    ("said", "references", "exact", "f1"),
    [
        ("北京大学", ["北京大学。"], 1, 1),
        ("北京的大学", ["北京大学"], 0, 2 * 2 / 9),  # the longest shared stretch has two
        ("《NBA》球队", ["nba球队"], 1, 1),
        ("1998年", ["1998 年"], 0, 1),
        ("上海", ["北京", "上海市"], 0, 2 * 2 / 5),
        ("", ["北京"], 0, 0),
        ("", [""], 1, 1),
        (None, [""], 0, 0),
    ],
)
def test_chinese_is_compared_character_by_character(said, references, exact, f1):
    scores = METRICS.parse("cmrc").score([said], [references]).values
    assert scores == pytest.approx({"character_exact_match": exact, "character_f1": f1})
