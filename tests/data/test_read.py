from __future__ import annotations

import pytest

from tunesmith.core.errors import DataError
from tunesmith.core.ledger import Ledger
from tunesmith.data.fingerprint import fingerprint
from tunesmith.data.read import read_examples
from tunesmith.data.settings import Data
from tunesmith.data.source import find_files
from tunesmith.data.split import split_examples


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
        read_examples(Data(path=str(file)), Ledger())
    assert f"{file}:2: no summary" in str(caught.value)
    assert f"{file}:3: broken JSON" in str(caught.value)


def test_bad_rows_can_be_left_out_and_are_counted(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", {"dialogue": "A: hi", "summary": "x"}, '{"dialogue": ')
    ledger = Ledger()
    examples = read_examples(Data(path=str(file), bad_rows="reject"), ledger)
    assert len(examples["train"]) == 1
    assert ledger.as_dict()["train"]["rejected"] == 1


def test_an_empty_file_is_refused(tmp_path):
    (tmp_path / "a.jsonl").write_text("")
    with pytest.raises(DataError, match="holds no record"):
        read_examples(Data(path=str(tmp_path / "a.jsonl")), Ledger())


def test_unknown_keys_ask_for_the_format(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", {"foo": 1})
    with pytest.raises(DataError, match=r"keys \['foo'\].*data\.format"):
        read_examples(Data(path=str(file)), Ledger())


def test_rows_with_the_same_prompt_never_stand_on_both_sides(tmp_path, lines):
    rows = [{"prompt": f"p{n % 10}", "completion": f"c{n}"} for n in range(40)]
    examples = read_examples(Data(path=str(lines(tmp_path / "a.jsonl", *rows))), Ledger())
    split = split_examples(examples, validation_fraction=0.3, seed=1, ledger=Ledger())
    train, held = ({fingerprint(e) for e in split[s]} for s in ("train", "validation"))
    assert not train & held
    assert len(split["train"]) + len(split["validation"]) == 40
    assert len(held) == 3


def test_training_rows_that_stand_in_validation_are_dropped_and_counted(tmp_path, lines):
    lines(tmp_path / "train.jsonl", *({"prompt": f"p{n}", "completion": "c"} for n in range(4)))
    lines(tmp_path / "dev.jsonl", {"prompt": "p1", "completion": "other"})
    ledger = Ledger()
    examples = read_examples(Data(path=str(tmp_path)), ledger)
    split = split_examples(examples, validation_fraction=0.5, seed=1, ledger=ledger)
    assert len(split["train"]) == 3
    assert ledger.as_dict()["train"]["dropped"] == 1


def test_one_row_is_too_few_to_hold_any_out(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", {"prompt": "p", "completion": "c"})
    examples = read_examples(Data(path=str(file)), Ledger())
    with pytest.raises(DataError, match=r"too few to hold any out.*validation_fraction=0"):
        split_examples(examples, validation_fraction=0.1, seed=1, ledger=Ledger())


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
    ledger = Ledger()
    examples = read_examples(Data(path=str(shared / path), bad_rows="reject"), ledger)
    rejected = {split: entry["rejected"] for split, entry in ledger.as_dict().items()}
    counted = {split: len(rows) + rejected.get(split, 0) for split, rows in examples.items()}
    assert counted == n_rows


def test_the_end_of_a_single_text_is_held_out(tmp_path):
    text = "".join(f"line {n}\n" for n in range(100))
    (tmp_path / "a.txt").write_text(text)
    examples = read_examples(Data(path=str(tmp_path / "a.txt")), Ledger())
    split = split_examples(examples, validation_fraction=0.1, seed=1, ledger=Ledger())
    start, end = split["train"][0], split["validation"][0]
    assert start.text + end.text == text
    assert len(end.text) == pytest.approx(len(text) * 0.1, abs=10)
    assert end.origin.endswith(f"a.txt:{start.text.count(chr(10)) + 1}")


def test_an_empty_validation_split_is_refused(tmp_path, lines):
    lines(tmp_path / "train.jsonl", {"prompt": "p", "completion": "c"})
    (tmp_path / "dev.jsonl").write_text("")
    with pytest.raises(DataError, match=r"dev\.jsonl: holds no record"):
        read_examples(Data(path=str(tmp_path)), Ledger())


def test_one_bad_row_says_what_to_do_too(tmp_path, lines):
    file = lines(tmp_path / "a.jsonl", {"dialogue": "A: hi", "summary": "x"}, '{"dialogue": ')
    with pytest.raises(DataError, match=r"a\.jsonl:2: broken JSON.*data\.bad_rows=reject"):
        read_examples(Data(path=str(file)), Ledger())
