from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.ledger import FATES, Ledger


@given(st.lists(st.sampled_from(FATES)))
def test_the_counts_add_up(fates):
    split = Ledger()["train"]
    for place, fate in enumerate(fates):
        origin = f"f:{place}"
        match fate:
            case "kept":
                split.keep()
            case "cut":
                split.cut(origin, "why", n_cut=2)
            case "dropped":
                split.drop(origin, "why")
            case "rejected":
                split.reject(origin, "why")
    counts = split.as_dict()
    assert counts["read"] == len(fates) == sum(counts[fate] for fate in FATES)
    assert counts["cut_tokens"] == 2 * fates.count("cut")
    assert sum(r["rows"] for r in counts["reasons"]) == len(fates) - fates.count("kept")


def test_a_reason_names_its_first_places_only():
    split = Ledger()["train"]
    for line in range(1, 9):
        split.reject(f"chat.jsonl:{line}", "empty")
    [reason] = split.as_dict()["reasons"]
    assert reason["rows"] == 8
    assert reason["places"] == [f"chat.jsonl:{line}" for line in range(1, 6)]


def test_a_mended_row_is_counted_beside_its_fate():
    split = Ledger()["train"]
    split.mend("q.json:1/1/a", "answer_start was off")
    split.keep()
    counts = split.as_dict()
    assert (counts["read"], counts["kept"], counts["mended"]) == (1, 1, 1)
    [reason] = counts["reasons"]
    assert reason["fate"] == "mended"
    assert reason["places"] == ["q.json:1/1/a"]
