"""What a sheet shows of a number or a date, by its format."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tunesmith.synthesize.documents.cell_format import shown

NOON = datetime(2024, 1, 5, 13, 7, 9)


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (7, "General", "7"),
        (7.0, "General", "7"),
        (0.1 + 0.2, "General", "0.3"),
        (1e20, "General", "1e+20"),
        (-2.5, "General", "-2.5"),
        (7, "0.00", "7.00"),
        (2.675, "0.00", "2.68"),
        (0.5, "0", "1"),
        (7, "000", "007"),
        (0.125, "0.0%", "12.5%"),
        (0.125, "0%", "13%"),
        (1234567.891, "#,##0", "1,234,568"),
        (123, "#,##0", "123"),
        (-1234.5, "#,##0.00", "-1,234.50"),
        (-1234.5, "#,##0.00_);(#,##0.00)", "(1,234.50)"),
        (-1234.5, "#,##0.00_);[Red]\\(#,##0.00\\)", "(1,234.50)"),
        (0, '#,##0;-#,##0;"-"', "-"),
        (1234, '_("$"* #,##0_);_("$"* (#,##0)', "$1,234"),
        (1234.5, "#,##0.00 [$€-407]", "1,234.50 €"),
        (9.5, '0.0" kg"', "9.5 kg"),
        (2500000, '0.0,,"M"', "2.5M"),
        (12345, "0.00E+00", "1.23E+04"),
        (0.00012, "0.0E-0", "1.2E-4"),
        (0.5, "#.##", ".5"),
        (1.5, "0.0##", "1.5"),
        (0.25, "# ?/?", "0.25"),
        (123456789, "000-00-0000", "123456789"),
        (5, ";;;", "5"),
        (150, '[>100]"many";"few"', "150"),
        (-0.001, "0.0", "0.0"),
        (True, "General", "TRUE"),
        (None, "0", ""),
        ("NA", "0.00", "NA"),
        (NOON, "yyyy-mm-dd h:mm:ss", "2024-01-05 13:07:09"),
        (NOON, "mm-dd-yy", "2024-01-05 13:07:09"),
        (datetime(2024, 1, 5), "mm-dd-yy", "2024-01-05"),
        (date(2024, 1, 5), "d mmmm yyyy", "5 January 2024"),
        (NOON, "ddd dd/mm/yy", "Fri 05/01/24"),
        (NOON, "h:mm AM/PM", "1:07 PM"),
        (NOON, "mm:ss", "07:09"),
        (NOON, 'yyyy"年"m"月"d"日"', "2024年1月5日"),
        (NOON, "[$-407]d. mmmm yyyy", "2024-01-05 13:07:09"),
        (NOON, "[$-409]mmm yy;@", "Jan 24"),
        (time(9, 5), "hh:mm", "09:05"),
        (timedelta(hours=30, minutes=5), "[h]:mm", "30:05"),
        (timedelta(minutes=2), "0.0", "0:02:00"),
    ],
)
def test_a_cell_is_read_as_the_sheet_shows_it(value, code, text):
    assert shown(value, code) == text


@given(
    st.one_of(st.floats(), st.integers(), st.datetimes(), st.dates(), st.times()),
    st.text("0#?,.%;_*\\\"$[]-()eE+ ymdhsAP/'GenrlRd@年", max_size=20),
)
def test_no_value_is_lost_and_no_format_breaks_it(value, code):
    text = shown(value, code)
    assert isinstance(text, str) and text
