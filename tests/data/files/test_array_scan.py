from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from tunesmith.data.files.array_scan import ArrayScan
from tunesmith.data.files.json_array import read_array

VALUES = st.recursive(
    st.none() | st.integers() | st.text(st.sampled_from('"\\{}[],:a\n\u2028😀')),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=10,
)
ARRAYS = st.lists(st.dictionaries(st.text(max_size=3), VALUES, max_size=4), max_size=6)


def portions(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@settings(deadline=None)
@given(ARRAYS, st.sampled_from([None, 0, 2]), st.integers(1, 40), st.booleans())
def test_an_array_is_cut_as_json_parses_it_wherever_portions_end(array, indent, size, ascii_only):
    data = json.dumps(array, indent=indent, ensure_ascii=ascii_only).encode()
    found = list(read_array("x", portions(data, size)))
    assert [record for _, record in found] == array


@settings(deadline=None)
@given(ARRAYS)
def test_a_record_is_placed_at_the_line_it_starts_on(array):
    data = "[\n" + ",\n".join(json.dumps(record, indent=1) for record in array) + "\n]"
    lines, line = [], 2
    for record in array:
        lines.append(f"x:{line}")
        line += json.dumps(record, indent=1).count("\n") + 1
    assert [origin for origin, _ in read_array("x", [data.encode()])] == lines


@settings(deadline=None)
@given(st.integers(0, 9), st.integers(1, 12))
def test_a_quote_is_escaped_by_an_odd_number_of_backslashes(n_backslashes, size):
    data = b'["' + b"\\" * n_backslashes + b'", 1, 2]'
    scan, offset, cuts = ArrayScan(), 0, []
    for portion in portions(data, size):
        cuts += [offset + cut for cut in scan.cuts(portion)]
        offset += len(portion)
    in_string = n_backslashes % 2 == 1
    assert bytes(data[cut] for cut in cuts) == (b"[" if in_string else b"[,,]")
