from __future__ import annotations

import gzip
import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.errors import DataError
from tunesmith.data.files.json_record import parse_record
from tunesmith.data.load import load_examples
from tunesmith.data.read import read_rows
from tunesmith.data.records import Notice, read_records
from tunesmith.data.settings import Data


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


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be-bom"])
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", '{"q": "é 😀", "a": "x"}\r\n\r\n{"q": "2", "a": "y"}\r\n'),
        ("a.json", '[{"q": "é 😀", "a": "x"},\r\n{"q": "2", "a": "y"}]'),
        ("a.csv", "q,a\r\né 😀,x\r\n2,y\r\n"),
        ("a.tsv", "q\ta\r\né 😀\tx\r\n2\ty\r\n"),
        ("a.jsonl.gz", '{"q": "é 😀", "a": "x"}\n{"q": "2", "a": "y"}\n'),
    ],
)
def test_case_29_marks_of_utf8_and_utf16_and_crlf_are_accepted(tmp_path, name, content, encoding):
    if encoding == "utf-16-be-bom":
        data = b"\xfe\xff" + content.encode("utf-16-be")
    else:
        data = content.encode(encoding)
    found = records(tmp_path / name, gzip.compress(data) if name.endswith(".gz") else data)
    assert [r for _, r in found] == [{"q": "é 😀", "a": "x"}, {"q": "2", "a": "y"}]


def test_case_29_a_text_keeps_its_line_ends_and_loses_its_mark(tmp_path):
    [(_, found)] = records(tmp_path / "a.txt", "one\r\ntwo".encode("utf-16"))
    assert found == {"text": "one\r\ntwo"}


def test_case_29_a_bad_byte_is_told_with_line_and_offset(tmp_path):
    good, bad = records(tmp_path / "a.jsonl", b'{"a": 1}\n{"a": "\xff"}\n')
    assert good[1] == {"a": 1}
    assert "a.jsonl:2: byte 0xff at offset 7 of the record is not UTF-8" in str(bad)
    good, bad, last = records(tmp_path / "a.csv", b"q,a\n1,2\nx,\xe9\n3,4\n")
    assert "a.csv:3: byte 0xe9 at offset 2 of line 3 is not UTF-8" in str(bad)
    assert last[1] == {"q": "3", "a": "4"}
    with pytest.raises(DataError, match=r"a\.txt:2: byte 0xff at offset 9 is not utf-8"):
        records(tmp_path / "a.txt", b"fine\nnot \xff fine")


def test_case_29_half_a_utf16_character_is_told_with_line_and_offset(tmp_path):
    data = b"\xff\xfe" + '{"a": 1}\n{"a": "'.encode("utf-16-le") + b"\x00\xd8" + b"x\x00"
    with pytest.raises(DataError, match=r"a\.jsonl:2: byte 0x00 at offset 34 is not utf-16-le"):
        records(tmp_path / "a.jsonl", data)


def test_case_29_half_a_utf16_character_far_into_a_file_is_told_with_its_offset(tmp_path):
    n_lines = 40_000  # more than are read at a time
    data = ('{"a": 1}\n' * n_lines).encode("utf-16") + b"\x00\xd8" + b"x\x00"
    place = rf"a\.jsonl:{n_lines + 1}: byte 0x00 at offset {2 + 18 * n_lines} is not utf-16-le"
    with pytest.raises(DataError, match=place):
        records(tmp_path / "a.jsonl", data)


def test_case_29_utf32_is_refused_by_name(tmp_path):
    with pytest.raises(DataError, match="is UTF-32"):
        records(tmp_path / "a.jsonl", '{"a": 1}'.encode("utf-32"))


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.jsonl", '[{"a": 1},\n{"a": 2}]', "named .jsonl, but holds one JSON array"),
        ("a.jsonl", '[\n {"a": 1},\n {"a": 2}\n]\n', "named .jsonl, but holds one JSON array"),
        ("a.jsonl", '[{"a": 1}\n,{"a": 2}]', "named .jsonl, but holds one JSON array"),
        ("a.ndjson", '\n [{"a": 1}, {"a": 2}]', "named .ndjson, but holds one JSON array"),
        ("a.json", '{"a": 1}\n{"a": 2}\n', "named .json, but holds one JSON object per line"),
        ("a.json", '\n{"a": 1}\r\n\r\n{"a": 2}', "named .json, but holds one JSON object per"),
    ],
)
def test_case_30_an_array_named_jsonl_and_the_reverse_give_one_notice(
    tmp_path, name, content, told
):
    notice, *found = records(tmp_path / name, content)
    assert isinstance(notice, Notice)
    assert told in notice.text
    assert [r for _, r in found] == [{"a": 1}, {"a": 2}]


def test_case_30_a_first_line_that_is_broken_changes_nothing(tmp_path):
    bad, good = records(tmp_path / "a.jsonl", '["a": 1}\n{"a": 2}\n')
    assert "a.jsonl:1: broken JSON" in str(bad)
    assert good[1] == {"a": 2}
    notice, bad, good = records(tmp_path / "a.json", '{"a": 1\n{"a": 2}\n')
    assert isinstance(notice, Notice)
    assert "a.json:1: broken JSON" in str(bad)
    assert good[1] == {"a": 2}


def test_case_30_one_object_over_several_lines_named_jsonl_is_one_record(tmp_path):
    notice, found = records(tmp_path / "a.jsonl", '{\n  "a": 1,\n  "b": [2]\n}\n')
    assert "holds one JSON object;" in notice.text
    assert found[1] == {"a": 1, "b": [2]}


def test_case_31_a_truncated_last_line_is_named(tmp_path):
    first, last = records(tmp_path / "a.jsonl", '{"a": 1}\n{"a": "tw')
    assert first[1] == {"a": 1}
    assert "a.jsonl:2: broken JSON: unexpected end of data" in str(last)


def test_case_31_a_truncated_array_is_named_and_what_came_before_is_read(tmp_path):
    first, last = records(tmp_path / "a.json", '[{"a": 1},\n{"a": 2')
    assert first[1] == {"a": 1}
    assert "a.json:2: broken JSON: the file ends before the array is closed" in str(last)


def test_case_31_a_nul_is_an_error_of_its_row(tmp_path):
    bad, good = records(tmp_path / "a.jsonl", b'{"a": "\0"}\n{"a": 2}\n')
    assert "a.jsonl:1: broken JSON: unexpected control character" in str(bad)
    assert good[1] == {"a": 2}
    bad, good = records(tmp_path / "a.csv", b"q,a\n1,\0\n3,4\n")
    assert "a.csv:2: line 2 holds a NUL byte" in str(bad)
    assert good[1] == {"q": "3", "a": "4"}
    with pytest.raises(DataError, match=r"a\.txt:2: holds a NUL byte"):
        records(tmp_path / "a.txt", b"one\ntwo\0")


def test_case_31_a_trailing_comma_is_an_error_with_its_line(tmp_path):
    first, bad, last = records(tmp_path / "a.jsonl", '{"a": 1}\n{"a": 2,}\n{"a": 3}')
    assert "a.jsonl:2: broken JSON: trailing comma is not allowed" in str(bad)
    assert (first[1], last[1]) == ({"a": 1}, {"a": 3})
    first, bad, last = records(tmp_path / "a.json", '[{"a": 1},\n{"a": 2,},\n{"a": 3}]')
    assert "a.json:2: broken JSON: trailing comma is not allowed" in str(bad)
    assert last[1] == {"a": 3}
    first, bad = records(tmp_path / "a.json", '[{"a": 1},\n]')
    assert "a.json:2: broken JSON: a comma with no record behind it" in str(bad)


@pytest.mark.parametrize("mark", ["\x85", "\u2028", "\u2029", "\x0b", "\x0c"])
def test_case_31_only_a_line_feed_ends_a_line(tmp_path, mark):
    text = f"one{mark}two"
    [(_, found)] = records(tmp_path / "a.csv", f"q\n{text}\n")
    assert found == {"q": text}
    [(_, found)] = records(tmp_path / "a.txt", text)
    assert found == {"text": text}
    if mark > "\x1f":  # the others are control characters, which JSON does not take as they are
        [(_, found)] = records(tmp_path / "a.jsonl", f'{{"a": "{text}"}}\n')
        assert found == {"a": text}
    [(_, found)] = records(tmp_path / "a.jsonl", json.dumps({"a": text}))
    assert found == {"a": text}


@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_case_34_a_record_of_10_mb_is_read(tmp_path, name):
    text = "x" * 10_000_000
    lines = [json.dumps({"a": text}), json.dumps({"a": "y"})]
    content = "\n".join(lines) if name == "a.jsonl" else f"[{','.join(lines)}]"
    found = records(tmp_path / name, content)
    assert [r["a"] for _, r in found] == [text, "y"]


@pytest.mark.parametrize("depth", [129, 10_000, 1_000_000])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_case_34_deep_nesting_is_an_error_of_its_row_alone(tmp_path, name, depth):
    lines = ['{"a": ' + "[" * depth + "]" * depth + "}", '{"a": 2}']
    content = "\n".join(lines) if name == "a.jsonl" else f"[{','.join(lines)}]"
    bad, good = records(tmp_path / name, content)
    assert str(bad).endswith(f"{name}:1: nested deeper than 128 levels.")
    assert good[1] == {"a": 2}


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize("name", ["a.jsonl", "a.json"])
def test_a_number_that_is_not_finite_is_an_error_of_its_row(tmp_path, name, number):
    lines = [f'{{"a": {number}}}', '{"a": 2}']
    content = "\n".join(lines) if name == "a.jsonl" else f"[{','.join(lines)}]"
    bad, good = records(tmp_path / name, content)
    assert re.search(r"a number at column [78] is not finite", str(bad))
    assert good[1] == {"a": 2}


@pytest.mark.parametrize(
    "record",
    [
        '{"a": 1, "a": 2}',
        '{"a": "x", "b": {"c": [{"d": 1, "d": 1}]}}',
        '{"a": "\\"\\\\", "a": "\\\\\\""}',
        '{"\\u0061" : "x", "a" : "y"}',
        '{"a": 1, "a": "x\\\\", "b": "y\\\\"}',
    ],
)
def test_a_key_that_stands_twice_is_an_error_of_its_row(tmp_path, record):
    bad, good = records(tmp_path / "a.jsonl", f'{record}\n{{"a": 2}}\n')
    assert "a.jsonl:1: the key" in str(bad)
    assert "stands twice in one object" in str(bad)
    assert good[1] == {"a": 2}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=20,
    )
)
def test_every_record_is_read_exactly_with_whole_numbers_of_any_size(value):
    record = {"a": value, "b": -(2**70), "c": 2**64 + 1}
    for text in (json.dumps(record), json.dumps(record, ensure_ascii=False, indent=1)):
        assert parse_record(text.encode(), "x") == ("x", record)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("a.jsonl", b""),
        ("a.jsonl", b"\xef\xbb\xbf \n\r\n\t\n"),
        ("a.json", b" \n "),
        ("a.json", b"[]"),
        ("a.json", b"[\n]\n"),
        ("a.csv", b""),
        ("a.csv", b"\n\n"),
        ("a.csv", b"q,a\n"),
        ("a.csv", b"q;a\n\n"),
        ("a.tsv", b"q\ta"),
        ("a.jsonl.gz", gzip.compress(b"", mtime=0)),
        ("a.csv.gz", gzip.compress(b"q,a\n", mtime=0)),
    ],
)
def test_case_41_an_empty_file_has_no_record_and_is_refused(tmp_path, name, content):
    found = records(tmp_path / name, content)
    assert all(isinstance(item, Notice) for item in found)
    with pytest.raises(DataError, match=rf"{name}: holds no record"):
        list(read_rows(Data(path=str(tmp_path / name))))


@pytest.mark.parametrize("content", [b"", b" \n\t", b"\xef\xbb\xbf"])
def test_case_41_a_blank_text_is_an_error_of_its_own(tmp_path, content):
    [bad] = records(tmp_path / "a.txt", content)
    assert str(bad).endswith("a.txt:1: a blank text. Fill it, or take it away.")
    with pytest.raises(DataError, match="no example to learn from; 1 records were rejected"):
        load_examples(Data(path=str(tmp_path / "a.txt"), bad_rows="reject"), seed=1)


def test_an_array_of_other_things_than_objects_is_one_error_each(tmp_path):
    found = records(tmp_path / "a.json", '[1, "x", [{"a": 1}, 2], null, {"a": 1}]')
    assert [isinstance(item, DataError) for item in found] == [True, True, True, True, False]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('[{"a": 1}] x', "more text behind the array"),
        ('[{"a": 1}}', "the array is closed by '}'"),
        ('[{"a": 1},, {"a": 2}]', "a comma too many"),
        ('[,{"a": 1}]', "a comma too many"),
        ('[{"a": 1} {"a": 2}]', "unexpected content after document"),
    ],
)
def test_an_array_that_is_broken_between_its_records_is_told(tmp_path, content, told):
    *_, last = records(tmp_path / "a.json", content)
    assert told in str(last)


@pytest.mark.parametrize("between", ["", "\n"])
def test_an_unclosed_text_in_an_array_ends_the_reading(tmp_path, between):
    """Else {}, which stands in a text, would be taken for a record."""
    found = records(tmp_path / "a.json", f'[{{"a": "x}},{between}{{"b":"}}, {{}}, {{"}}]')
    assert len(found) == 1
    n_lines = "2 lines" if between else "1 line"
    assert f"nothing from here on is read, {n_lines} in all" in str(found[0])


@pytest.mark.parametrize("end", ["", "\n"])
def test_how_many_lines_of_a_broken_array_are_not_read_is_told(tmp_path, end):
    lines = [f'{{"a": {n}}},' for n in range(100_000)]
    lines[10] += ","
    *good, last = records(tmp_path / "a.json", "[\n" + "\n".join(lines) + "\n]" + end)
    assert len(good) == 11
    assert "a.json:12#12: broken JSON: a comma too many" in str(last)
    assert "nothing from here on is read, 99991 lines in all. Mend the file." in str(last)


def test_lines_within_a_broken_element_are_counted(tmp_path):
    bad, good = records(tmp_path / "a.json", '[{"a": [\n{"b": 1},\n{"b": 2},\n]},\n{"a": 3}]')
    assert str(bad).endswith("4 lines are left out with it.")
    assert good[1] == {"a": 3}


def test_objects_by_id_on_one_line_are_records_too(tmp_path):
    found = records(tmp_path / "a.json", '{"x": {"a": 1}, "y: z": {"a": 2}}')
    assert [o.rpartition("a.json")[2] for o, _ in found] == [":x", ":#2"]


def test_an_unknown_kind_of_file_is_refused_with_the_known_ones(tmp_path):
    with pytest.raises(DataError, match=r"a\.docx: unknown kind of file\. Known: \.jsonl"):
        records(tmp_path / "a.docx", b"PK")
