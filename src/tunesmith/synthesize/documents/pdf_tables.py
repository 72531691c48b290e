"""Tables of a PDF page: found by their ruled lines, with columns that are open at a side."""

from __future__ import annotations

from typing import Any

from tunesmith.synthesize.documents.pdf_lines import SAME_WORD
from tunesmith.synthesize.documents.pdf_paragraphs import join
from tunesmith.synthesize.documents.writer import Writer, side_by_side

LEAST_COLUMNS = 2
MOST_RULES = 5000
"""Lines on a page; a drawing has more, and looking for tables in it takes very long."""
SETTINGS = {"text_x_tolerance_ratio": SAME_WORD}


def tables_of(page: Any, left_out: Any) -> list[tuple[tuple[float, ...], list[list[str]]]]:
    """Each table of a page: left, top, right and bottom edge, and its cells row by row."""
    if not (page.lines or page.rects or page.curves):
        return []
    if len(page.edges) > MOST_RULES:
        left_out["pages with drawings that were not searched for tables"] += 1
        return []
    found: list[tuple[tuple[float, ...], list[list[str]]]] = []
    for table in page.find_tables(SETTINGS):
        table, cells = _best(page, table)
        n_columns = max(map(len, cells), default=0)
        n_filled = sum(any(cell.strip() for cell in row) for row in cells)
        if n_columns < LEAST_COLUMNS or n_filled < 2:
            continue
        if _letters("".join(map("".join, cells))) < _letters(_inside(page, table.bbox)):
            left_out["tables read as lines, for their cells would lose letters"] += 1
        else:
            found.append((table.bbox, cells))
    return found


def _best(page: Any, table: Any) -> tuple[Any, list[list[str]]]:
    """A table with its cells, also those at sides that no upright line closes."""
    x0, top, x1, bottom = table.bbox
    rules = [
        edge
        for edge in page.horizontal_edges
        if top - 2 <= edge["top"] <= bottom + 2 and edge["x1"] > x0 and edge["x0"] < x1
    ]
    left = min([x0, *(edge["x0"] for edge in rules)])
    right = max([x1, *(edge["x1"] for edge in rules)])
    px0, ptop, px1, pbottom = page.bbox
    area = (max(px0, left - 1), max(ptop, top - 1), min(px1, right + 1), min(pbottom, bottom + 1))
    closed = page.crop(area, strict=False).find_tables(
        {**SETTINGS, "explicit_vertical_lines": [left, right]}
    )
    candidates = [(t, _cells(t)) for t in (table, *closed)]
    return max(candidates, key=lambda found: _letters("".join(map("".join, found[1]))))


def _cells(table: Any) -> list[list[str]]:
    return [[cell or "" for cell in row] for row in table.extract(x_tolerance_ratio=SAME_WORD)]


def _inside(page: Any, box: tuple[float, ...]) -> str:
    x0, top, x1, bottom = box
    return "".join(
        char["text"]
        for char in page.chars
        if x0 <= (char["x0"] + char["x1"]) / 2 <= x1
        and top <= (char["top"] + char["bottom"]) / 2 <= bottom
    )


def _letters(text: str) -> int:
    return len("".join(text.split()))


def write_table(cells: list[list[str]], writer: Writer, page: int) -> None:
    """Adds the rows of a table; a row that holds several, line beside line, becomes several."""
    table = writer.new_table()
    for place, row in enumerate(cells):
        is_header = place == 0
        for texts in [row] if is_header else side_by_side(row):
            lines = [join([line.strip() for line in text.split("\n")]) for text in texts]
            writer.row(lines, table, is_header=is_header, page=page)
