from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tunesmith.data.files.lines import lines_of
from tunesmith.data.files.located import LARGEST_RECORD


@given(st.lists(st.binary(min_size=1, max_size=9).map(lambda b: b.replace(b"a", b"\n"))))
def test_lines_are_the_same_wherever_portions_end(blocks):
    data = b"".join(blocks)
    expected = [line + b"\n" for line in data.split(b"\n")]
    expected[-1] = expected[-1][:-1]
    assert list(lines_of(blocks)) == [line for line in expected if line]


def test_a_line_that_is_too_large_is_passed_over_and_counted():
    block = b"x" * 2**20
    blocks = [b"a\nb", *[block] * (LARGEST_RECORD // len(block)), b"\nc"]
    assert list(lines_of(blocks)) == [b"a\n", None, b"c"]
