"""Formula cells: text that a spreadsheet would take for a formula is escaped, and found again.

A cell that starts with ``=``, ``+``, ``-``, ``@``, a tab or a carriage return gets an apostrophe
before it, and so does one that looks like an escaped one already: ``=1+1`` becomes ``'=1+1``,
``'=1+1`` becomes ``''=1+1``. So every escaped cell loses exactly one apostrophe on the way back.
In a table that someone else wrote an apostrophe may be part of the text, so nothing is taken away
there. A table of ours is told by how its head is written, see :func:`header_line`; nobody else is
likely to write it so, and a spreadsheet that saves the table anew does not keep it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

FORMULA = re.compile(r"'*[=+\-@\t\r]")


def header_line(names: Sequence[str], delimiter: str) -> str:
    """The head of a table of ours: every name in quotes, and CR LF behind; rows end in LF alone."""
    return delimiter.join('"' + name.replace('"', '""') + '"' for name in names) + "\r\n"


def escaped(cell: str) -> str:
    """The cell with an apostrophe before it where it starts like a formula."""
    return f"'{cell}" if FORMULA.match(cell) else cell


def unescaped(cell: str) -> str:
    """The cell that :func:`escaped` was given."""
    return cell[1:] if looks_escaped(cell) else cell


def looks_escaped(cell: str) -> bool:
    """Whether a cell is written as :func:`escaped` writes formulas."""
    return cell.startswith("'") and FORMULA.match(cell) is not None
