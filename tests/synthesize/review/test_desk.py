"""The desk: which rows are walked through, what is shown of them, and what may be decided."""

from __future__ import annotations

import json

import pytest
from made_dataset import read_rows, write_rows

from tunesmith.core.errors import DataError
from tunesmith.synthesize.catalog import Catalog
from tunesmith.synthesize.loopback import Refusal
from tunesmith.synthesize.review.decisions import Decisions
from tunesmith.synthesize.review.desk import Desk
from tunesmith.synthesize.review.filters import Filter
from tunesmith.synthesize.review.rows import Rows


@pytest.fixture
def folder(dataset):
    return dataset(420)


@pytest.fixture
def desk(folder):
    with (
        Catalog(folder / "documents.sqlite") as documents,
        Decisions(folder / "review.sqlite") as decisions,
    ):
        opened = Desk(folder / "rows.jsonl", documents, decisions, by="Ana")
        yield opened
        opened.close()


def decide(desk, shown, verdict, **given):
    asked = {"id": shown["row"]["id"], "content": shown["content"], "verdict": verdict}
    return desk.decide({**asked, **given})


@pytest.mark.parametrize(
    ("wanted", "fits"),
    [
        (Filter(), lambda row: True),
        (Filter(fate="rejected"), lambda row: row["fate"] == "rejected"),
        (
            Filter(kind="labels", split="eval"),
            lambda row: (row["kind"], row["split"]) == ("labels", "eval"),
        ),
        (Filter(flag="personal data"), lambda row: row["provenance"]["flags"]),
        (Filter(text="VALVE 17 tested"), lambda row: "valve 17 tested" in str(row["turns"])),
        (Filter(text="two PEOPLE", kind="labels"), lambda row: row["kind"] == "labels"),
        (Filter(fate="nothing like it"), lambda row: False),
        (Filter(decision="accepted"), lambda row: False),
    ],
)
def test_a_filter_lets_through_what_it_says(desk, folder, wanted, fits):
    expected = [row["id"] for row in read_rows(folder) if fits(row)]
    found = desk.brief(wanted, 0, 200)
    assert found["total"] == len(expected)
    assert [entry["id"] for entry in found["rows"]] == expected[:200]
    assert desk.item(wanted, go="first")["total"] == len(expected)


def test_a_row_without_words_is_called_by_its_passage(desk):
    assert desk.brief(Filter(kind="text"), 0, 1)["rows"][0]["text"] == "manual-0.docx, passage 1"


def test_a_document_is_a_filter_by_its_hash(desk, folder):
    second = read_rows(folder)[300]["provenance"]
    entry = desk.overview()["facets"]["document"][1]
    assert (entry["value"], entry["name"], entry["n"]) == (second["document"], "manual-1.docx", 200)
    assert desk.item(Filter(document=second["document"]), go="first")["total"] == 200


def test_evidence_is_marked_at_the_place_that_the_row_names(desk, folder):
    for row in read_rows(folder)[:60]:
        source = desk.item(Filter(), row["id"])["source"]
        assert [p["text"] for p in source["pieces"] if p["mark"]] == row["quotes"]
        assert all(piece["inside"] for piece in source["pieces"])


def test_more_context_goes_on_to_the_whole_document(desk, folder):
    row = read_rows(folder)[100]
    texts = [
        "".join(
            p["text"] for p in desk.item(Filter(), row["id"], context=steps)["source"]["pieces"]
        )
        for steps in (0, 1, 2, 500)
    ]
    assert len(texts[1]) == len(texts[0]) + 3000
    assert all(a in b for a, b in zip(texts, texts[1:], strict=False))
    with Catalog(folder / "documents.sqlite") as documents:
        assert texts[3] == documents.text(row["provenance"]["document"])
    assert desk.item(Filter(), row["id"], context=500)["source"]["more"] is False


def test_a_quote_stands_for_spans_that_are_not_there(desk, folder):
    lines = [
        json.dumps({**row, "provenance": {**row["provenance"], "spans": []}})
        for row in read_rows(folder)
    ]
    write_rows(folder, lines)
    source = desk.item(Filter(), go="first")["source"]
    assert "It is tested every 2 weeks by two people." in [
        piece["text"] for piece in source["pieces"] if piece["mark"]
    ]


def test_a_quote_that_stands_nowhere_is_told_and_no_quote_is_none(desk, folder):
    rows = read_rows(folder)
    assert desk.item(Filter(), rows[6]["id"])["source"]["located"]  # running text has no evidence
    place = {**rows[0]["provenance"], "spans": []}
    write_rows(folder, [json.dumps({**rows[0], "quotes": ["made up"], "provenance": place})])
    assert not desk.item(Filter(), rows[0]["id"])["source"]["located"]


def test_a_source_that_is_gone_is_told_and_the_row_is_shown(desk, folder):
    row = read_rows(folder)[0]
    gone = {**row["provenance"], "document": "f" * 64}
    write_rows(folder, [json.dumps({**row, "provenance": gone})])
    shown = desk.item(Filter(), go="first")
    assert shown["row"]["turns"] == row["turns"]
    assert "holds no document" in shown["source"]["missing"]


def test_deciding_goes_on_to_the_next_open_row_and_round_again(desk):
    wanted = {"filter": {"flag": "personal data", "fate": "accepted"}}
    shown = desk.item(Filter(flag="personal data", fate="accepted"), go="last")
    last, n = shown["row"]["id"], shown["total"]
    shown = decide(desk, shown, "accepted", **wanted)
    assert (shown["rank"], shown["progress"]["accepted"]) == (1, 1)
    for _ in range(n - 1):
        assert "finished" not in shown
        shown = decide(desk, shown, "rejected", **wanted)
    assert shown["finished"]
    assert (shown["progress"]["undecided"], shown["progress"]["rejected"]) == (0, n - 1)
    assert desk.item(Filter(), last)["decision"]["by"] == "Ana"


def test_a_row_leaves_a_filter_by_decision_and_its_place_is_kept(desk):
    wanted = Filter(decision="open")
    shown = desk.item(wanted, desk.item(wanted, go="first")["row"]["id"], "next")
    following = decide(desk, shown, "accepted", filter={"decision": "open"})
    assert (following["rank"], following["total"]) == (2, 419)
    undone = desk.undo({"filter": {"decision": "open"}})
    assert (undone["undone"], undone["rank"]) == (shown["row"]["id"], 2)


def test_a_rebuild_under_the_page_is_seen(desk, folder):
    rows = read_rows(folder)
    shown = desk.item(Filter(), rows[0]["id"])
    for number in (0, 1):
        decide(desk, desk.item(Filter(), rows[number]["id"]), "accepted")
    changed = {**rows[0], "quotes": ["another"]}
    write_rows(folder, [json.dumps(row) for row in (rows[5], changed, rows[1])])
    assert desk.item(Filter(), rows[0]["id"])["state"] == "changed"
    assert desk.progress(Filter()) == {
        "rows": 3,
        "undecided": 1,
        "accepted": 1,
        "rejected": 0,
        "edited": 0,
        "changed": 1,
    }
    assert desk.item(Filter(), rows[5]["id"], "open")["row"]["id"] == rows[0]["id"]
    with pytest.raises(Refusal, match="has changed"):
        decide(desk, shown, "accepted")
    with pytest.raises(Refusal, match="gone"):
        decide(desk, {**shown, "row": rows[7]}, "accepted")


@pytest.mark.parametrize(
    ("number", "given", "reason"),
    [
        (0, {}, "Nothing was changed"),
        (0, {"turns": []}, "1 turns"),
        (0, {"turns": ["x"]}, "no object"),
        (0, {"turns": [{"request": "a", "answer": " "}]}, "answer is empty"),
        (0, {"turns": [{"request": 3, "answer": "a"}]}, "has to be text"),
        (0, {"turns": [{"request": "a \ud800", "answer": "a"}]}, "half a character"),
        (1, {"turns": [{"request": "a", "answer": "seven days"}]}, "word for word"),
        (1, {"turns": [{"request": "a", "answer": "two peop"}]}, "whole words"),
        (3, {"rejected": "Every 5  weeks"}, "the same"),
        (4, {"label": ""}, "label is empty"),
    ],
)
def test_an_edit_that_cannot_be_kept_is_refused(desk, folder, number, given, reason):
    shown = desk.item(Filter(), read_rows(folder)[number]["id"])
    with pytest.raises(Refusal, match=reason):
        decide(desk, shown, "edited", **given)
    assert desk.progress(Filter())["undecided"] == 420


def test_an_extracted_answer_may_be_another_stretch_of_the_passage(desk, folder):
    shown = desk.item(Filter(), read_rows(folder)[1]["id"])
    decide(desk, shown, "edited", turns=[{"request": "What?", "answer": " valve 1\nstands"}])
    found = desk.item(Filter(), shown["row"]["id"])
    # As it stands there, whatever was typed.
    assert found["decision"]["edit"]["turns"][0]["answer"] == "Valve 1 stands"


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        (["{"], r"rows\.jsonl:1: is not a row"),
        (['{"id": "00"}', "[]"], r"rows\.jsonl:2: is not a row"),
        (['{"id": "zz"}'], r"rows\.jsonl:1: the id"),
        (['{"id": "0a"}', '{"id": "0b"}', '{"id": "0a"}'], r"rows\.jsonl:3: has the id of line 1"),
    ],
)
def test_a_damaged_file_is_told_by_its_line(tmp_path, lines, reason):
    write_rows(tmp_path, lines)
    with pytest.raises(DataError, match=reason):
        Rows(tmp_path / "rows.jsonl")


def test_no_rows_at_all_are_shown_as_none(tmp_path):
    write_rows(tmp_path, [])
    with (
        Catalog(tmp_path / "documents.sqlite") as documents,
        Decisions(tmp_path / "review.sqlite") as decisions,
    ):
        desk = Desk(tmp_path / "rows.jsonl", documents, decisions)
        assert desk.item(Filter(), go="open")["row"] is None
        assert desk.overview()["rows"] == 0
        desk.close()


def test_rows_stand_in_little_memory(tmp_path, dataset):
    row = read_rows(dataset(1))[0]
    write_rows(tmp_path, [json.dumps({**row, "id": f"{n:016x}"}) for n in range(2000)])
    rows = Rows(tmp_path / "rows.jsonl")
    held = sum(codes.nbytes for codes in rows.codes.values())
    held += rows._offsets.nbytes + rows._ids.nbytes + rows._by_id.nbytes
    assert held / len(rows) < 50
    assert rows.read(1234)["id"] == rows.id(1234) == f"{1234:016x}"
    assert rows.position(f"{1234:016x}") == 1234
    assert rows.position("ffffffffffffffff") is rows.position("no") is None
    rows.close()


def test_a_row_without_a_draft_can_be_rejected_and_nothing_else(folder, desk):
    rows = read_rows(folder)
    empty = {"turns": [], "quotes": [], "label": "", "rejected": "", "fate": "rejected"}
    rows[3] |= {**empty, "kind": "qa", "reason": "not usable: no quote"}
    rows[6] |= {**empty, "kind": "text", "reason": "duplicate: the same as abc"}
    write_rows(folder, [json.dumps(row) for row in rows])
    shown = desk.item(Filter(), rows[3]["id"])
    for verdict, given in (("accepted", {}), ("edited", {"label": "complaint"})):
        with pytest.raises(Refusal, match="no draft to accept") as refused:
            decide(desk, shown, verdict, **given)
        assert refused.value.status == 422
    assert decide(desk, shown, "rejected")["decided"] == "rejected"
    text = desk.item(Filter(), rows[6]["id"])
    assert decide(desk, text, "accepted")["decided"] == "accepted", "running text is its passage"
