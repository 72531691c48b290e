"""Names of documents: the same however a source was typed, and none twice."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tunesmith.core.errors import DataError
from tunesmith.synthesize.documents.find import find_documents


@pytest.fixture
def home(tmp_path, monkeypatch):
    for name in ("docs/a.txt", "docs/deep/b.txt", "new/docs/a.txt", "old/docs/c.txt", "a.txt"):
        file = tmp_path / "home" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(name)
    monkeypatch.chdir(tmp_path / "home")
    return tmp_path / "home"


def names(*sources: object, **settings) -> list[str]:
    return [file.name for file in find_documents(map(str, sources), **settings).files]


def test_a_name_does_not_tell_how_the_folder_was_typed(home, monkeypatch):
    expected = ["docs/a.txt", "docs/deep/b.txt"]
    for typed in ("docs", "./docs/", "new/../docs", home / "docs"):
        assert names(typed) == expected
    (home / "link").symlink_to(home / "docs")
    assert names("link") == expected
    monkeypatch.setenv("HOME", str(home))
    assert names("~/docs") == expected
    monkeypatch.chdir(home / "docs")
    assert names(".") == names("../docs") == expected
    assert [f.typed for f in find_documents([".."]).files][:2] == ["../a.txt", "../docs/a.txt"]


def test_a_file_has_its_own_name(home):
    assert names("docs/deep/b.txt", home / "a.txt") == ["b.txt", "a.txt"]


def test_names_that_clash_get_the_folders_above_that_tell_them_apart(home):
    assert names("docs", "old/docs") == ["docs/a.txt", "docs/deep/b.txt", "docs/c.txt"]
    clash = ["home/docs/a.txt", "home/docs/deep/b.txt", "new/docs/a.txt"]
    assert names("docs", "new/docs") == clash
    assert names("a.txt", "docs/a.txt", "new/docs/a.txt") == [
        "home/a.txt", "home/docs/a.txt", "new/docs/a.txt",
    ]  # fmt: skip


def test_one_file_is_found_once(home):
    assert names("docs", "docs/a.txt", home / "docs", "docs/deep") == names("docs")


def test_what_is_written_to_and_what_another_build_made_is_passed_over(home):
    for build in ("docs/data", "docs/deep/made"):
        (home / build / "dataset").mkdir(parents=True)
        (home / build / "dataset" / "README.md").write_text("a card")
        (home / build / "holder").write_text("")
    (home / "docs" / "deep" / "made" / "documents.sqlite").write_bytes(b"")
    found = find_documents(["docs"], out=Path("docs/data"))
    assert [file.name for file in found.files] == ["docs/a.txt", "docs/deep/b.txt"]
    assert found.notices == [
        "docs: what was made of documents is passed over: docs/data, docs/deep/made."
    ]
    (home / "docs" / "chunks.jsonl").write_text("{}")
    assert "docs/chunks.jsonl" not in names("docs", out=home / "docs" / "chunks.jsonl")
    with pytest.raises(DataError, match=r"no file here to read.*passed over: docs/deep/made"):
        names("docs/deep/made")


@pytest.mark.skipif(os.sep != "/", reason="names of bytes")
def test_a_name_that_is_not_utf_8_can_be_written(home):
    Path(os.fsdecode(b"docs/\xff.txt")).write_text("x")
    assert names("docs") == ["docs/a.txt", "docs/deep/b.txt", r"docs/\xff.txt"]
