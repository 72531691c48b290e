"""Markdown: tables in which any text can stand."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """A table's lines; a bar or the end of a line in a cell ends nothing.

    Args:
        header: of the columns.
        rows: each with as many cells.
    """
    return [markdown_row(header), markdown_row(["---"] * len(header)), *map(markdown_row, rows)]


def markdown_row(cells: Sequence[str]) -> str:
    """One line of a table."""
    whole = (" ".join(cell.splitlines()).replace("|", "\\|") for cell in cells)
    return f"| {' | '.join(whole)} |"
