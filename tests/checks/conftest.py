"""What the tests of the checks share: running one check over examples, without any file."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest

from tunesmith.checks.check import Check
from tunesmith.checks.finding import Finding
from tunesmith.checks.portion import Portion, count_chars
from tunesmith.checks.rows import Rows
from tunesmith.core.examples import Conversation, Example, Message

ROWS_OF_A_PORTION = 7


def run_check(check: Check, **splits: Sequence[Example]) -> dict[str, Finding]:
    """Findings by name; rows are numbered from 1 in a file named after their split."""
    rows = Rows()
    for split, examples in splits.items():
        rows.begin_file(f"{split}.jsonl", split)
        placed = [replace(e, origin=f"{split}.jsonl:{n}") for n, e in enumerate(examples, 1)]
        for start in range(0, len(placed), ROWS_OF_A_PORTION):
            part = placed[start : start + ROWS_OF_A_PORTION]
            portion = Portion(len(rows), split, part)
            rows.take(portion, [count_chars(example) for example in part])
            check.look(portion)
    return {finding.check: finding for finding in check.findings(rows)}


def conversation(asked: str, answer: str, *, system: str = "", group: str = "") -> Conversation:
    lead = (Message("system", system),) if system else ()
    turns = (Message("user", asked), Message("assistant", answer))
    return Conversation((*lead, *turns), "", group=group)


@pytest.fixture
def found() -> Any:
    return run_check


@pytest.fixture
def ask() -> Any:
    return conversation
