from __future__ import annotations

import re
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
    good, bad, next_one = rows(tmp_path / "a.csv", 'q,a\n1,2\n3,"four\n5,6\n')
    assert good[1] == {"q": "1", "a": "2"}
    assert "a.csv:3: broken row: a quoted cell that begins in it is not closed" in str(bad)
    assert next_one == (f"{tmp_path / 'a.csv'}:4", {"q": "5", "a": "6"})


def test_an_unclosed_quote_takes_no_sound_row_with_it(tmp_path):
    lines = [f"{n},answer {n}" for n in range(1000)]
    lines[3] = '3,"answer'
    lines[500] = '500,"two\nlines"'
    bad, *good = sorted(rows(tmp_path / "a.csv", "\n".join(["q,a", *lines])), key=_is_record)
    assert "a.csv:5: broken row: a quote within a quoted cell is not doubled" in str(bad)
    assert "lines" not in str(bad)
    assert [r["q"] for _, r in good] == [str(n) for n in range(1000) if n != 3]
    assert good[499][1]["a"] == "two\nlines"


def test_lines_that_are_no_rows_by_themselves_are_counted_with_the_broken_one(tmp_path):
    content = 'q,a\n1,"two\nthree\nfour\n5,6\n'
    bad, good = rows(tmp_path / "a.csv", content)
    assert str(bad).endswith("before the file ends; 3 lines are left out with it.")
    assert good == (f"{tmp_path / 'a.csv'}:5", {"q": "5", "a": "6"})


def test_a_row_of_several_lines_with_too_many_cells_tells_how_many_lines(tmp_path):
    bad, good = rows(tmp_path / "a.csv", 'q,a\n1,"two\nthree",4\n5,6\n')
    assert str(bad).endswith("3 cells, but the header has 2 columns; 2 lines are left out with it.")
    assert good[1] == {"q": "5", "a": "6"}


def test_bad_bytes_behind_an_unclosed_quote_are_told_of_their_own_row(tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes(b'q,a\n1,"two\n3,\xff\n5,6\n')
    unclosed, bad, good = read_records(path)
    assert "a.csv:2: broken row" in str(unclosed)
    assert "a.csv:3: byte 0xff at offset 2 of line 3" in str(bad)
    assert good == (f"{path}:4", {"q": "5", "a": "6"})


def test_a_table_of_odd_quotes_is_read_in_bounded_time_and_counted(tmp_path):
    """Each second line opens a cell that none behind it closes."""
    bad = rows(tmp_path / "a.csv", "q,a\n" + '1,2\nx","y\n' * 20_000)
    n_told = [int(m[1]) for e in bad if (m := re.search(r"(\d+) lines are left", str(e)))]
    n_one = sum(not re.search(r"lines are left", str(e)) for e in bad)
    assert sum(n_told) + n_one == 40_000
    assert n_told[-1] > 30_000


def _is_record(item: object) -> bool:
    return isinstance(item, tuple)


def test_case_42_cells_with_newlines_quotes_and_formulas_come_back(tmp_path):
    cells = ["=1+1", "+1", "-1", "@x", "\tx", "\rx", "'=1", "''-1", "'x", "x=1", 'a "b"', "a\r\nb"]
    records = [{"q": cell, "a": f"{cell},\n{cell}"} for cell in cells]
    for suffix in (".csv", ".tsv"):
        write_records(tmp_path / f"a{suffix}", records)
        assert [r for _, r in read_records(tmp_path / f"a{suffix}")] == records


def test_case_42_a_formula_is_escaped_in_the_file(tmp_path):
    write_records(tmp_path / "a.csv", [{"q": "=1+1", "a": "1"}])
    assert (tmp_path / "a.csv").read_bytes() == b'"q","a"\r\n\'=1+1,1\n'


@pytest.mark.parametrize(
    "content",
    [
        "q,a\n'=1+1,x\n",
        "q,a\r\n'=1+1,x\r\n",
        "q,a\r\n'=1+1,x",
        "q,a\r\n'=1+1,x\n",
        '"q","a"\n\'=1+1,x\n',
        '"q","a"\r\n"\'=1+1","x"\r\n',
    ],
)
def test_case_42_an_apostrophe_in_a_table_of_someone_else_is_text(tmp_path, content):
    found, notice = rows(tmp_path / "a.csv", content)
    assert found[1] == {"q": "'=1+1", "a": "x"}
    assert "1 cell begins with an apostrophe before a formula, and the apostrophe is" in notice.text


def test_case_42_a_table_that_a_spreadsheet_saved_anew_tells_its_apostrophes(tmp_path):
    path = tmp_path / "a.csv"
    write_records(path, [{"q": "=1+1", "a": "x"}, {"q": "'tis", "a": "-1"}])
    path.write_bytes(path.read_bytes().replace(b"\r\n", b"\n").replace(b"\n", b"\r\n"))
    *found, notice = read_records(path)
    assert [r for _, r in found] == [{"q": "'=1+1", "a": "x"}, {"q": "'tis", "a": "'-1"}]
    assert "2 cells begin with an apostrophe" in notice.text


@pytest.mark.parametrize("cell", ["", "x", "=", "'=", "''=", "'", "''", "'x", "\t", "-5"])
def test_case_42_an_escape_is_taken_away_exactly(cell):
    assert unescaped(escaped(cell)) == cell


def test_a_lone_carriage_return_is_kept_in_quotes_and_refused_without(tmp_path):
    good, bad, last = rows(tmp_path / "a.csv", 'q,a\n"x\ry",1\nx\ry,2\n3,4\n')
    assert good[1]["q"] == "x\ry"
    assert "a.csv:3: broken row: a carriage return stands in a cell without quotes" in str(bad)
    assert last[1] == {"q": "3", "a": "4"}
