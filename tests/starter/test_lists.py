"""Lists name things, and name them again in the same words."""

from __future__ import annotations

import re

from tunesmith.starter.lists import generate_lists
from tunesmith.starter.names import FIRST_NAMES


def test_the_same_seed_gives_the_same_lists():
    assert list(generate_lists(20, 3)) == list(generate_lists(20, 3))
    assert list(generate_lists(20, 3)) != list(generate_lists(20, 4))


def test_most_names_come_again():
    for text in generate_lists(200, 1):
        names = [word for word in re.findall(r"[A-Z]\w+", text) if word in FIRST_NAMES]
        assert len(names) - len(set(names)) >= 1, text
