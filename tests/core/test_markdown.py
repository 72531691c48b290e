"""Tables of Markdown in which any text can stand."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from tunesmith.core.markdown import markdown_table


def test_a_bar_or_a_line_end_in_a_cell_ends_nothing():
    assert markdown_table(["a|b", "c"], [["one\ntwo", "|"]]) == [
        "| a\\|b | c |",
        "| --- | --- |",
        "| one two | \\| |",
    ]


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_cells_make_one_line_with_as_many_bars(cells):
    header, below, row = markdown_table(cells, [cells])
    assert header == row and "\n" not in row
    assert len(re.findall(r"(?<!\\)\|", row)) == len(re.findall(r"\|", below)) == len(cells) + 1
