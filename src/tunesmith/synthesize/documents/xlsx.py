"""xlsx: sheets with their names as headings and cells as the sheet shows them, by openpyxl.

Not by markitdown 0.1.8, which reads cells through pandas: ``NA`` becomes ``NaN``, 7 beside an empty
cell ``7.0``, 12.5% ``0.125``, a second column ``Code`` ``Code.1``, and a cell with ``|`` two cells.
"""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Iterable
from itertools import chain
from typing import Any

from tunesmith.synthesize.documents.cell_format import shown
from tunesmith.synthesize.documents.container import Container
from tunesmith.synthesize.documents.converted import library
from tunesmith.synthesize.documents.limits import Limits
from tunesmith.synthesize.documents.writer import Writer

WHAT = "a spreadsheet (xlsx)"
FORMULA = re.compile(
    rb"<c\b([^>]*)>\s*(?:<f\b[^>]*/>|<f\b[^>]*>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>"
)
"""A cell with a formula and without what it came to."""
COUNTED = {
    re.compile(r"xl/media/.+"): "pictures",
    re.compile(r"xl/charts/chart[^/]*\.xml"): "charts",
    re.compile(r"xl/embeddings/.+"): "embedded objects",
}
"""Members that are not read -> what they are."""


def read(data: bytes, writer: Writer, limits: Limits) -> None:
    """Reads a spreadsheet.

    Raises:
        Refusal: the container is not sound, or openpyxl is not installed.
    """
    container = Container(data, limits)
    container.refuse_declarations()
    openpyxl = library("openpyxl", WHAT)
    _count(container, writer)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of what it would not write again
        book = openpyxl.load_workbook(io.BytesIO(data), read_only=True, data_only=True)
        for sheet in book.worksheets:
            if sheet.sheet_state != "visible":
                writer.left_out["hidden sheets"] += 1
                continue
            sheet.reset_dimensions()  # what files say of it is often wrong, and at times millions
            _sheet(sheet, writer)


def _sheet(sheet: Any, writer: Writer) -> None:
    """A sheet's rows; an empty row ends a table."""
    is_named = False
    rows: list[list[str]] = []
    for cells in chain(sheet.iter_rows(), [()]):
        row = [shown(cell.value, cell.number_format or "") for cell in cells]
        if any(map(str.strip, row)):
            rows.append(row)
            continue
        if rows and not is_named:
            writer.add("heading", sheet.title, level=1)
            is_named = True
        _table(rows, writer)
        rows = []


def _table(rows: list[list[str]], writer: Writer) -> None:
    """Rows without the columns that are empty in all of them; a single column is running text."""
    filled = {n for row in rows for n, cell in enumerate(row) if cell.strip()}
    if len(filled) < 2:
        for row in rows:
            writer.add("paragraph", _joined(row))
        return
    table, columns = writer.new_table(), sorted(filled)
    for place, row in enumerate(rows):
        cells = [row[n] if n < len(row) else "" for n in columns]
        writer.row(cells, table, is_header=place == 0 and len(rows) > 1)


def _joined(cells: Iterable[str]) -> str:
    return " ".join(filter(None, cells))


def _count(container: Container, writer: Writer) -> None:
    """Counts what is not read."""
    for name in container.names:
        for pattern, what in COUNTED.items():
            writer.left_out[what] += pattern.fullmatch(name) is not None
        if re.fullmatch(r"xl/(comments|threadedComments/).*\.xml", name):
            found = re.findall(rb"<(?:\w+:)?(?:comment|threadedComment)\s", container.read(name))
            writer.left_out["comments"] += len(found)
        if re.fullmatch(r"xl/worksheets/[^/]*\.xml", name):
            formulas = FORMULA.findall(container.read(name))
            writer.left_out["formulas without a value"] += sum(
                b't="str"' not in attributes for attributes in formulas
            )
