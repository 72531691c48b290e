"""Alike: what is the same question, and what is the same answer."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.synthesize.alike import answer_alike, ask_alike


@pytest.mark.parametrize(
    ("question", "answer", "other", "same"),
    [
        ("How long does the warranty last?", "24 months.", "24 months", True),
        ("How long does the warranty last?", "The warranty lasts 24 months.", "24 months", True),
        ("How long does the warranty last?", "It is twenty-four months.", "24 months.", True),
        ("How long does the warranty last?", "24 months.", "36 months.", False),
        ("How long does the warranty last?", "24 months.", "24 weeks.", False),
        ("How many are there?", "1,234,567", "1,234,568", False),
        ("How long?", "24 months.", "24 months, batteries included.", False),
        ("Is the battery covered?", "The battery is covered.", "It is not covered.", False),
        ("Is the lid red or blue?", "Red.", "Blue.", False),
        ("Is the lid red or blue?", "The lid is red.", "Red.", True),
        ("Who built it?", "Members over 60 built it.", "Members built it.", False),
        ("保修期是多长？", "保修期是24个月。", "24个月", True),
        ("保修期是多长？", "24个月", "36个月", False),
        ("电池在保修范围内吗？", "在保修范围内。", "不在保修范围内。", False),
    ],
)
def test_answers(question, answer, other, same):
    assert answer_alike(question, answer, other) is same
    assert answer_alike(question, other, answer) is same


@pytest.mark.parametrize(
    ("question", "other", "same"),
    [
        ("How long is pump 4 rated for?", "How long is pump 4 rated for ?", True),
        ("How long is pump 4 rated for?", "For how long is the pump 4 rated?", True),
        ("How long is pump 4 rated for?", "How long is pump 6 rated for?", False),
        ("What is the population of Paris?", "What is the population of Rome?", False),
        ("水泵4号的额定寿命是多少？", "水泵4号的额定寿命多少？", True),
        ("水泵4号的额定寿命是多少？", "阀门4号的额定寿命是多少？", False),
    ],
)
def test_questions(question, other, same):
    assert ask_alike(question, other) is same


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.text(max_size=60), st.text(max_size=60))
def test_anything_can_be_compared_either_way_round(question, answer, other):
    assert answer_alike(question, answer, answer)
    assert ask_alike(question, question)
    assert answer_alike(question, answer, other) == answer_alike(question, other, answer)
