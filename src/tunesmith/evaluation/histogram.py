"""A histogram as inline SVG, in the manner of the other charts."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from tunesmith.evaluation.charts import CHAR, drawing, label, nice_ticks, rule, tick_texts


def histogram(
    counts: Sequence[int],
    *,
    bar_width: int,
    unit: str,
    open_end: bool,
    title: str,
    width: int,
    height: int,
) -> str:
    """Rows by length.

    Args:
        counts: rows of each bar; bar i holds lengths in [i * bar_width, (i + 1) * bar_width).
        bar_width: units that a bar spans.
        unit: what a length counts, for the axis.
        open_end: whether the last bar holds all longer rows too; it is then marked so.
        title: what is shown, for those who hear the page.
        width: of the drawing, in pixels at full size.
        height: likewise.

    Returns:
        An SVG element; the empty string without rows.
    """
    if not sum(counts):
        return ""
    y_ticks = nice_ticks(0, max(counts), n=max(3, height // 60), smallest=1)
    y_texts = tick_texts(y_ticks)
    left, right = 12 + CHAR * max(map(len, y_texts)), width - 16.0
    top, bottom = 10.0, height - 42.0
    step = (right - left) / len(counts)
    parts: list[str] = []
    for tick, words in zip(y_ticks, y_texts, strict=True):
        y = bottom - (bottom - top) * tick / y_ticks[-1]
        parts += [rule(left, y, right, y), label(left - 8, y + 4, words, anchor="end")]
    for place, n in enumerate(counts):
        start, stop = place * bar_width, (place + 1) * bar_width - 1
        is_last = open_end and place == len(counts) - 1
        span = f"{start:,} and more" if is_last else f"{start:,} to {stop:,}"
        size = (bottom - top) * n / y_ticks[-1]
        colour = "var(--quiet)" if is_last else "var(--accent)"
        parts.append(
            f'<rect x="{left + place * step + 1:.1f}" y="{bottom - size:.1f}" '
            f'width="{max(1.0, step - 2):.1f}" height="{size:.1f}" style="fill:{colour}">'
            f"<title>{escape(span)} {escape(unit)}: {n:,}</title></rect>"
        )
    every = max(1, round(len(counts) * CHAR * 9 / (right - left)))
    for place in range(0, len(counts), every):
        x = left + place * step
        parts.append(label(x, bottom + 18, f"{place * bar_width:,}", anchor="middle"))
    parts.append(label((left + right) / 2, bottom + 36, f"{unit} per row", anchor="middle"))
    fullest = max(range(len(counts)), key=lambda place: counts[place])
    words = (
        f"{sum(counts):,} rows; most of them, {counts[fullest]:,}, have {fullest * bar_width:,} to "
        f"{(fullest + 1) * bar_width - 1:,} {unit}."
    )
    return drawing(parts, title, words, width, height)
