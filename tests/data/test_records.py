from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.errors import DataError
from tunesmith.data.records import Notice, read_records


def records(path: Path, content: str | bytes) -> list:
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(read_records(path))


def test_a_byte_order_mark_crlf_and_blank_lines_are_accepted(tmp_path):
    found = records(tmp_path / "a.jsonl", b'\xef\xbb\xbf{"a": 1}\r\n\r\n{"a": 2}\r\n')
    assert [(o.rpartition(":")[2], r) for o, r in found] == [("1", {"a": 1}), ("3", {"a": 2})]


def test_an_array_named_jsonl_and_lines_named_json_are_told_by_their_content(tmp_path):
    _, *array = records(tmp_path / "a.jsonl", '[{"a": 1},\n {"a": 2}]')
    _, *lines = records(tmp_path / "b.json", '{"a": 1}\n{"a": 2}\n')
    assert [r for _, r in array] == [r for _, r in lines] == [{"a": 1}, {"a": 2}]
    assert [o.rpartition(":")[2] for o, _ in array] == ["1", "2"]


def test_an_object_of_records_by_id(tmp_path):
    found = records(tmp_path / "a.json", json.dumps({"x": {"a": 1}, "y": {"a": 2}}, indent=1))
    assert [r for _, r in found] == [{"a": 1}, {"a": 2}]


def test_a_broken_line_is_named_and_the_others_are_read(tmp_path):
    first, broken, last = records(tmp_path / "a.jsonl", '{"a": 1}\n{"a": \n{"a": 3}\n')
    assert isinstance(broken, DataError)
    assert "a.jsonl:2: broken JSON" in str(broken)
    assert (first[1], last[1]) == ({"a": 1}, {"a": 3})


def test_a_line_separator_inside_a_text_ends_no_line(tmp_path):
    text = "one\u2028two\u0085three"
    [(_, found)] = records(tmp_path / "a.jsonl", json.dumps({"a": text}, ensure_ascii=False))
    assert found == {"a": text}


def test_a_byte_that_is_not_utf8_is_named(tmp_path):
    good, bad = records(tmp_path / "a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n')
    assert good[1] == {"a": 1}
    assert "a.jsonl:2" in str(bad)
    with pytest.raises(DataError, match=r"a\.txt:2: byte 0xff"):
        records(tmp_path / "a.txt", b"fine\nnot \xff fine")


def test_deep_nesting_is_an_error_of_its_row(tmp_path):
    deep = '{"a": ' + "[" * 100_000 + "]" * 100_000 + "}"
    bad, good = records(tmp_path / "a.jsonl", f'{deep}\n{{"a": 1}}\n')
    assert isinstance(bad, DataError)
    assert good[1] == {"a": 1}


def test_a_table_keeps_newlines_in_cells_and_names_the_line_of_a_row(tmp_path):
    found = records(tmp_path / "a.csv", 'q,a\n"two\nlines",x\nshort\nlast,y\n')
    assert found[0] == (f"{tmp_path / 'a.csv'}:2", {"q": "two\nlines", "a": "x"})
    assert "a.csv:4: 1 cell, but the header has 2 columns" in str(found[1])
    assert found[2][1] == {"q": "last", "a": "y"}


def test_a_value_that_is_no_object_is_an_error_of_its_row(tmp_path):
    found = records(tmp_path / "a.jsonl", '{"a": 1}\n[1]\n"x"\n')
    assert [isinstance(row, DataError) for row in found] == [False, True, True]


@given(st.binary(max_size=200))
def test_whatever_a_file_holds_is_answered_with_records_or_data_errors(content):
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for name in ("x.jsonl", "x.json", "x.csv", "x.txt"):
            file = Path(folder) / name
            file.write_bytes(content)
            try:
                for row in read_records(file):
                    assert isinstance(row, DataError | Notice | tuple)
            except DataError as error:
                assert name in str(error)


def test_half_a_character_is_an_error_of_its_row(tmp_path):
    bad, good = records(tmp_path / "a.jsonl", '{"a": "\\ud83d"}\n{"a": "\\ud83d\\ude00"}\n')
    assert "a.jsonl:1: an escape like" in str(bad)
    assert good[1] == {"a": "😀"}


def test_a_large_cell_ends_no_table(tmp_path):
    large = "x" * 200_000
    found = records(tmp_path / "a.csv", f"q,a\n{large},1\nlast,2\n")
    assert [row[1]["a"] for row in found] == ["1", "2"]


def test_records_of_one_line_are_told_apart_by_their_number(tmp_path):
    found = records(tmp_path / "a.json", '[{"a": 1}, {"a": 2},\n{"a": 3}]')
    assert [o.rpartition(":")[2] for o, _ in found] == ["1", "1#2", "2"]
