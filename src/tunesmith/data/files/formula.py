"""Formula cells: text that a spreadsheet would take for a formula is escaped, and found again.

A cell that starts with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets an apostrophe
before it, and so does one that looks like an escaped one already: ``=1+1`` becomes ``'=1+1``,
``'=1+1`` becomes ``''=1+1``. So every escaped cell loses exactly one apostrophe on the way back.
In a table that someone else wrote an apostrophe may be part of the text, so nothing is taken away
there.
"""

from __future__ import annotations

import re

FORMULA = re.compile(r"'*[=+\-@\t\r]")


def escaped(cell: str) -> str:
    """The cell with an apostrophe before it where it starts like a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unescaped(cell: str) -> str:
    """The cell that :func:`escaped` was given."""
    return cell[1:] if cell.startswith("'") and FORMULA.match(cell) else cell
