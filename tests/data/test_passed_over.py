"""What a folder or an archive holds and is not read is told; nothing is passed over in silence."""

from __future__ import annotations

import os
import tarfile
from pathlib import Path

import pytest

from tunesmith.core.errors import DataError
from tunesmith.data import FORMATS
from tunesmith.data.read import Row, read_rows
from tunesmith.data.records import Notice
from tunesmith.data.settings import Data
from tunesmith.data.source import find_files


def make(root: Path, *names: str) -> Path:
    for name in names:
        file = root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text('{"text": "x"}\n')
    return root


def pack(archive: Path, folder: Path, *names: str) -> Path:
    with tarfile.open(archive, "w") as tar:
        for name in names:
            tar.add(folder / name, name)
    return archive


def test_documents_named_like_read_mes_are_told_and_read_where_their_kind_is_named(tmp_path):
    make(tmp_path, "guide.md", "README.md", "notice.txt", "sub/CHANGELOG.md")
    told: list[Notice] = []
    assert find_files(str(tmp_path), tell=told.append) == {"train": [tmp_path / "guide.md"]}
    assert "3 files passed over, named as what tells of data" in told[0].text
    assert "README.md, notice.txt, sub/CHANGELOG.md" in told[0].text
    names = ["README.md", "guide.md", "sub/CHANGELOG.md"]
    assert find_files(str(tmp_path / "**/*.md")) == {"train": [tmp_path / name for name in names]}


def test_a_folder_of_read_mes_alone_is_refused_with_their_names_and_the_way(tmp_path):
    make(tmp_path, "README.md", "dataset_info.json")
    with pytest.raises(DataError, match="no data file here") as caught:
        find_files(str(tmp_path))
    for told in ("no data: dataset_info.json", "tells of data: README.md", f"{tmp_path}/**/*.md"):
        assert told in str(caught.value)


def test_a_linked_folder_is_told(tmp_path):
    root = make(tmp_path / "data", "a.jsonl")
    (root / "linked").symlink_to(make(tmp_path / "elsewhere", "b.jsonl"))
    told: list[Notice] = []
    assert find_files(str(root), tell=told.append) == {"train": [root / "a.jsonl"]}
    assert "1 linked folder not looked into: linked. Name it in data.path" in told[0].text


def test_an_archive_without_data_is_told_in_a_folder_and_refused_alone(tmp_path):
    make(tmp_path, "x.png", "a.jsonl")
    archive = pack(tmp_path / "pictures.tar", tmp_path, "x.png")
    with pytest.raises(DataError, match=r"pictures\.tar: no member of it is data"):
        find_files(str(archive))
    told: list[Notice] = []
    assert find_files(str(tmp_path), tell=told.append) == {"train": [tmp_path / "a.jsonl"]}
    assert "passed over that are no data: x.png, pictures.tar" in told[0].text


@pytest.mark.parametrize("layout", ["folder", "labelled", "archive"])
def test_a_blank_text_is_one_rejected_row_with_its_place(tmp_path, layout):
    names = ["train/a/1.txt", "train/b/2.txt"] if layout == "labelled" else ["a/1.txt", "a/2.txt"]
    source = make(tmp_path / "set", *names)
    (source / names[1]).write_text(" \n")
    if layout == "archive":
        source = pack(tmp_path / "set.tar", source, *names)
    good, bad = (row for row in read_rows(Data(path=str(source))) if isinstance(row, Row))
    assert (good.fate, bad.fate) == ("kept", "rejected")
    assert names[1] in bad.origin
    assert bad.reason == "a blank text. Fill it, or take it away."


def test_a_blank_labelled_text_in_an_archive_is_a_rejected_row(tmp_path):
    names = ["train/a/1.txt", "train/b/2.txt"]
    make(tmp_path, *names)
    (tmp_path / names[1]).write_text("")
    source = pack(tmp_path / "set.tar", tmp_path, *names)
    good, bad = read_rows(Data(path=str(source)))
    assert isinstance(good, Row)
    assert isinstance(bad, Row)
    assert bad.origin == f"{source}!{names[1]}"
    assert bad.reason == "a blank text. Fill it, or take it away."


def test_a_file_of_an_archive_without_records_is_told(tmp_path):
    make(tmp_path, "a.jsonl")
    (tmp_path / "empty.jsonl").touch()
    source = pack(tmp_path / "set.tar", tmp_path, "a.jsonl", "empty.jsonl")
    notices = [n.text for n in read_rows(Data(path=str(source))) if isinstance(n, Notice)]
    assert notices == [f"{source}!empty.jsonl: holds no record."]


def test_a_file_name_that_is_not_utf8_is_told_with_its_bytes(tmp_path):
    name = os.fsdecode(b"a\xff")
    make(tmp_path, f"{name}.jsonl", f"{name}.txt", f"{name}.png")
    form = FORMATS.parse({"name": "text"})
    notice, *rows = read_rows(Data(path=str(tmp_path), format=form))
    assert notice == Notice(f"{tmp_path}: 1 file passed over that are no data: a\\xff.png.")
    origins = [row.origin for row in rows if isinstance(row, Row)]
    assert origins == [f"{tmp_path}/a\\xff.jsonl:1", f"{tmp_path}/a\\xff.txt:1"]
    (tmp_path / f"{name}.jsonl").write_text("")
    with pytest.raises(DataError, match=r"a\\xff\.jsonl: holds no record"):
        list(read_rows(Data(path=str(tmp_path))))
