"""Charts of a slide: made tables, which markitdown reads to the letter.

Its own table of a chart (0.1.8) lacks the line end, so that the text behind it is lost as one cell
too many, and it leaves out the points of scatter charts in silence.
"""

from __future__ import annotations

from typing import Any

from tunesmith.synthesize.documents.cell_format import shown


def make_table(shapes: Any, shape: Any) -> bool:
    """Puts a table in the place of a chart, with its title above.

    Args:
        shapes: of the slide; None for a chart in a group, where no table can stand.
        shape: the chart.

    Returns:
        Whether there is a table now; the chart is taken out in any case.
    """
    title, rows = _content(shape)
    place = (shape.left, shape.top, shape.width, shape.height)
    shape.element.getparent().remove(shape.element)
    if not rows or shapes is None:
        return False
    if title:
        shapes.add_textbox(*place).text_frame.text = title
    table = shapes.add_table(len(rows), len(rows[0]), *place).table
    for row, cells in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, cells, strict=True):
            cell.text = text
    return True


def _content(shape: Any) -> tuple[str, list[list[str]]]:
    """Title and rows: each category with the value of each series; no rows for other charts."""
    try:
        chart = shape.chart
        title = chart.chart_title.text_frame.text if _has_title(chart) else ""
        names = [str(category.label) for category in chart.plots[0].categories]
        columns = [[shown(v, "General") for v in series.values] for series in chart.series]
        heads = ["", *(series.name or "" for series in chart.series)]
    except (ValueError, KeyError, AttributeError, IndexError):
        return "", []  # a kind of chart that python-pptx does not know
    if not names or not columns or any(len(column) > len(names) for column in columns):
        return "", []
    return title, [heads] + [
        [name, *(column[n] if n < len(column) else "" for column in columns)]
        for n, name in enumerate(names)
    ]


def _has_title(chart: Any) -> bool:
    return chart.has_title and chart.chart_title.has_text_frame
