"""The short stories: repeatable, within budget, and full of words that come back."""

from collections import Counter

from tunesmith.starter import names
from tunesmith.starter.stories import ALL_PLOTS, generate_stories

STORIES = tuple(generate_stories(300, 5))


def test_same_seed_same_stories():
    assert tuple(generate_stories(300, 5)) == STORIES
    assert tuple(generate_stories(300, 6)) != STORIES
    assert len(set(STORIES)) == 300


def test_stories_keep_to_their_budget():
    assert len(ALL_PLOTS) >= 12
    for text in STORIES:
        assert 60 <= len(text.split()) <= 150
        assert "{" not in text and "  " not in text and text == text.strip()


def test_a_name_comes_back_in_each_story():
    for text in STORIES:
        words = Counter(text.replace("'s", "").replace(",", " ").replace(".", " ").split())
        assert max(words[name] for name in names.FIRST_NAMES) >= 2, text


def test_capitals_follow_full_stops_but_not_questions_inside_a_sentence():
    joined = "\n".join(STORIES)
    assert '?" Asked' not in joined
    assert not [text for text in STORIES if text[0] != '"' and not text[0].isupper()]


def test_pools_are_large_and_without_repeats():
    assert len(set(names.FIRST_NAMES)) == len(names.FIRST_NAMES) >= 150
    assert len(set(names.BRANDS)) == len(names.BRANDS) >= 100
    assert not set(names.BRANDS) & set(names.FIRST_NAMES)
