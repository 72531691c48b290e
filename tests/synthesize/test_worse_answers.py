"""Worse answers of preference pairs: fit to be shown, and worse."""

from __future__ import annotations

import pytest

from tunesmith.synthesize.draft import Draft, Turn
from tunesmith.synthesize.judge_drafts import judge_draft
from tunesmith.synthesize.kinds import KINDS
from tunesmith.synthesize.passage import Passage

TEXT = "The warranty of the pump lasts 24 months. Batteries are not covered by it."
PREFERENCE = KINDS.parse("preference")


def judged(worse: str, answer: str = "The warranty lasts 24 months."):
    passage = Passage("a" * 64, "manual.txt", 0, 0, len(TEXT), TEXT, language="en")
    turn = Turn("How long does the warranty of the pump last?", answer)
    draft = Draft("preference", (turn,), (TEXT[:41],), rejected=worse)
    return judge_draft(draft, passage, PREFERENCE, ["en"])


@pytest.mark.parametrize(
    "worse",
    [
        "The warranty lasts 36 months.",
        "The warranty lasts 24 months, batteries included.",
        "It lasts as long as the pump is in use by its first owner.",
    ],
)
def test_a_worse_answer_that_only_says_something_else_is_right(worse):
    assert judged(worse).reason == ""


@pytest.mark.parametrize(
    ("worse", "code"),
    [
        ("It lasts 36 months, see https://example.com/warranty for more.", "link"),
        ("It lasts 36 months, write to jane.doe@example.com for more.", "personal-data"),
        ("I cannot answer that, as an AI language model.", "refusal"),
        ("保修期从购买之日起为三十六个月，并且包括所有的电池和附件。", "answer-language"),
        ("It lasts [insert number] months.", "placeholder"),
    ],
)
def test_a_worse_answer_that_is_told_by_its_looks_is_rejected(worse, code):
    assert judged(worse).reason.startswith(f"lint: worse answer: {code}: ")


@pytest.mark.parametrize("worse", ["24 months.", "It lasts 24 months.", "Twenty-four months."])
def test_a_worse_answer_that_is_as_good_is_rejected(worse):
    assert judged(worse).reason == "lint: the worse answer says the same as the better one"


def test_the_better_answer_is_held_to_what_it_was():
    found = judged("The warranty lasts 36 months.", "It lasts 24 months, see www.example.com.")
    assert found.reason == "lint: link: holds a link"
