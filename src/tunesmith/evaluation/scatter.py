"""Scatter: values over a quantity on a linear or logarithmic axis, one dot for each run."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from tunesmith.evaluation.charts import (
    CHAR,
    LINE,
    drawing,
    label,
    nice_ticks,
    number,
    powers,
    rule,
    shorten,
    spread,
    tick_texts,
)


@dataclass(frozen=True)
class Dots:
    """Points that belong together, joined by a line.

    Attributes:
        name: words of the label at its end; may be empty.
        points: (x, y, words) of each; those that are not finite are left out.
        colour: a CSS colour, usually ``var(--...)``.
    """

    name: str
    points: Sequence[tuple[float, float, str]]
    colour: str


def scatter_chart(
    groups: Sequence[Dots],
    *,
    title: str,
    x_name: str,
    is_log: bool,
    best: tuple[float, float] | None,
    width: int,
    height: int,
) -> str:
    """Draws groups of points.

    Args:
        groups: that share both axes.
        title: what is shown, for those who hear the page.
        x_name: words under the axis.
        is_log: whether equal factors are equally far apart; all x are then above zero.
        best: the point that is ringed.
        width: of the drawing, in pixels at full size.
        height: likewise.

    Returns:
        An SVG element; the empty string where there is no point.
    """
    drawn = [
        (group, sorted(p for p in group.points if math.isfinite(p[0]) and math.isfinite(p[1])))
        for group in groups
    ]
    drawn = [(group, points) for group, points in drawn if points]
    if not drawn:
        return ""
    xs = [x for _, points in drawn for x, _, _ in points]
    ys = [y for _, points in drawn for _, y, _ in points]
    y_ticks = nice_ticks(min(ys), max(ys), n=max(3, height // 60))
    y_texts = tick_texts(y_ticks)
    ends = [shorten(group.name, 18) for group, _ in drawn]
    left = 12 + CHAR * max(map(len, y_texts))
    right = width - 24 - CHAR * max(map(len, ends))
    top, bottom = 10.0, height - 42.0
    scale = math.log10 if is_log else float
    low, high = scale(min(xs)), scale(max(xs))
    margin = 0.05 * (high - low) or 0.5
    low, high = low - margin, high + margin

    def x_of(x: float) -> float:
        return left + (right - left) * (scale(x) - low) / (high - low)

    def y_of(y: float) -> float:
        return bottom - (bottom - top) * (y - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])

    parts = []
    for tick, text in zip(y_ticks, y_texts, strict=True):
        parts.append(rule(left, y_of(tick), right, y_of(tick)))
        parts.append(label(left - 8, y_of(tick) + 4, text, anchor="end"))
    for x, text in _x_ticks(xs, is_log, room=right - left):
        parts.append(label(x_of(x), bottom + 18, text, anchor="middle"))
    parts.append(label((left + right) / 2, bottom + 36, x_name, anchor="middle"))
    for group, points in drawn:
        colour = escape(group.colour)
        corners = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y, _ in points)
        parts.append(
            f'<polyline points="{corners}" fill="none" '
            f'style="stroke:{colour};stroke-width:1.5;opacity:.6"/>'
        )
        parts += [
            f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="4.5" style="fill:{colour}">'
            f"<title>{escape(words)}: {number(y)}</title></circle>"
            for x, y, words in points
        ]
    if best is not None:
        parts.append(
            f'<circle cx="{x_of(best[0]):.1f}" cy="{y_of(best[1]):.1f}" r="9" fill="none" '
            'style="stroke:var(--ink);stroke-width:2"/>'
        )
    heights = spread([y_of(points[-1][1]) for _, points in drawn], gap=LINE)
    for (group, _), text, y in zip(drawn, ends, heights, strict=True):
        parts.append(label(right + 12, y + 4, text, colour=group.colour))
    told = "; ".join(f"{words}: {number(y)}" for _, points in drawn for _, y, words in points)
    return drawing(parts, title, f"{told}.", width, height)


def _x_ticks(xs: Sequence[float], is_log: bool, room: float) -> list[tuple[float, str]]:
    """The values themselves where there is room for each, else round numbers between them."""
    values = sorted(set(xs))
    texts = [powers(x) if is_log else number(x).rstrip("0").rstrip(".") for x in values]
    if len(values) * 64 <= room:
        return list(zip(values, texts, strict=True))
    if is_log:
        first, last = math.ceil(math.log10(values[0])), math.floor(math.log10(values[-1]))
        if first <= last:
            return [(10.0**power, f"1e{power}") for power in range(first, last + 1)]
        return [(values[0], texts[0]), (values[-1], texts[-1])]
    ticks = nice_ticks(values[0], values[-1], n=max(3, int(room // 90)))
    named = zip(ticks, tick_texts(ticks), strict=True)
    return [(x, text) for x, text in named if values[0] <= x <= values[-1]]
