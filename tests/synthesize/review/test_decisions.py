"""Decisions: on disk at once, never lost, bound to what the row said."""

from __future__ import annotations

import pytest
from made_dataset import read_rows

from tunesmith.synthesize.review.decisions import Decisions, content_key


@pytest.fixture
def rows(dataset):
    return read_rows(dataset(10))


@pytest.fixture
def decisions(tmp_path):
    with Decisions(tmp_path / "review.sqlite") as opened:
        yield opened


def test_an_edit_keeps_the_original_beside_it(decisions, rows):
    turns = [{**rows[0]["turns"][0], "answer": "every two weeks"}]
    decisions.decide(rows[0], "edited", turns=turns, by="Ana")
    found = decisions.of(rows[0]["id"])
    assert (found.verdict, found.edit, found.by) == ("edited", {"turns": turns}, "Ana")
    assert found.original == {"turns": rows[0]["turns"]}
    assert found.applied_to(rows[0])["turns"] == turns


def test_undo_goes_back_one_decision_at_a_time_and_forgets_none(decisions, rows):
    one, other = rows[0], rows[1]
    decisions.decide(one, "accepted")
    decisions.decide(other, "rejected")
    decisions.decide(one, "rejected")
    assert decisions.undo() == one["id"]
    assert decisions.of(one["id"]).verdict == "accepted"
    assert decisions.undo() == other["id"]
    assert decisions.undo() == one["id"]
    assert decisions.undo() is None
    assert decisions.all() == {}
    history = decisions.history(one["id"])
    assert [(d.verdict, d.undone_at is not None) for d in history] == [
        ("accepted", True),
        ("rejected", True),
    ]


def test_a_later_decision_stands_and_is_seen_by_another_reader(decisions, rows, tmp_path):
    decisions.decide(rows[0], "accepted")
    decisions.decide(rows[0], "rejected")
    with Decisions(tmp_path / "review.sqlite") as other:
        assert {id: d.verdict for id, d in other.all().items()} == {rows[0]["id"]: "rejected"}


def test_a_decision_holds_while_the_row_says_the_same(decisions, rows):
    decision = decisions.decide(rows[0], "accepted")
    source = rows[0]["provenance"]
    assert decision.holds_for({**rows[0], "fate": "rejected", "split": "eval"})
    assert decision.holds_for({**rows[0], "provenance": {**source, "model": "another"}})
    assert not decision.holds_for({**rows[0], "quotes": ["another"]})
    assert not decision.holds_for({**rows[0], "label": "another"})
    assert not decision.holds_for({**rows[0], "provenance": {**source, "document": "f" * 64}})


@pytest.mark.parametrize(
    ("verdict", "fate", "reason"),
    [("accepted", "accepted", ""), ("rejected", "rejected", "rejected in review")],
)
def test_a_decision_overrules_the_build(decisions, rows, verdict, fate, reason):
    left = decisions.decide(rows[9], verdict).applied_to(rows[9])
    assert (rows[9]["fate"], left["fate"], left["reason"]) == ("rejected", fate, reason)


def test_what_is_no_decision_is_refused(decisions, rows):
    with pytest.raises(ValueError, match="no verdict"):
        decisions.decide(rows[0], "perhaps")
    with pytest.raises(ValueError, match="edit"):
        decisions.decide(rows[0], "edited", turns=rows[0]["turns"])
    with pytest.raises(ValueError, match="edit"):
        decisions.decide(rows[0], "accepted", label="another")


def test_half_a_character_can_be_kept(decisions, rows):
    row = {**rows[0], "turns": [{"request": "a \ud800", "answer": "b"}]}
    turns = [{"request": "a", "answer": "b"}]
    decisions.decide(row, "edited", turns=turns)
    assert decisions.of(row["id"]).original["turns"] == row["turns"]
    assert len(content_key(row)) == 32
