"""Charts as inline SVG: they take the page's colours, need no script and read well aloud."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import accumulate

Point = tuple[float, float]
MAX_POINTS = 400
"""Points drawn of one line; more cannot be told apart, and would weigh megabytes."""
MAX_DOTS = 30
"""A line with at most this many points shows each of them as a dot."""
CHAR, LINE = 7.4, 17.0
"""Estimated width of a character and height of a line of chart text, in pixels."""


@dataclass(frozen=True)
class Line:
    """One line of a line chart.

    Attributes:
        name: words of the label at the line's end.
        points: (step, value) pairs in any order; those that are not finite are left out.
        colour: a CSS colour, usually ``var(--...)``.
        is_noisy: draws a running mean, with the points themselves faint behind it.
    """

    name: str
    points: Sequence[Point]
    colour: str
    is_noisy: bool = False


@dataclass(frozen=True)
class Bar:
    """One bar of a bar chart; ``fraction`` in [0, 1], None where nothing was measured."""

    name: str
    fraction: float | None
    text: str
    colour: str


def line_chart(lines: Sequence[Line], *, title: str, width: int, height: int) -> str:
    """Values over steps, each line labelled at its end.

    Args:
        lines: lines that share both axes.
        title: what is shown, for those who hear the page.
        width: of the drawing, in pixels at full size.
        height: likewise.

    Returns:
        An SVG element; the empty string where no line has a point.
    """
    drawn = [(line, points) for line in lines if (points := finite(line.points))]
    if not drawn:
        return ""
    values = [y for _, points in drawn for _, y in points]
    y_ticks = nice_ticks(min(values), max(values), n=max(3, height // 60))
    first = min(points[0][0] for _, points in drawn)
    last = max(points[-1][0] for _, points in drawn)
    x_ticks = nice_ticks(first, last, n=max(3, width // 110), smallest=1)
    x_low = 0 if 0 <= first <= 0.1 * last else first
    x_low, x_high = (x_low, last) if x_low < last else (x_ticks[0], x_ticks[-1])

    y_texts = tick_texts(y_ticks)
    ends = [
        (line, points[-1][1], f"{shorten(line.name, 12)} {number(points[-1][1])}")
        for line, points in drawn
    ]
    left = 12 + CHAR * max(map(len, y_texts))
    right = width - 16 - CHAR * max(len(text) for _, _, text in ends)
    top, bottom = 10.0, height - 42.0

    def x_of(step: float) -> float:
        return left + (right - left) * (step - x_low) / (x_high - x_low)

    def y_of(value: float) -> float:
        return bottom - (bottom - top) * (value - y_ticks[0]) / (y_ticks[-1] - y_ticks[0])

    def path(points: Sequence[Point], style: str) -> str:
        corners = " ".join(f"{x_of(x):.1f},{y_of(y):.1f}" for x, y in thin(points))
        return f'<polyline points="{corners}" fill="none" style="{style}"/>'

    parts = []
    for tick, text in zip(y_ticks, y_texts, strict=True):
        y = y_of(tick)
        parts.append(rule(left, y, right, y))
        parts.append(label(left - 8, y + 4, text, anchor="end"))
    for tick, text in zip(x_ticks, tick_texts(x_ticks), strict=True):
        if x_low <= tick <= x_high:
            parts.append(label(x_of(tick), bottom + 18, text, anchor="middle"))
    parts.append(label((left + right) / 2, bottom + 36, "step", anchor="middle"))

    for line, points in drawn:
        colour = escape(line.colour)
        stroke = f"stroke:{colour};stroke-width:2.25;stroke-linejoin:round;stroke-linecap:round"
        if line.is_noisy:
            parts.append(path(points, f"stroke:{colour};stroke-width:1;opacity:.4"))
            parts.append(path(running_mean(points), stroke))
        else:
            parts.append(path(points, stroke))
        if len(points) <= MAX_DOTS and (not line.is_noisy or len(points) == 1):
            parts += [
                f'<circle cx="{x_of(x):.1f}" cy="{y_of(y):.1f}" r="3.5" style="fill:{colour}">'
                f"<title>step {x:,.0f}: {number(y)}</title></circle>"
                for x, y in points
            ]
    heights = spread([y_of(value) for _, value, _ in ends], gap=LINE)
    for (line, _, text), y in zip(ends, heights, strict=True):
        parts.append(label(right + 10, y + 4, text, colour=line.colour))
    description = " ".join(describe(line.name, line.points) for line, _ in drawn)
    return drawing(parts, title, description, width, height)


def bar_chart(bars: Sequence[Bar], *, title: str, ends: tuple[str, str], width: int) -> str:
    """Fractions as bars on a scale from 0 to 1, which is drawn whole.

    Args:
        bars: from top to bottom.
        title: what is shown, for those who hear the page.
        ends: words at the scale's 0 and 1.
        width: of the drawing, in pixels at full size.

    Returns:
        An SVG element; the empty string without bars.
    """
    if not bars:
        return ""
    row, thick = 54.0, 14.0
    height = row * len(bars) + 20
    parts = []
    for place, bar in enumerate(bars):
        y = row * place
        known = bar.fraction is not None and math.isfinite(bar.fraction)
        length = width * min(1.0, max(0.0, bar.fraction or 0.0)) if known else 0.0
        words = bar.text if known else "not measured"
        name = shorten(bar.name, int((width / CHAR) - len(words) - 2))
        parts.append(label(0, y + 16, name, colour="var(--ink)"))
        parts.append(label(width, y + 16, words, anchor="end", colour="var(--ink)", bold=known))
        parts.append(_bar(y + 25, width, thick, "var(--track)"))
        if length:
            parts.append(_bar(y + 25, max(length, 2), thick, bar.colour))
    parts.append(label(0, height - 6, ends[0]))
    parts.append(label(width, height - 6, ends[1], anchor="end"))
    description = "; ".join(f"{bar.name}: {bar.text}" for bar in bars) + "."
    return drawing(parts, title, description, width, height)


def describe(name: str, points: Sequence[Point]) -> str:
    """A line's first, last and lowest point in words; empty without a point.

    Values that are not finite cannot be drawn, so they are counted here.
    """
    known = finite(points)
    n_lost = sum(not math.isfinite(value) for _, value in points)
    lost = f" {n_lost:,} of its {len(points):,} values are not finite." if n_lost else ""
    if not known:
        return f"{name}:{lost}" if lost else ""
    (x0, y0), (x1, y1) = known[0], known[-1]
    if len(known) == 1:
        return f"{name}: {number(y0)} at step {x0:,.0f}.{lost}"
    x, y = min(known, key=lambda point: point[1])
    return (
        f"{name}: {number(y0)} at step {x0:,.0f}, {number(y1)} at step {x1:,.0f}; "
        f"lowest {number(y)} at step {x:,.0f}.{lost}"
    )


def finite(points: Sequence[Point]) -> list[Point]:
    """Points by step, without NaN and infinity; of a step that comes twice, the last."""
    latest = {x: y for x, y in points if math.isfinite(x) and math.isfinite(y)}
    return sorted(latest.items())


def nice_ticks(low: float, high: float, n: int = 5, smallest: float = 0.0) -> list[float]:
    """About ``n`` round numbers, 1, 2 or 5 times a power of ten apart, that enclose [low, high].

    Args:
        low: smallest value shown.
        high: largest value shown; a span of nothing is widened.
        n: intervals wanted.
        smallest: least distance between two ticks, 1 for counts.
    """
    size = max(abs(low), abs(high))
    if high - low <= 1e-9 * size or not size:
        low, high = (low - 0.1 * size, high + 0.1 * size) if size else (0.0, 1.0)
    wanted = max((high - low) / n, smallest)
    power = 10.0 ** math.floor(math.log10(wanted))
    step = power * next(f for f in (1, 2, 5, 10) if f * power >= wanted * (1 - 1e-9))
    return [i * step for i in range(math.floor(low / step), math.ceil(high / step) + 1)]


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """Evenly spaced numbers in words, with as many decimals as their distance asks for."""
    size, step = max(map(abs, ticks)), ticks[1] - ticks[0]
    if size < 1e-3 or size >= 1e7:
        return [powers(tick) for tick in ticks]
    decimals = max(0, -math.floor(math.log10(step) + 1e-9))
    return [f"{tick:,.{decimals}f}" for tick in ticks]


def number(value: float) -> str:
    """About four digits: 0.842, 12.08, 1,204, 2e-4."""
    size = abs(value)
    if size < 1e-3 or size >= 1e7:
        return powers(value)
    return f"{value:,.{3 if size < 10 else 2 if size < 1000 else 0}f}"


def powers(value: float) -> str:
    """About three digits and a power of ten: 2e-4, 1.25e7; 0 stays 0."""
    if not value:
        return "0"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{mantissa.rstrip('0').rstrip('.')}e{int(exponent)}"


def running_mean(points: Sequence[Point]) -> list[Point]:
    """Mean over a twentieth of the points to either side.

    Near its ends the window narrows evenly, so the line neither lags nor leaves the true first and
    last value.
    """
    n = len(points)
    sums = [0.0, *accumulate(y for _, y in points)]
    means = []
    for i, (x, _) in enumerate(points):
        r = min(max(1, n // 20), i, n - 1 - i)
        means.append((x, (sums[i + r + 1] - sums[i - r]) / (2 * r + 1)))
    return means


def thin(points: Sequence[Point], limit: int = MAX_POINTS) -> list[Point]:
    """About ``limit`` points that keep both ends and every peak and trough."""
    if len(points) <= limit:
        return list(points)
    size = math.ceil(2 * len(points) / limit)
    kept = {points[0], points[-1]}
    for start in range(0, len(points), size):
        chunk = points[start : start + size]
        kept |= {min(chunk, key=lambda p: p[1]), max(chunk, key=lambda p: p[1])}
    return sorted(kept)


def spread(heights: Sequence[float], gap: float) -> list[float]:
    """Moves labels apart until ``gap`` lies between any two, in their order from the top."""
    order = sorted(range(len(heights)), key=lambda i: heights[i])
    placed = list(heights)
    for above, below in zip(order, order[1:], strict=False):
        overlap = gap - (placed[below] - placed[above])
        if overlap > 0:
            placed[below] += overlap
    shift = (sum(placed) - sum(heights)) / max(1, len(placed))
    return [y - shift for y in placed]


def shorten(text: str, n_chars: int) -> str:
    """Text of at most ``n_chars``, with an ellipsis where some is missing."""
    return text if len(text) <= n_chars else text[: max(1, n_chars - 1)].rstrip() + "…"


def drawing(parts: Sequence[str], title: str, description: str, width: float, height: float) -> str:
    """An SVG element that names and describes itself to those who hear the page."""
    heard, title, description = (escape(t) for t in (f"{title}. {description}", title, description))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" '
        f'width="{width:g}" height="{height:g}" role="img" aria-label="{heard}">'
        f"<title>{title}</title><desc>{description}</desc>{''.join(parts)}</svg>"
    )


def label(
    x: float,
    y: float,
    words: str,
    *,
    anchor: str = "start",
    colour: str = "var(--muted)",
    bold: bool = False,
) -> str:
    """Words in a drawing."""
    style = f"fill:{escape(colour)}{';font-weight:650' * bold}"
    where = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text {where} style="{style}">{escape(words)}</text>'


def rule(x0: float, y0: float, x1: float, y1: float) -> str:
    """A thin line in a drawing."""
    ends = f'x1="{x0:.1f}" y1="{y0:.1f}" x2="{x1:.1f}" y2="{y1:.1f}"'
    return f'<line {ends} style="stroke:var(--line)"/>'


def _bar(y: float, length: float, thick: float, colour: str) -> str:
    fill = f'style="fill:{escape(colour)}"'
    return f'<rect x="0" y="{y:.1f}" width="{length:.1f}" height="{thick:g}" {fill}/>'
