"""Verdicts: whatever is missing, doubled or broken is never a pass."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.verify import Verdict, fails, shown, verdicts_of

QA = KINDS.parse("qa")
PAIR = Draft("qa", (Turn("How long?", "24 months"),), ("It lasts 24 months.",), "fact")
OPEN = Draft("qa", (Turn("Which colour?", "There is no information."),), style="unanswerable")


def said(number=1, *, answerable=True, supported=True, self_contained=True, reason=""):
    return {
        "number": number,
        "answerable": answerable,
        "supported": supported,
        "self_contained": self_contained,
        "reason": reason,
    }


def test_verdicts_are_put_in_the_order_of_the_drafts():
    found = verdicts_of([said(2, supported=False), said(1)], 2)
    assert [v.supported for v in found] == [True, False]
    assert verdicts_of([Verdict(**said(1))], 1) == verdicts_of([said(1)], 1)


@pytest.mark.parametrize(
    "values",
    [
        [],
        None,
        "pass",
        {"number": 1},
        [said(2)],
        [said(0)],
        [said(1), said(1)],
        [said(1), {"number": 1}],
        [said("1")],
        [{**said(), "supported": "true"}],
        [{**said(), "answerable": None}],
        [{"number": 1, "supported": True}],
        [None, [said()], {}],
    ],
)
def test_missing_doubled_or_broken_is_no_pass(values):
    assert verdicts_of(values, 1) == [None]
    assert fails(verdicts_of(values, 1)[0], PAIR, QA) == "no valid verdict"


@given(st.lists(st.integers(-1, 4) | st.none(), max_size=8), st.integers(0, 4))
def test_there_is_one_verdict_or_none_for_each_draft(numbers, n):
    found = verdicts_of([said(number) for number in numbers], n)
    assert [v is not None for v in found] == [numbers.count(i) == 1 for i in range(1, n + 1)]


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"answerable": False}, "does not answer"),
        ({"supported": False}, "not all of the answer"),
        ({"self_contained": False}, "not understood"),
    ],
)
def test_one_no_is_enough_and_its_reason_is_told(wrong, reason):
    assert fails(Verdict(**said()), PAIR, QA) == ""
    told = fails(Verdict(**said(**wrong, reason="  for\nthis ")), PAIR, QA)
    assert reason in told and told.endswith(": for this")


@pytest.mark.parametrize("supported", [True, False])
def test_an_unanswerable_question_must_be_judged_so(supported):
    judged = Verdict(**said(answerable=False, supported=supported))
    assert fails(judged, OPEN, QA) == "" and fails(judged, PAIR, QA)
    assert "after all" in fails(Verdict(**said()), OPEN, QA)
    assert fails(Verdict(**said(answerable=False, self_contained=False)), OPEN, QA)


def test_the_judge_is_not_told_what_it_is_to_find():
    assert "unanswerable" not in str(shown(OPEN))
    assert shown(Draft("labels", (), ("text",), label="rule")) == {"text": "text", "label": "rule"}
    two = Draft("dialogue", (Turn("a", "b"), Turn("c", "d")), ("q",))
    assert [pair["question"] for pair in shown(two)["exchanges"]] == ["a", "c"]
    assert shown(Draft("preference", (Turn("a", "b"),), rejected="w"))["worse_answer"] == "w"
