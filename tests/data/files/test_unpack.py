from __future__ import annotations

import gzip
import subprocess
import sys
from pathlib import Path

import pytest

from tunesmith.core.errors import DataError
from tunesmith.data.records import read_records, write_records

RECORDS = [{"a": f"{n} é😀"} for n in range(5000)]


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst", "a.json.gz", "a.csv.zst"])
def test_packed_files_are_read_and_named_as_they_are(tmp_path, name):
    if name.endswith(".zst"):
        pytest.importorskip("pyarrow", reason="the extra 'files' is not installed")
    write_records(tmp_path / name, RECORDS)
    found = list(read_records(tmp_path / name))
    assert [record for _, record in found] == RECORDS
    assert found[1][0].startswith(f"{tmp_path / name}:")


@pytest.mark.parametrize("name", ["a.jsonl.gz", "a.jsonl.zst"])
@pytest.mark.parametrize("kept", [0.0, 0.5, 0.99])
def test_a_packed_file_that_is_cut_off_is_told_and_not_taken_for_its_end(tmp_path, name, kept):
    if name.endswith(".zst"):
        pytest.importorskip("pyarrow", reason="the extra 'files' is not installed")
    file = tmp_path / name
    write_records(file, RECORDS)
    data = file.read_bytes()
    file.write_bytes(data[: max(3, int(len(data) * kept))])
    with pytest.raises(DataError, match="is damaged"):
        list(read_records(file))


def test_two_packed_files_one_behind_the_other_are_one(tmp_path):
    parts = [gzip.compress(b'{"a": 1}\n'), gzip.compress(b'{"a": 2}\n')]
    (tmp_path / "a.jsonl.gz").write_bytes(b"".join(parts))
    assert [record for _, record in read_records(tmp_path / "a.jsonl.gz")] == [{"a": 1}, {"a": 2}]


def test_a_file_that_unpacks_to_far_too_much_is_refused(tmp_path):
    (tmp_path / "a.txt.gz").write_bytes(gzip.compress(b" " * 100_000_000))
    with pytest.raises(DataError, match="too large when unpacked: more than 200 times"):
        list(read_records(tmp_path / "a.txt.gz"))


def test_without_pyarrow_the_command_that_installs_it_is_told(tmp_path):
    (tmp_path / "a.jsonl.zst").write_bytes(b"(\xb5/\xfd")
    code = """
import sys
from importlib.machinery import PathFinder
from pathlib import Path

class Hidden:
    def find_spec(self, name, path=None, target=None):
        return None if name.startswith("pyarrow") else PathFinder.find_spec(name, path, target)

sys.meta_path = [f for f in sys.meta_path if f is not PathFinder] + [Hidden()]
from tunesmith.core.errors import MissingExtraError
from tunesmith.data.records import read_records
try:
    list(read_records(Path(sys.argv[1])))
except MissingExtraError as error:
    print(error)
"""
    file = str(tmp_path / "a.jsonl.zst")
    done = subprocess.run([sys.executable, "-c", code, file], capture_output=True, text=True)
    assert f"Reading {file} needs 'pyarrow'" in done.stdout, done.stderr
    assert "pip install 'tunesmith[files]'" in done.stdout


def test_a_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(DataError, match="cannot be read"):
        list(read_records(Path(tmp_path / "a.jsonl")))
