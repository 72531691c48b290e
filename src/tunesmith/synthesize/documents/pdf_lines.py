"""Lines of a PDF page, in reading order: columns are told by the gutter that few lines cross."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

SAME_WORD = 0.15
"""Of the letters' size: a wider gap parts two words."""
SAME_LINE_GAP = 1.6
"""Times the letters' size: a wider gap parts two columns or cells."""
RAISED = 0.8
"""Of a line's size: smaller letters above its foot are marks of notes."""
LEAST_ROWS = 4
"""Lines on either side of a gutter."""
MOST_CROSSING = 0.35
"""Of all lines that may cross a gutter, as titles and wide tables do."""
LEAST_GUTTER = 6.0
"""Points."""


@dataclass(frozen=True, slots=True)
class Line:
    """A run of words of one column, or a whole table. Lengths in points, from the top left."""

    x0: float
    x1: float
    top: float
    bottom: float
    text: str = ""
    size: float = 0.0
    is_bold: bool = False
    table: Any = field(default=None, compare=False)
    column: tuple[float, float] = (0.0, 0.0)
    """Left and right edge of the column it stands in."""
    first_word: float = 0.0
    """Width of its first word."""
    ends_in_space: bool = False
    """A space is written behind its last word, so that its end parts two words."""
    may_break_words: bool = False
    """The file writes such spaces, so that where one is missing the end is within a word."""

    @property
    def width(self) -> float:
        """From left to right."""
        return self.x1 - self.x0


def lines_of(
    words: Sequence[dict[str, Any]], spaces: Sequence[dict[str, Any]], left_out: Counter[str]
) -> list[Line]:
    """Puts words together that stand on one line without a wide gap.

    Args:
        words: as pdfplumber gives them, each with its ``chars``.
        spaces: characters that are spaces, which some files write at the ends of lines.
        left_out: counts marks of notes, which would stand in the middle of sentences.
    """
    rows: list[list[dict[str, Any]]] = []
    for word in sorted(words, key=lambda w: ((w["top"] + w["bottom"]) / 2, w["x0"])):
        row = next((row for row in reversed(rows[-8:]) if _is_in(word, row)), None)
        if row is None:
            rows.append([word])
        else:
            row.append(word)
    found: list[Line] = []
    for row in rows:
        row.sort(key=lambda w: w["x0"])
        part = [row[0]]
        for word in row[1:]:
            height = max(_size(part[-1]), _size(word))
            if word["x0"] - part[-1]["x1"] > SAME_LINE_GAP * height:
                found += _line(part, left_out)
                part = []
            part.append(word)
        found += _line(part, left_out)
    by_height: dict[int, list[dict[str, Any]]] = {}
    for space in spaces:
        by_height.setdefault(round(space["bottom"] / 8), []).append(space)
    return [
        replace(line, ends_in_space=True) if _is_behind(line, by_height) else line for line in found
    ]


def _is_behind(line: Line, spaces: dict[int, list[dict[str, Any]]]) -> bool:
    height = round(line.bottom / 8)
    return any(
        line.x1 - 1 <= space["x0"] <= line.x1 + line.size
        and line.top < (space["top"] + space["bottom"]) / 2 < line.bottom
        for near in (height - 1, height, height + 1)
        for space in spaces.get(near, ())
    )


def _is_in(word: dict[str, Any], row: list[dict[str, Any]]) -> bool:
    """Whether a word stands on a line; a smaller one beside a word of it does, as marks are set."""
    for other in row:
        middle, others_middle = ((w["top"] + w["bottom"]) / 2 for w in (word, other))
        is_within = other["top"] < middle < other["bottom"]
        holds = word["top"] < others_middle < word["bottom"]
        gap = max(word["x0"] - other["x1"], other["x0"] - word["x1"])
        if (is_within and holds) or ((is_within or holds) and gap < 0.5 * _size(word)):
            return True
    return False


def _size(word: dict[str, Any]) -> float:
    return max(char["size"] for char in word["chars"])


def _line(words: list[dict[str, Any]], left_out: Counter[str]) -> list[Line]:
    chars = [char for word in words for char in word["chars"]]
    size = Counter(round(char["size"], 1) for char in chars).most_common(1)[0][0]
    foot = max(char["bottom"] for char in chars if round(char["size"], 1) == size)
    texts: list[str] = []
    behind: float | None = None
    for word in words:
        kept = [char for char in word["chars"] if not _is_mark(char, size, foot)]
        marks = len(kept) < len(word["chars"])
        left_out["marks of notes"] += marks
        text = "".join(char["text"] for char in kept)
        if not text:
            continue
        # A word that was parted by its mark goes on behind it.
        joins = behind is not None and word["x0"] - behind < SAME_WORD * size
        texts.append(text if joins or not texts else f" {text}")
        behind = word["x1"]
    text = "".join(texts)
    if not text.strip():
        return []
    n_bold = sum(_is_bold(char) for char in chars)
    return [
        Line(
            words[0]["x0"],
            words[-1]["x1"],
            min(word["top"] for word in words),
            foot,
            text,
            size,
            n_bold > 0.8 * len(chars),
            first_word=words[0]["x1"] - words[0]["x0"],
        )
    ]


def _is_mark(char: dict[str, Any], size: float, foot: float) -> bool:
    is_small = char["size"] < RAISED * size and char["bottom"] < foot - 0.15 * size
    return is_small and char["text"] in "0123456789)]*†‡§,"


def _is_bold(char: dict[str, Any]) -> bool:
    name = char["fontname"].lower()
    return any(word in name for word in ("bold", "black", "heavy", "-bd", "sfbx", "cmbx"))


def in_reading_order(lines: Sequence[Line]) -> list[Line]:
    """Lines from top to bottom, column by column.

    Lines that cross the gutter (titles, wide tables) part the page into bands: what stands above
    one is read before it, what stands below after it.
    """
    if not lines:
        return []
    edges = (min(line.x0 for line in lines), max(line.x1 for line in lines))
    gutter = _gutter(lines)
    if gutter is None:
        ordered = sorted(lines, key=lambda line: (round(line.top / 3), line.x0))
        return [replace(line, column=edges) for line in ordered]
    found: list[Line] = []
    left: list[Line] = []
    right: list[Line] = []

    def end_band() -> None:
        found.extend(in_reading_order(left))
        found.extend(in_reading_order(right))
        left.clear()
        right.clear()

    for line in sorted(lines, key=lambda line: (line.top, line.x0)):
        if line.x1 <= gutter[0] + 1:
            left.append(line)
        elif line.x0 >= gutter[1] - 1:
            right.append(line)
        else:
            end_band()
            found.append(replace(line, column=edges))
    end_band()
    return found


def _gutter(lines: Sequence[Line]) -> tuple[float, float] | None:
    """The empty stripe between two columns, from its left to its right edge; None: one column."""
    if len(lines) < 2 * LEAST_ROWS:
        return None
    x0, x1 = min(line.x0 for line in lines), max(line.x1 for line in lines)
    best: tuple[tuple[int, float], float, float] | None = None
    for edge in sorted({line.x1 for line in lines}):
        if not x0 + 0.2 * (x1 - x0) < edge < x0 + 0.8 * (x1 - x0):
            continue
        left = [line for line in lines if line.x1 <= edge + 0.5]
        behind = [line for line in lines if line.x0 > edge + 0.5]
        n_crossing = len(lines) - len(left) - len(behind)
        if min(len(left), len(behind)) < LEAST_ROWS or n_crossing > MOST_CROSSING * len(lines):
            continue
        right_edge = min(line.x0 for line in behind)
        width = right_edge - edge
        if width < LEAST_GUTTER or not _are_columns(left, behind):
            continue
        score = (-n_crossing, width)
        if best is None or score > best[0]:
            best = (score, edge, right_edge)
    return best[1:] if best else None


def _are_columns(left: Sequence[Line], right: Sequence[Line]) -> bool:
    """Whether both sides are running text side by side, not the cells of a table or a list.

    Lines of text fill most of their column's width.
    """
    for side in (left, right):
        widest = max(line.width for line in side)
        n_full = sum(line.width > 0.7 * widest for line in side if line.table is None)
        if n_full < 0.4 * len(side):
            return False
    top, bottom = max(s[0].top for s in (left, right)), min(s[-1].bottom for s in (left, right))
    tops = [min(line.top for line in side) for side in (left, right)]
    bottoms = [max(line.bottom for line in side) for side in (left, right)]
    return (top < bottom) or max(tops) < min(bottoms)
