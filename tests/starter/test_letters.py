"""Letters quote only what was told, and quote it right."""

from __future__ import annotations

import re

from tunesmith.starter.letters import generate_letters


def test_the_same_seed_gives_the_same_letters():
    assert list(generate_letters(20, 3)) == list(generate_letters(20, 3))


def test_what_is_quoted_was_told():
    quoted = 0
    for text in generate_letters(300, 1):
        for who, day, time in re.findall(r"(\w+) comes on (\w+) at (\d+ [ap]m)", text):
            told = text.index(who)
            assert told < text.index(f"{who} comes on {day}")
            assert f"on {day} at {time}" in text[: text.index(f"{who} comes on {day}")]
            quoted += 1
    assert quoted > 50
