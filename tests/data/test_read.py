from __future__ import annotations

from collections import Counter

import pytest

from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.data.fingerprint import fingerprint
from tunesmith.data.load import load_examples
from tunesmith.data.read import Row, read_rows
from tunesmith.data.settings import Data
from tunesmith.data.source import find_files


def test_the_words_of_a_file_name_tell_its_split(tmp_path, lines):
    names = [
        "a.train.jsonl",
        "dialogsum.dev.jsonl",
        "x_val.csv",
        "test.first_half.jsonl",
        "rest.txt",
    ]
    for name in names:
        lines(tmp_path / name, {"text": "x"})
    (tmp_path / "README.md").write_text("about")
    found = {split: [f.name for f in files] for split, files in find_files(str(tmp_path)).items()}
    assert found == {
        "train": ["a.train.jsonl", "rest.txt"],
        "validation": ["dialogsum.dev.jsonl", "x_val.csv"],
        "test": ["test.first_half.jsonl"],
    }


def test_a_missing_file_suggests_its_neighbour(tmp_path, lines):
    lines(tmp_path / "dialogues.jsonl", {"text": "x"})
    with pytest.raises(DataError, match=r"no such file or folder. Did you mean 'dialogues.jsonl'"):
        find_files(str(tmp_path / "dialogue.jsonl"))


def test_a_folder_without_data_is_refused(tmp_path):
    with pytest.raises(DataError, match="no data file here"):
        find_files(str(tmp_path))


def test_bad_rows_stop_the_reading_with_all_their_places(tmp_path, lines):
    file = lines(
        tmp_path / "a.jsonl",
        {"dialogue": "A: hi", "summary": "x"},
        {"dialogue": "A: hi", "fname": "2"},
        '{"dialogue": ',
    )
    with pytest.raises(DataError) as caught:
        load(file)
    assert f"{file}:2: no summary" in str(caught.value)
    assert f"{file}:3: broken JSON" in str(caught.value)


def test_bad_rows_can_be_left_out_and_are_told_with_their_reason(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", {"dialogue": "A: hi", "summary": "x"}, '{"dialogue": ')
    data = Data(path=str(file), bad_rows="reject", validation_fraction=0)
    assert len(load_examples(data, 0)["train"]) == 1
    fates = [(row.fate, row.origin) for row in read_rows(data) if isinstance(row, Row)]
    assert fates == [("kept", f"{file}:1"), ("rejected", f"{file}:2")]


def test_case_41_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no record"):
        load(tmp_path / "a.jsonl")


def test_unknown_keys_ask_for_the_format(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", {"foo": 1})
    with pytest.raises(DataError, match=r"keys \['foo'\].*data\.format"):
        load(file)


def test_rows_with_the_same_prompt_never_stand_on_both_sides(tmp_path, lines):
    rows = [{"prompt": f"p{n % 10}", "completion": f"c{n}"} for n in range(40)]
    split = load(lines(tmp_path / "a.jsonl", *rows), validation_fraction=0.3)
    train, held = ({fingerprint(e) for e in split[s]} for s in ("train", "validation"))
    assert not train & held
    assert len(split["train"]) + len(split["validation"]) == 40
    assert len(held) == 3


def test_training_rows_that_stand_in_validation_are_left_out(tmp_path, lines):
    lines(tmp_path / "train.jsonl", *({"prompt": f"p{n}", "completion": "c"} for n in range(4)))
    lines(tmp_path / "dev.jsonl", {"prompt": "p1", "completion": "other"})
    assert [e.messages[0].content for e in load(tmp_path)["train"]] == ["p0", "p2", "p3"]


def test_rows_that_all_ask_the_same_are_too_few_to_hold_any_out(tmp_path, lines):
    rows = [{"prompt": "p", "completion": f"c{n}"} for n in range(3)]
    file = lines(tmp_path / "a.jsonl", *rows)
    with pytest.raises(DataError, match=r"too few distinct rows.*validation_fraction=0"):
        load(file)


def test_only_the_first_rows_of_each_split_are_read(tmp_path, lines):
    for name in ("train", "dev"):
        rows = [{"prompt": f"{name}{n}", "completion": "c"} for n in range(9)]
        lines(tmp_path / f"{name}.jsonl", *rows)
    split = load(tmp_path, max_rows=4)
    assert {name: len(rows) for name, rows in split.items()} == {"train": 4, "validation": 4}


def test_an_empty_validation_split_is_refused(tmp_path, lines):
    lines(tmp_path / "train.jsonl", {"prompt": "p", "completion": "c"})
    (tmp_path / "dev.jsonl").write_text("")
    with pytest.raises(DataError, match=r"dev\.jsonl: holds no record"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("path", "n_rows"),
    [
        ("tweetsumm/dialogstudio", {"train": 514, "validation": 74}),
        ("tweetsumm/dialogstudio_examples/converted_examples.json", {"train": 5}),
        ("dialogsum", {"train": 701, "validation": 500, "test": 250}),
        ("alpaca/alpaca_data_1k.json", {"train": 1000}),
        ("tweetsumm/csv_cleaned", {"train": 763, "validation": 96}),
        ("tinyshakespeare/input.txt", {"train": 1}),
    ],
)
def test_real_data_is_read_whole(shared, path, n_rows):
    rows = read_rows(Data(path=str(shared / path)))
    assert Counter(row.split for row in rows if isinstance(row, Row)) == n_rows


def test_a_path_with_a_colon_in_it_is_told_whole(tmp_path, lines):
    file = lines(tmp_path / "my data: v2.jsonl", {"prompt": "p", "completion": "c"}, "{")
    [_, bad] = read_rows(Data(path=str(file)))
    assert bad.origin == f"{file}:2"
    assert bad.reason.startswith("broken JSON")


def test_rows_that_differ_in_their_tools_alone_ask_different_things():
    messages = (Message("user", "Rain?"), Message("assistant", "No."))
    plain, with_tools = (Conversation(messages, "f:1", tools=t) for t in ("", '[{"name": "r"}]'))
    assert fingerprint(plain) != fingerprint(with_tools)


def load(path, **settings):
    return load_examples(Data(path=str(path), **settings), seed=1)
