from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tunesmith.core.errors import DataError
from tunesmith.data.files.splits import split_of
from tunesmith.data.read import read_rows
from tunesmith.data.records import Notice, Section, read_records, write_records
from tunesmith.data.settings import Data
from tunesmith.data.source import find_files


def found_names(path: Path | str, root: Path) -> dict[str, list[str]]:
    found = find_files(str(path))
    return {s: [str(f).removeprefix(f"{root}/") for f in files] for s, files in found.items()}


def make(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"text": "x"}\n')
    return root


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("dialogsum.dev.jsonl", "validation"),
        ("data/train-00000-of-00002.parquet", "train"),
        ("data/test-00000-of-00001.parquet", "test"),
        ("test/pos/1_9.txt", "test"),
        ("train/dev.jsonl", "validation"),
        ("Validation/a.csv.gz", "validation"),
        ("a.train.md", "train"),
        ("how-we-test.md", None),
        ("how-we-test.md.gz", None),
        ("latest/a.jsonl", None),
        ("test.tar.gz!a.jsonl", "test"),
        ("a.tar.gz!data/eval/a.jsonl", "validation"),
    ],
)
def test_the_nearest_word_of_a_path_tells_its_split(name, split):
    assert split_of(name) == split


def test_a_folder_is_looked_into_with_all_folders_in_it(tmp_path):
    make(tmp_path, "data/train-0.jsonl", "data/test-0.csv.gz", "b.txt", ".git/a.jsonl")
    assert found_names(tmp_path, tmp_path) == {
        "train": ["b.txt", "data/train-0.jsonl"],
        "test": ["data/test-0.csv.gz"],
    }


def test_files_of_no_known_kind_are_told_with_number_and_names(tmp_path):
    make(tmp_path, "a.jsonl", "x.png", "sub/y.docx", "README.md", "LICENSE", ".DS_Store")
    notices = [item for item in read_rows(Data(path=str(tmp_path))) if isinstance(item, Notice)]
    assert [notice.text for notice in notices] == [
        f"{tmp_path}: 2 files passed over that are no data: sub/y.docx, x.png.",
        f"{tmp_path}: 2 files passed over, named as what tells of data: LICENSE, README.md. "
        f"To read texts among them, name their kind: {tmp_path}/**/*.md.",
    ]


def test_what_tools_keep_beside_data_is_no_data(tmp_path):
    make(tmp_path, "a.json", "dataset_info.json", "source.jsonl", "SOURCE.md")
    assert found_names(tmp_path, tmp_path) == {"train": ["a.json", "source.jsonl"]}


def test_a_glob_names_files_of_one_or_more_folders(tmp_path):
    make(tmp_path, "a.jsonl", "b.csv", "test/c.jsonl", "test/deep/d.jsonl", "x.png")
    assert found_names(tmp_path / "*.jsonl", tmp_path) == {"train": ["a.jsonl"]}
    assert found_names(tmp_path / "**/*.jsonl", tmp_path) == {
        "train": ["a.jsonl"],
        "test": ["test/c.jsonl", "test/deep/d.jsonl"],
    }
    told: list[Notice] = []
    find_files(str(tmp_path / "*"), tell=told.append)
    assert "1 file passed over that are no data: x.png" in told[0].text


def test_a_glob_that_names_nothing_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"\*\.jsonl: no data file here"):
        find_files(str(tmp_path / "*.jsonl"))


def test_a_file_whose_name_looks_like_a_glob_is_that_file(tmp_path):
    make(tmp_path, "a[1].jsonl", "a1.jsonl")
    assert found_names(tmp_path / "a[1].jsonl", tmp_path) == {"train": ["a[1].jsonl"]}


def test_a_folder_of_labelled_texts_is_a_section_for_each_split(tmp_path):
    root = tmp_path / "aclImdb"
    texts = ["train/pos/1_9.txt", "train/neg/2_1.txt", "train/unsup/3_0.txt", "test/pos/4_8.txt"]
    make(root, *texts, "train/urls_pos.txt", "imdb.vocab", "more.jsonl")
    told: list[Notice] = []
    found = find_files(str(root), tell=told.append)
    assert found == {
        "test": [Section(root, "test")],
        "train": [Section(root, "train"), root / "more.jsonl"],
    }
    assert "2 files passed over that are no data: imdb.vocab, train/urls_pos.txt" in told[0].text
    *records, unlabelled = read_records(Section(root, "train"))
    content = '{"text": "x"}\n'
    assert records == [
        (f"{root}/train/neg/2_1.txt", {"text": content, "label": "neg"}),
        (f"{root}/train/pos/1_9.txt", {"text": content, "label": "pos"}),
    ]
    assert unlabelled == Notice(f"{root}: 1 texts without a label left out.")


def test_one_split_of_labelled_texts_can_be_named_alone(tmp_path):
    root = make(tmp_path / "train", "pos/1.txt", "neg/2.txt")
    assert find_files(str(root)) == {"train": [Section(root, "train")]}


def test_a_folder_of_documents_in_a_split_is_no_labelled_layout(tmp_path):
    make(tmp_path, "train/handbook/a.txt", "train/handbook/b.txt", "dev/handbook/c.txt")
    assert found_names(tmp_path, tmp_path) == {
        "train": ["train/handbook/a.txt", "train/handbook/b.txt"],
        "validation": ["dev/handbook/c.txt"],
    }


def test_one_split_is_taken_by_its_name(tmp_path):
    make(tmp_path, "train.jsonl", "dev.jsonl")
    assert find_files(str(tmp_path), "validation") == {"train": [tmp_path / "dev.jsonl"]}
    with pytest.raises(DataError, match="no split 'test' here. .*Known: train, validation"):
        find_files(str(tmp_path), "test")


def test_a_data_set_saved_by_datasets_is_read_without_what_it_computed(tmp_path):
    datasets = pytest.importorskip("datasets", reason="the extra 'hub' is not installed")
    rows = [{"prompt": f"p{n}", "completion": "c"} for n in range(5)]
    saved = datasets.DatasetDict(
        train=datasets.Dataset.from_list(rows[:3]), validation=datasets.Dataset.from_list(rows[3:])
    )
    saved.save_to_disk(str(tmp_path / "set"))
    computed = datasets.load_from_disk(str(tmp_path / "set"))["train"]
    computed.map(lambda row: {"prompt": "computed"}, load_from_cache_file=False)
    assert list((tmp_path / "set" / "train").glob("cache-*.arrow"))
    told: list[Notice] = []
    found = find_files(str(tmp_path / "set"), tell=told.append)
    assert [r for file in found["train"] for _, r in read_records(file)] == rows[:3]
    assert [r for file in found["validation"] for _, r in read_records(file)] == rows[3:]
    assert "cache-" in told[0].text


HUB_CODE = """
import json
import sys
from tunesmith.data.source import find_files
from tunesmith.data.records import read_records
told = []
found = find_files(sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else None, told.append)
print(json.dumps({s: [r for f in fs for _, r in read_records(f)] for s, fs in found.items()}))
print([notice.text for notice in told])
"""


def from_hub(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HF_HOME": str(folder / "hf"), "HF_HUB_OFFLINE": "1"}
    return subprocess.run(
        [sys.executable, "-c", HUB_CODE, *arguments],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
    )


@pytest.mark.slow
def test_a_data_set_of_the_hub_is_read_from_the_cache_once_it_is_here(tmp_path):
    pytest.importorskip("datasets", reason="the extra 'hub' is not installed")
    data = tmp_path / "owner" / "name" / "data"
    for split in ("train", "test", "unsupervised"):
        (data).mkdir(parents=True, exist_ok=True)
        write_records(data / f"{split}-00000-of-00001.parquet", [{"q": split, "n": None, "m": 1}])
    (tmp_path / "owner" / "name" / "README.md").write_text(
        "---\nconfigs:\n- config_name: default\n  data_files:\n"
        + "".join(
            f"  - split: {split}\n    path: data/{split}-*\n"
            for split in ("train", "test", "unsupervised")
        )
        + "---\n"
    )
    row = {s: [{"q": s, "n": None, "m": 1}] for s in ("train", "test", "unsupervised")}
    done = from_hub(tmp_path, "hf:owner/name")
    found, told = done.stdout.splitlines()
    assert json.loads(found) == {"train": row["train"], "test": row["test"]}, done.stderr
    assert "hf:owner/name: splits passed over: unsupervised" in told
    (data / "train-00000-of-00001.parquet").unlink()  # from here on the cache is read
    done = from_hub(tmp_path, "hf:owner/name", "unsupervised")
    assert json.loads(done.stdout.splitlines()[0]) == {"train": row["unsupervised"]}, done.stderr


@pytest.mark.slow
def test_a_data_set_that_cannot_be_fetched_is_told(tmp_path):
    pytest.importorskip("datasets", reason="the extra 'hub' is not installed")
    done = from_hub(tmp_path, "hf:nobody/nothing")
    assert "DataError: hf:nobody/nothing: cannot be fetched" in done.stderr
