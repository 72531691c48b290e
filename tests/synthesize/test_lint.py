"""Lint: every planted fault is told by its code, and sound pairs pass."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.synthesize.lint import CODES, lint

CASES = [
    json.loads(line)
    for line in (Path(__file__).parent / "lint.jsonl").read_text("utf-8").splitlines()
]


def codes(question: str, answer: str, **options: str | None) -> list[str]:
    return [reason.partition(":")[0] for reason in lint(question, answer, **options)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["answer"][:40] or "empty")
def test_planted_cases(case):
    found = codes(
        case["question"], case["answer"], language=case.get("language"), style=case.get("style", "")
    )

    assert found == case["expected"]


def test_every_code_is_planted():
    assert {code for case in CASES for code in case["expected"]} == set(CODES)


def test_a_reason_has_words_and_what_was_seen():
    assert lint("Who built it in 1908?", "As an AI, I do not know who built it.") == [
        "refusal: declines instead of answering (As an AI)",
    ]


def test_personal_data_is_not_repeated_in_the_reason():
    (reason,) = lint("How is the office reached?", "Write to jane.doe@example.com.")

    assert "jane" not in reason


SOUND_MOST = 0.05


@pytest.mark.slow
@pytest.mark.parametrize("name", ["xquad.en.json", "xquad.zh.json", "cmrc2018_trial.squad.json"])
def test_questions_people_wrote_pass(shared, name):
    n, told = 0, []
    for article in json.loads((shared / "squad" / name).read_text("utf-8"))["data"]:
        for paragraph in article["paragraphs"]:
            for asked in paragraph["qas"]:
                n += 1
                answer = asked["answers"][0]["text"]
                if reasons := lint(asked["question"], answer, style="span"):
                    told.append((asked["question"], answer, reasons))
    print(f"{len(told)} of {n}", *told, sep="\n")
    assert len(told) <= SOUND_MOST * n


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=120), st.text(max_size=120))
def test_anything_can_be_judged(question, answer):
    assert all(reason.partition(":")[0] in CODES for reason in lint(question, answer))
