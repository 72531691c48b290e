"""Files of every kind with bytes changed: records and data errors, and nothing else."""

from __future__ import annotations

import functools
import importlib.util
import io
import re
import tarfile
import tempfile
from pathlib import Path
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from tunesmith.core.errors import DataError
from tunesmith.data.records import Notice, read_records, write_records

RECORDS = [
    {"q": f'{n}. "é😀\n', "a": "x, y", "t": [{"role": "user", "n": n, "s": -1.5, "b": None}]}
    for n in range(6)
]
ROWS = [{"q": record["q"], "a": record["a"]} for record in RECORDS]
NAMES = [
    "a.jsonl",
    "a.json",
    "a.csv",
    "a.tsv",
    "a.txt",
    "a.tar",
    "a.tgz",
    "a.jsonl.gz",
    "a.jsonl.zst",
    "a.parquet",
    "file.arrow",
    "stream.arrow",
]
INSERTED = st.binary(max_size=4) | st.sampled_from(
    [
        b'"',
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b"\n",
        b"\r",
        b"\\",
        b"'",
        b";",
        b"\0",
        b"\xff\xfe",
        b"NaN",
    ]
)
CHANGES = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 3), INSERTED), min_size=1, max_size=6)
"""Where (as a fraction), how many bytes are taken away, and what stands in their place."""


@functools.cache
def sound(name: str) -> bytes:
    """A sound file of each kind."""
    if (name.endswith((".zst", ".parquet", ".arrow"))) and not importlib.util.find_spec("pyarrow"):
        pytest.skip("the extra 'files' is not installed")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        if name.endswith(".txt"):
            file.write_text("some text\nof two lines\n")
        elif ".t" in name and not name.endswith(".tsv"):
            _write_tar(file)
        elif name.endswith(".arrow"):
            _write_arrow(file)
        else:
            write_records(file, ROWS if name.endswith(("csv", "tsv")) else RECORDS)
        return file.read_bytes()


def _write_tar(file: Path) -> None:
    with tarfile.open(file, "w:gz" if file.suffix == ".tgz" else "w") as tar:
        for name in ("train/pos/1.txt", "train/neg/2.txt", "a/x.jsonl"):
            member = tarfile.TarInfo(name)
            member.size = 9
            tar.addfile(member, io.BytesIO(b'{"a": 1}\n'))


def _write_arrow(file: Path) -> None:
    import pyarrow as pa

    table = pa.Table.from_pylist(RECORDS)
    new = pa.ipc.new_file if file.name == "file.arrow" else pa.ipc.new_stream
    with new(file, table.schema) as writer:
        writer.write_table(table)


def changed(data: bytes, changes: list[tuple[float, int, bytes]]) -> bytes:
    for fraction, n_taken, inserted in changes:
        at = int(fraction * len(data))
        data = data[:at] + inserted + data[at + n_taken :]
    return data


def read(name: str, data: bytes) -> list:
    """What is read; a file that cannot be read further ends with its error."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        file.write_bytes(data)
        found: list = []
        try:
            for item in read_records(file):
                assert isinstance(item, DataError | Notice | tuple)
                found.append(item)
        except DataError as error:
            assert name in str(error)
            found.append(error)
        for item in found:
            text = str(item) if isinstance(item, DataError) else ""
            assert "\n" not in text
        return found


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=150, deadline=None, derandomize=True)
@given(CHANGES)
def test_a_changed_file_gives_records_and_data_errors_and_nothing_else(name, changes):
    read(name, changed(sound(name), changes))


@pytest.mark.parametrize("name", NAMES)
@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.binary(max_size=200))
def test_bytes_that_are_no_file_give_records_and_data_errors_and_nothing_else(name, data):
    read(name, data)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(CHANGES)
@example([(0.0, 1, b"[")])
@example([(0.0, 0, b"\n"), (0.0, 0, b"[")])
@example([(0.0, 1, b"\n"), (0.0, 0, b"{")])
@example([(0.99, 9, b"")])
@example([(0.0, 1, b"\0\n"), (0.0, 1, b"{")])
def test_every_line_of_json_lines_is_a_record_or_an_error(changes):
    data = changed(sound("a.jsonl"), changes)
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return
    n_lines = sum(bool(line.strip()) for line in data.removeprefix(b"\xef\xbb\xbf").split(b"\n"))
    found = read("a.jsonl", data)
    told = re.search(r"(\d+) lines in all", str(found[-1])) if found else None
    if told:  # the start is one of a single object, and that is broken
        assert int(told[1]) >= n_lines
        return
    assert len(found) == n_lines


TOLD = re.compile(r"(\d+) lines? (?:are left out with it|in all)")


def place_of(item: Any) -> int:
    """The line at which a record or an error begins."""
    text = item[0] if isinstance(item, tuple) else str(item)
    return int(re.search(r"/a\.\w+:(\d+)", text)[1])


def n_lines_of(item: Any) -> int:
    """Lines that a row of a table holds, or that its error tells."""
    if isinstance(item, tuple):
        return 1 + sum(cell.count("\n") for cell in item[1].values())
    told = TOLD.search(str(item))
    return int(told[1]) if told else 1


@pytest.mark.parametrize("name", ["a.csv", "a.tsv"])
@settings(max_examples=500, deadline=None)
@given(CHANGES)
@example([(0.3, 0, b'"')])
@example([(0.5, 1, b"\n")])
def test_every_line_of_a_table_is_in_a_record_or_told_by_an_error(name, changes):
    n_header = sound(name).index(b"\n") + 1
    data = sound(name)[:n_header] + changed(sound(name)[n_header:], changes)
    lines = data.split(b"\n")
    at = 1  # lines that are accounted for
    for item in read(name, data):
        if isinstance(item, Notice):
            continue
        place = place_of(item)
        assert place > at, "a line is told twice"
        assert not b"".join(lines[at : place - 1]).strip(b"\r"), "a line is lost"
        at = place + n_lines_of(item) - 1
    assert not b"".join(lines[at:]).strip(b"\r"), "a line at the end is lost"


@settings(max_examples=500, deadline=None)
@given(CHANGES)
@example([(0.3, 0, b'"')])
@example([(0.5, 0, b"]")])
@example([(0.5, 0, b",")])
def test_every_object_on_a_line_of_an_array_is_a_record_or_told_by_an_error(changes):
    data = b"[\n" + changed(sound("a.json")[2:], changes)
    found = [item for item in read("a.json", data) if not isinstance(item, Notice)]
    places = [place_of(item) for item in found]
    for number, line in enumerate(data.split(b"\n"), 1):
        if number in places or not is_object(line.strip().removesuffix(b",")):
            continue
        item = next(item for item in reversed(found) if place_of(item) < number)
        if isinstance(item, DataError):  # else the object lies within a sound record
            assert number < place_of(item) + n_lines_of(item), f"line {number} is lost"


def is_object(line: bytes) -> bool:
    try:
        return isinstance(orjson.loads(line), dict)
    except orjson.JSONDecodeError:
        return False


def test_the_sound_files_are_read_whole():
    for name in NAMES:
        found = [item for item in read(name, sound(name)) if isinstance(item, tuple)]
        n = 1 if name == "a.txt" else 2 + 1 if ".t" in name and name != "a.tsv" else len(RECORDS)
        assert len(found) == n, name
