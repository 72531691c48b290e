"""The card of a tuned model, as Markdown."""

from __future__ import annotations

from tunesmith.export.card import Card, model_card


def test_a_bar_in_a_name_ends_no_cell_of_a_table():
    scores = {"n": 2, "split": "test", "a|b": {"accuracy": 0.5}}
    card = model_card(Card("a model", scores=scores))
    assert "| model | accuracy |\n| --- | --- |\n| a\\|b | 0.500 |" in card
