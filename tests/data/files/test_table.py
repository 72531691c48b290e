from __future__ import annotations

from pathlib import Path

import pytest

from tunesmith.core.errors import DataError
from tunesmith.data.files.formula import escaped, unescaped
from tunesmith.data.records import Notice, read_records, write_records


def rows(path: Path, content: str) -> list:
    path.write_bytes(content.encode())
    return list(read_records(path))


@pytest.mark.parametrize(("mark", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_another_delimiter_than_the_name_says_is_told_once(tmp_path, mark, word):
    notice, found = rows(tmp_path / "a.csv", f'dialog{mark}"a, b"\n1, 2{mark}3\n')
    assert isinstance(notice, Notice)
    assert f"named .csv, but its columns are parted by {word}" in notice.text
    assert found[1] == {"dialog": "1, 2", "a, b": "3"}


def test_commas_in_a_tsv_are_told_and_tabs_are_not(tmp_path):
    notice, _ = rows(tmp_path / "a.tsv", "q,a\n1,2\n")
    assert "parted by commas" in notice.text
    [found] = rows(tmp_path / "b.tsv", "q\ta\n1,1\t2\n")
    assert found[1] == {"q": "1,1", "a": "2"}


def test_a_nameless_first_column_is_the_index_that_pandas_writes(tmp_path):
    [found] = rows(tmp_path / "a.csv", ",dialog,summary\n0,x,y\n")
    assert found[1] == {"": "0", "dialog": "x", "summary": "y"}


@pytest.mark.parametrize(
    ("header", "told"),
    [
        ("q,a,q", r"a\.csv:1: two columns are called 'q'"),
        ("q, q", r"a\.csv:1: two columns are called 'q'"),
        ("q,,a", r"a\.csv:1: column 2 of the header has no name"),
        ("q,a,", r"a\.csv:1: column 3 of the header has no name"),
        ('"q,a', r"a\.csv:1: broken header: a quoted cell that begins in it is not closed"),
        ('\n\n"q"x,a', r"a\.csv:3: broken header: a quote within a quoted cell is not doubled"),
    ],
)
@pytest.mark.parametrize("body", ["", "\n1,2,3\n"])
def test_a_broken_header_is_refused_with_the_reason(tmp_path, header, told, body):
    if header.startswith('"') and body:
        body = "\n1,2,3\n"
    with pytest.raises(DataError, match=told):
        rows(tmp_path / "a.csv", header + body)


def test_rows_with_too_few_or_too_many_cells_are_errors_of_their_own(tmp_path):
    few, many, good = rows(tmp_path / "a.csv", "q,a\n1\n1,2,3\n5,6\n")
    assert "a.csv:2: 1 cell, but the header has 2 columns" in str(few)
    assert "a.csv:3: 3 cells, but the header has 2 columns" in str(many)
    assert good[1] == {"q": "5", "a": "6"}


def test_a_quoted_cell_that_is_never_closed_is_told_with_its_line(tmp_path):
    good, bad = rows(tmp_path / "a.csv", 'q,a\n1,2\n3,"four\n5,6\n')
    assert good[1] == {"q": "1", "a": "2"}
    assert "a.csv:3: broken row: a quoted cell that begins in it is not closed" in str(bad)


def test_case_42_cells_with_newlines_quotes_and_formulas_come_back(tmp_path):
    cells = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "''-1", "'x", "x=1", 'a "b"', "a\r\nb"]
    records = [{"q": cell, "a": f"{cell},\n{cell}"} for cell in cells]
    for suffix in (".csv", ".tsv"):
        write_records(tmp_path / f"a{suffix}", records)
        assert [r for _, r in read_records(tmp_path / f"a{suffix}")] == records


def test_case_42_a_formula_is_escaped_in_the_file(tmp_path):
    write_records(tmp_path / "a.csv", [{"q": "=1+1", "a": "1"}])
    assert (tmp_path / "a.csv").read_bytes() == b"q,a\r\n'=1+1,1\n"


@pytest.mark.parametrize("content", ["q,a\n'=1+1,x\n", "q,a\r\n'=1+1,x\r\n", "q,a\r\n'=1+1,x"])
def test_case_42_an_apostrophe_in_a_table_of_someone_else_is_text(tmp_path, content):
    [found] = rows(tmp_path / "a.csv", content)
    assert found[1] == {"q": "'=1+1", "a": "x"}


@pytest.mark.parametrize("cell", ["", "x", "=", "'=", "''=", "'", "''", "'x", "\t", "-5"])
def test_case_42_an_escape_is_taken_away_exactly(cell):
    assert unescaped(escaped(cell)) == cell


def test_a_lone_carriage_return_is_kept_in_quotes_and_refused_without(tmp_path):
    good, bad, last = rows(tmp_path / "a.csv", 'q,a\n"x\ry",1\nx\ry,2\n3,4\n')
    assert good[1]["q"] == "x\ry"
    assert "a.csv:3: broken row: a carriage return stands in a cell without quotes" in str(bad)
    assert last[1] == {"q": "3", "a": "4"}
