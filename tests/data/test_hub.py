"""The copies of hub data sets: one folder for each name, whole or not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tunesmith.core.errors import DataError
from tunesmith.data.hub import cache_folder, keep


def test_each_name_has_a_folder_of_its_own(tmp_path):
    names = ["a/b-c", "a-b/c", "a/b/c", "a/b_c", "A/b-c"]
    folders = {cache_folder(tmp_path, name) for name in names}
    assert len(folders) == len(names)
    assert all(folder.parent == tmp_path / "tunesmith" for folder in folders)
    assert cache_folder(tmp_path, "a/b") == cache_folder(tmp_path, "a/b")


def test_a_folder_appears_when_it_is_whole(tmp_path):
    folder = tmp_path / "new" / "set"

    def write(part: Path) -> None:
        (part / "train").write_text("x")
        assert not folder.exists()

    keep(folder, write)
    assert [file.name for file in folder.iterdir()] == ["train"]
    assert [file.name for file in folder.parent.iterdir()] == ["set"]


def test_what_fails_halfway_leaves_nothing(tmp_path):
    def write(part: Path) -> None:
        (part / "train").write_text("x")
        raise OSError(28, "No space left on device")

    with pytest.raises(DataError, match="cannot be written \\(No space left on device\\)"):
        keep(tmp_path / "set", write)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_another_process_made_meanwhile_is_not_mixed_with_ours(tmp_path):
    def write(part: Path) -> None:
        (part / "test").write_text("ours")
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "train").write_text("theirs")

    keep(tmp_path / "set", write)
    assert [file.name for file in tmp_path.iterdir()] == ["set"]
    assert [file.name for file in (tmp_path / "set").iterdir()] == ["train"]
