import gc

import pytest

from tunesmith.checks.check import Check
from tunesmith.checks.survey import MOST_REASONS, survey
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Document
from tunesmith.data.settings import Data


class Lines:
    """A check that only notes what it is shown."""

    def __init__(self):
        self.shown: list[tuple[int, str, str]] = []

    def look(self, portion):
        for number, example in enumerate(portion.examples, portion.first):
            self.shown.append((number, portion.split, example.origin))

    def findings(self, rows):
        return iter(())


def pair(n: int) -> dict[str, str]:
    return {"prompt": f"question {n}", "completion": f"answer {n}"}


def test_every_row_has_one_fate_and_every_file_its_own_counts(tmp_path, lines):
    lines(tmp_path / "train.jsonl", pair(1), {"prompt": "x"}, "{broken", pair(2), pair(3))
    lines(tmp_path / "test.jsonl", pair(4), {"prompt": "y", "completion": " "})

    read = survey(Data(path=str(tmp_path)), [])

    told = {file.split: file for file in read.files}
    assert {split: (f.n_read, f.ledger.rows["kept"], f.ledger.rows["rejected"])
            for split, f in told.items()} == {"train": (5, 3, 2), "test": (2, 1, 1)}  # fmt: skip
    assert told["train"].kinds == {Conversation: 3}
    assert len(read.rows) == 4


def test_bad_rows_are_counted_whatever_the_recipe_says(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", pair(1), {"prompt": "x"})

    finding = next(iter(survey(Data(path=str(file), bad_rows="error"), []).findings()))

    assert (finding.check, finding.severity, finding.count) == ("rejected-rows", "error", 1)
    assert finding.places == (f"{file}:2",)


def test_a_file_that_cannot_be_read_leaves_the_others_be(tmp_path, lines):
    lines(tmp_path / "a.jsonl", {"what": 1})
    lines(tmp_path / "b.jsonl", pair(1))
    (tmp_path / "c.txt").write_text("Once upon a time.")

    read = survey(Data(path=str(tmp_path)), [])

    assert [file.error != "" for file in read.files] == [True, False, False]
    assert read.kinds == {Conversation: 1, Document: 1}
    assert [f.check for f in read.findings()] == ["unreadable-file"]


def test_rows_are_numbered_through_all_files_and_know_their_place(tmp_path, lines):
    lines(tmp_path / "a.jsonl", pair(1), "", pair(2))
    (tmp_path / "b.json").write_text(
        '[{"prompt": "p", "completion": "c"}, {"prompt": "q", "completion": "c"}]'
    )
    check: Check = (seen := Lines())

    read = survey(Data(path=str(tmp_path)), [check])

    assert [number for number, _, _ in seen.shown] == [0, 1, 2, 3]
    places = [read.rows.place(n) for n in range(4)]
    assert places == [origin for _, _, origin in seen.shown]
    assert places == [
        f"{tmp_path}/{at}" for at in ("a.jsonl:1", "a.jsonl:3", "b.json:1", "b.json:1#2")
    ]


def test_no_more_rows_are_read_than_asked_for(tmp_path, lines):
    lines(tmp_path / "a.jsonl", *map(pair, range(5)))
    lines(tmp_path / "b.jsonl", *map(pair, range(5, 10)))

    assert len(survey(Data(path=str(tmp_path), max_rows=7), []).rows) == 7


def test_reasons_without_end_are_counted_together(tmp_path, lines):
    n_bad = MOST_REASONS + 50
    rows = [{"prompt": "x", f"key {n}": 1} for n in range(n_bad)]
    file = lines(tmp_path / "a.jsonl", pair(1), *rows)

    told = survey(Data(path=str(file)), []).files[0].ledger

    assert told.rows["rejected"] == n_bad
    assert len(told.n_reasons) == MOST_REASONS + 1


def test_no_example_outlives_its_portion(tmp_path, lines):
    """Memory stays flat: what is kept of a row is numbers."""
    file = lines(tmp_path / "a.jsonl", *map(pair, range(300)))
    read = survey(Data(path=str(file)), [])
    gc.collect()

    assert len(read.rows) == 300
    assert not [o for o in gc.get_objects() if type(o) is Conversation and o.origin == f"{file}:7"]


def test_data_that_is_not_there_is_an_error(tmp_path):
    with pytest.raises(DataError, match="no such file or folder"):
        survey(Data(path=str(tmp_path / "nowhere")), [])
