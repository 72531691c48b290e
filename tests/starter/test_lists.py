"""Lists name things, and name them again in the same words."""

from __future__ import annotations

import re

from tunesmith.starter.lists import generate_lists


def test_the_same_seed_gives_the_same_lists():
    assert list(generate_lists(20, 3)) == list(generate_lists(20, 3))
    assert list(generate_lists(20, 3)) != list(generate_lists(20, 4))


def test_names_and_codes_come_again():
    for text in generate_lists(200, 1):
        told = re.findall(r"\b[A-Z]\w+", text)
        assert len(told) - len(set(told)) >= 3, text
