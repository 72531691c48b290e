from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.core.errors import DataError
from tunesmith.data.records import read_records, write_records

TEXTS = st.text(st.characters(codec="utf-8", exclude_characters="\0")) | st.sampled_from(
    [
        "=1+1",
        "'-1",
        "''@",
        "a,b",
        'say "no"',
        "one\r\ntwo",
        "\r",
        "",
        " ",
        "\ufeff",
        "</s>",
        "\u2028",
    ]
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8")),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)  # fmt: skip


def back(name: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / name
        assert write_records(file, iter(records)) == len(records)
        return [record for _, record in read_records(file)]


@settings(deadline=None)
@given(st.lists(st.dictionaries(st.text(max_size=4), VALUES, max_size=4), min_size=1, max_size=5))
def test_records_come_back_from_json_as_they_were(records):
    assert back("a.jsonl", records) == records
    if len(records) > 1:  # a single object is told from objects by id by what it holds
        assert back("a.json", records) == records


@settings(deadline=None)
@given(
    st.lists(TEXTS, min_size=1, max_size=4, unique=True).flatmap(
        lambda names: st.lists(
            st.tuples(*[TEXTS] * len(names)).map(
                lambda cells: dict(zip(names, cells, strict=True))
            ),
            min_size=1,
            max_size=5,
        )
    )
)
def test_case_42_records_of_texts_come_back_from_tables_as_they_were(records):
    if "" in list(records[0])[1:]:
        return
    assert back("a.csv", records) == records
    assert back("a.tsv", records) == records


@settings(deadline=None)
@given(st.lists(st.fixed_dictionaries({"a": TEXTS, "n": st.integers(-(2**63), 2**63 - 1)})))
def test_records_come_back_from_parquet_as_they_were(records):
    pytest.importorskip("pyarrow", reason="the extra 'files' is not installed")
    assert back("a.parquet", records) == records


def test_types_of_a_parquet_file_are_told_from_all_rows(tmp_path):
    pytest.importorskip("pyarrow", reason="the extra 'files' is not installed")
    records = [{"a": None, "b": 1} for _ in range(5000)] + [{"a": ["x"], "b": 2.5}]
    assert back("a.parquet", records) == records


@pytest.mark.parametrize("name", ["a.json", "a.jsonl", "a.csv", "a.json.gz"])
def test_no_records_make_a_file_without_records(name):
    assert back(name, []) == []


@pytest.mark.parametrize(
    ("name", "records", "told"),
    [
        ("a.jsonl", [{"a": 1}, {"a": float("nan")}], "record 2 cannot be written as JSON"),
        ("a.jsonl", [{"a": "\ud83d"}], "record 1 cannot be written as JSON"),
        ("a.csv", [{"a": "\ud83d"}], "record 1 cannot be written"),
        ("a.csv", [{"a": ["x"]}], "record 1 holds a list, and a table's cells hold text"),
        ("a.csv", [{"a": None}], "record 1 holds a NoneType"),
        ("a.csv", [{"a": "x"}, {"b": "x"}], r"record 2 has the keys \['b'\]"),
        ("a.csv", [{"a": "x", "": "y"}], "a column that is not the first has no name"),
        ("a.parquet", [{"a": "x"}, {"b": "x"}], r"record 2 has the keys \['b'\]"),
        ("a.parquet", [{"a": "x"}, {"a": 1}], "cannot be held"),
        ("a.docx", [], "are not written to this kind of file"),
        ("a.parquet.gz", [], "are not written to this kind of file"),
    ],
)
def test_what_a_container_cannot_hold_is_refused_and_leaves_no_file(tmp_path, name, records, told):
    if ".parquet" in name:
        pytest.importorskip("pyarrow", reason="the extra 'files' is not installed")
    (tmp_path / name).write_text("before")
    with pytest.raises(DataError, match=told):
        write_records(tmp_path / name, records)
    assert [file.name for file in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "before"


def test_numbers_and_booleans_in_a_table_become_text():
    assert back("a.csv", [{"a": 1, "b": True, "c": -2.5}]) == [{"a": "1", "b": "true", "c": "-2.5"}]


def test_a_packed_file_is_the_same_bytes_every_time(tmp_path):
    for name in ("a.jsonl.gz", "b.jsonl.gz"):
        write_records(tmp_path / name, [{"a": 1}])
    assert (tmp_path / "a.jsonl.gz").read_bytes() == (tmp_path / "b.jsonl.gz").read_bytes()
