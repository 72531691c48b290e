"""The page of faults has a row for every number, and every number has a test."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "reference" / "faults.md"
NUMBERS = [*range(1, 29), *range(44, 60), 64, 65]


def test_every_fault_has_one_row():
    rows = re.findall(r"^\| (\d+) \| .+ \| .+ \|$", PAGE.read_text("utf-8"), re.MULTILINE)
    assert rows == [str(number) for number in NUMBERS]


@pytest.mark.parametrize("number", NUMBERS)
def test_every_fault_has_a_test_by_its_number(number):
    name = f"def test_case_{number:02d}_"
    assert any(name in file.read_text("utf-8") for file in (ROOT / "tests").rglob("test_*.py"))
