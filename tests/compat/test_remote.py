"""Descriptions on the hub are fetched, here from a copy that the hub's library keeps."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tunesmith.compat.llamafactory.dataset_info import read_dataset_info
from tunesmith.compat.llamafactory.remote import fetched
from tunesmith.core.errors import DataError

pytest.importorskip("huggingface_hub")
COMMIT = "0" * 40


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    """What the library keeps of ``o/demo``, a data set with two descriptions and one file."""
    kept = tmp_path / "datasets--o--demo"
    (kept / "refs").mkdir(parents=True)
    (kept / "refs/main").write_text(COMMIT)
    files = kept / "snapshots" / COMMIT
    files.mkdir(parents=True)
    sets = {"mine": {"file_name": "mine.json"}, "far": {"hf_hub_url": "o/far"}}
    (files / "dataset_info.json").write_text(json.dumps(sets))
    (files / "mine.json").write_text("[]")
    return tmp_path


def test_descriptions_and_their_files_lie_together(cache):
    folder = fetched("REMOTE:o/demo", ["mine", "far"], cache=cache)
    (mine, far), place = read_dataset_info(["mine", "far"], folder)
    assert (Path(place) / mine.address).is_file()
    assert far.address == "o/far"


def test_what_cannot_be_fetched_is_told_with_its_address(cache):
    with pytest.raises(DataError, match=r"https://huggingface\.co/datasets/o/no/resolve/main/dat"):
        fetched("REMOTE:o/no", ["mine"], cache=cache)
