from __future__ import annotations

import datetime
import decimal
import gzip
from pathlib import Path

import pytest

from tunesmith.core.errors import DataError
from tunesmith.data.read import read_rows
from tunesmith.data.records import read_records
from tunesmith.data.settings import Data

pa = pytest.importorskip("pyarrow", reason="the extra 'files' is not installed")
pq = pytest.importorskip("pyarrow.parquet")


def write(path: Path, table) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(table, path, row_group_size=700)
    elif path.name == "stream.arrow":
        with pa.ipc.new_stream(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=700)
    else:
        with pa.ipc.new_file(path, table.schema) as writer:
            writer.write_table(table, max_chunksize=700)
    return path


KINDS = ["a.parquet", "file.arrow", "stream.arrow"]


@pytest.mark.parametrize("name", KINDS)
def test_rows_are_read_in_order_and_placed_by_their_number(tmp_path, name):
    records = [{"q": f"{n} é😀\n", "n": n, "t": [{"role": "user", "x": None}]} for n in range(2500)]
    file = write(tmp_path / name, pa.Table.from_pylist(records))
    found = list(read_records(file))
    assert [record for _, record in found] == records
    assert [origin for origin, _ in found][:2] == [f"{file}:1", f"{file}:2"]
    assert found[-1][0] == f"{file}:2500"


@pytest.mark.parametrize("name", KINDS)
def test_a_packed_one_is_read_too(tmp_path, name):
    file = write(tmp_path / name, pa.table({"q": ["x"]}))
    packed = tmp_path / f"{name}.gz"
    packed.write_bytes(gzip.compress(file.read_bytes()))
    assert [record for _, record in read_records(packed)] == [{"q": "x"}]


def test_dates_and_times_become_text(tmp_path):
    moment = datetime.datetime(2024, 5, 1, 12, 30)
    table = pa.table(
        {
            "date": pa.array([moment.date()]),
            "second": pa.array([moment], pa.timestamp("s")),
            "zone": pa.array([moment], pa.timestamp("s", "UTC")),
            "inside": pa.array(
                [[{"at": moment}]], pa.list_(pa.struct([("at", pa.timestamp("s"))]))
            ),
        }
    )
    [(_, found)] = read_records(write(tmp_path / "file.arrow", table))
    assert found == {
        "date": "2024-05-01",
        "second": "2024-05-01 12:30:00",
        "zone": "2024-05-01 12:30:00Z",
        "inside": [{"at": "2024-05-01 12:30:00"}],
    }


def test_a_column_of_categories_is_read_as_its_texts(tmp_path):
    table = pa.table({"q": pa.array(["x", None, "x"]).dictionary_encode()})
    found = list(read_records(write(tmp_path / "a.parquet", table)))
    assert [record["q"] for _, record in found] == ["x", None, "x"]


@pytest.mark.parametrize(
    ("column", "told"),
    [
        (pa.array([b"\x89PNG"]), r"column 'c' holds binary"),
        (pa.array([{"bytes": b"x", "path": "y"}]), r"column 'c\.bytes' holds binary"),
        (pa.array([[decimal.Decimal("1.5")]]), r"column 'c\[\]' holds decimal128\(2, 1\)"),
        (pa.array([datetime.timedelta(1)]), r"column 'c' holds duration\[us\]"),
        (pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int64())), r"column 'c' holds map<"),
    ],
)
@pytest.mark.parametrize("name", KINDS)
def test_case_43_a_type_that_is_not_taken_is_named_with_its_column(tmp_path, name, column, told):
    file = write(tmp_path / name, pa.table({"q": ["x"], "c": column}))
    with pytest.raises(DataError, match=told):
        list(read_records(file))


def test_case_43_a_number_that_is_not_finite_is_an_error_of_its_row(tmp_path):
    table = pa.table({"q": ["x", "y", "z"], "n": [[1.0], [float("nan")], [2.0]]})
    first, bad, last = read_records(write(tmp_path / "a.parquet", table))
    assert "a.parquet:2: 'n' holds a number that is not finite" in str(bad)
    assert (first[1]["n"], last[1]["n"]) == ([1.0], [2.0])


def test_case_43_two_columns_of_one_name_are_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array(["x"]), pa.array(["y"])], names=["q", "q"])
    with pytest.raises(DataError, match="two columns are called 'q'"):
        list(read_records(write(tmp_path / "file.arrow", table)))


@pytest.mark.parametrize("name", KINDS)
def test_case_41_no_rows_are_refused_as_an_empty_file(tmp_path, name):
    file = write(tmp_path / name, pa.table({"q": pa.array([], pa.string())}))
    with pytest.raises(DataError, match="holds no record"):
        list(read_rows(Data(path=str(file))))


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("content", [b"", b"PAR1", b"not what the name says", b"\0" * 100])
def test_a_damaged_file_is_told(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(DataError, match="is damaged or not what its name says"):
        list(read_records(tmp_path / name))
