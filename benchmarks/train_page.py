"""The page of speeds: docs/reference/speed.md and its plots, written from a file of results."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from train_figures import (
    OURS,
    Reached,
    limit,
    limit_share,
    memory_mb,
    ratio,
    reached,
    speeds,
    void,
)

from tunesmith.evaluation.charts import Bar, bar_chart
from tunesmith.evaluation.scatter import Dots, scatter_chart

ROOT = Path(__file__).parent.parent
PRODUCTS = "matrix products"
COLOURS = (
    "<style>svg{--ink:#1f2328;--muted:#59636e;--line:#d1d9e0;--track:#eff2f5;--ours:#0969da;"
    "--theirs:#8c959f;--other:#bc4c00;font:13px system-ui,sans-serif}"
    "@media(prefers-color-scheme:dark){svg{--ink:#f0f6fc;--muted:#9198a1;--line:#3d444d;"
    "--track:#212830;--ours:#4493f8;--theirs:#7d8590;--other:#db6d28}}</style>"
)
HEAD = Path(__file__).with_name("speed_head.md")


def write_pages(file: Path) -> None:
    """Writes the page and the plots that the results allow."""
    results = json.loads(file.read_text("utf-8"))
    pictures = ROOT / "docs" / "pictures"
    name = file.resolve().relative_to(ROOT) if file.resolve().is_relative_to(ROOT) else file
    for picture, drawn in plots(results).items():
        (pictures / picture).write_text(drawn, "utf-8")
    (ROOT / "docs" / "reference" / "speed.md").write_text(page(results, str(name)), "utf-8")


def page(results: Mapping[str, Any], file: str) -> str:
    """The page as Markdown."""
    rows = results.get("rows", {})
    parts = [HEAD.read_text("utf-8").format(file=file, machine=_machine(results))]
    if rows:
        goals = _goals(reached(rows), rows)
        parts += [
            "## What was to be reached\n",
            goals,
            "![Speeds beside ours](../pictures/speed.svg)\n",
        ]
        parts += ["## All contenders\n", *(_row(name, row) for name, row in rows.items())]
    if results.get("profile"):
        parts += ["## Where the time goes\n", _profile(results["profile"])]
    if results.get("scaling"):
        parts += ["## As work grows\n", _scaling(results["scaling"])]
    return "\n".join(parts)


def plots(results: Mapping[str, Any]) -> dict[str, str]:
    """File name -> SVG."""
    drawn: dict[str, str] = {}
    if results.get("rows"):
        drawn["speed.svg"] = bar_chart(
            _bars(results["rows"]),
            title="Useful tokens per CPU second beside tunesmith's",
            ends=("0", "the fastest of the row"),
            width=720,
        )
    for what, points in results.get("scaling", {}).items():
        for key, unit in (("tokens_per_s", "tokens a second"), ("peak_mb", "MB at most")):
            dots = [(p["value"], p[key], f"{p['value']:,} {what}") for p in points]
            drawn[_plot(what, key)] = scatter_chart(
                [Dots(unit, dots, "var(--ours)")],
                title=f"{unit} by {what}",
                x_name=what,
                is_log=True,
                best=None,
                width=720,
                height=260,
            )
    return {name: _alone(svg) for name, svg in drawn.items() if svg}


def _alone(svg: str) -> str:
    """A drawing of a page as a file of its own, with colours for light and dark."""
    start = svg.index(">") + 1
    return svg[:start] + COLOURS + svg[start:] + "\n"


def _plot(what: str, key: str) -> str:
    return f"speed-{what.replace(' ', '-')}-{key.split('_')[0]}.svg"


def _machine(results: Mapping[str, Any]) -> str:
    found = [row["machine"] | {"threads": row["threads"]} for row in results["rows"].values()]
    found += [row["machine"] | {"threads": row["threads"]} for row in _further(results)]
    if not found:
        return ""
    loads = [m[key] for m in found for key in ("load", "load_after") if key in m]
    threads = sorted({m["threads"] for m in found})
    first = found[0]
    return (
        f"{first['cpu']}, {first['cores']} cores, {first['memory_gib']} GiB, "
        f"{' or '.join(map(str, threads))} threads, Python {first['python']}, {first['date']}; "
        f"load {min(loads):.1f} to {max(loads):.1f} (one of them is the benchmark's own work)."
    )


def _further(results: Mapping[str, Any]) -> list[Any]:
    points = [p for line in results.get("scaling", {}).values() for p in line]
    return [*results.get("profile", {}).values(), *points]


def _goals(found: Sequence[Reached], rows: Mapping[str, Any]) -> str:
    lines = ["| against | goal | measured | reached |", "|---|---|---|---|"]
    for one in found:
        sign = {"speed": "at least {}x", "memory": "at most {}", "limit": "at least {}"}
        goal = sign[one.goal.kind].format(f"{one.goal.bound:g}")
        met = "yes" if one.is_met else "not measured" if one.value is None else "**no**"
        lines.append(f"| {one.goal.words} | {goal} | {one.words} | {met} |")
    return "\n".join(lines) + "\n"


def _row(name: str, row: Mapping[str, Any]) -> str:
    contenders = row["contenders"]
    lines = [
        f"### {name}\n",
        "| | tokens per CPU s | tokens per s | ours over theirs: CPU, wall | peak memory "
        "| loss, first to last | |",
        "|---|---|---|---|---|---|---|",
    ]
    for contender, found in contenders.items():
        if contender == PRODUCTS:
            continue
        if "failed" in found:
            why = found["failed"].strip().splitlines()[-1].replace("|", "/")
            lines.append(f"| {contender} | | | | | | did not run: {why} |")
            continue
        per_cpu, per_wall = (statistics.median(speeds(found, c)) for c in ("cpu_s", "wall_s"))
        over, why = "", ""
        if contender != OURS and contenders.get(OURS, {}).get("runs"):
            compared = ratio(contenders[OURS], found)
            over = f"{compared.cpu:.2f}, {compared.wall:.2f}"
            why = void(row, contender)
        losses = found["losses"]
        lines.append(
            f"| {contender} ({found['ready']['version']}) | {per_cpu:,.0f} | {per_wall:,.0f} | "
            f"{over} | {memory_mb(found):,.0f} MB | {losses[0]:.4f} to {losses[-1]:.4f} | "
            f"{f'void: {why}' if why else ''} |"
        )
    fastest, share = limit(row), limit_share(row)
    words = [f"{row['products_per_token'] / 1e6:.1f} million operations a token in matrix products"]
    if row["work"]["kind"] != "sft" or row["work"]["shared_tokens"]:
        words = []  # counted for examples that share nothing
    elif fastest is not None and share is not None:
        words.append(
            f"products alone run at {fastest:,.0f} GFLOP/s here, so our share of the limit is "
            f"{share:.2f}"
        )
    words += [row["note"]] if row["note"] else []
    words.append(f"load {row['machine']['load']} to {row['machine']['load_after']}")
    return "\n".join(lines) + f"\n\n{'; '.join(words)}.\n".replace("\n\n", "\n\n", 1)


def _bars(rows: Mapping[str, Any]) -> list[Bar]:
    bars: list[Bar] = []
    for name, row in rows.items():
        medians = {
            contender: statistics.median(speeds(found, "cpu_s"))
            for contender, found in row["contenders"].items()
            if contender != PRODUCTS and found.get("runs")
        }
        fastest = max(medians.values(), default=1.0)
        for contender, speed in medians.items():
            colour = "var(--ours)" if contender == OURS else "var(--theirs)"
            words = f"{speed:,.0f} tokens per CPU s"
            bars.append(Bar(f"{name}: {contender}", speed / fastest, words, colour))
    return bars


def _profile(profile: Mapping[str, Any]) -> str:
    kinds = list(next(iter(profile.values()))["shares"])
    lines = [
        f"| | {' | '.join(kinds)} | products at the measured limit would take |",
        f"|---|{'---|' * (len(kinds) + 1)}",
    ]
    for name, found in profile.items():
        cells = " | ".join(f"{found['shares'][kind]:.0%}" for kind in kinds)
        least = found["seconds_at_the_limit"] / found["seconds"]
        lines.append(f"| {name} | {cells} | {least:.0%} of the time |")
    lines.append("\nThe operations that take most, share of the time:\n")
    for name, found in profile.items():
        top = ", ".join(f"`{op}` {share:.1%}" for op, share in found["top"].items())
        lines.append(f"- {name}: {top}.")
    return "\n".join(lines) + "\n"


def _scaling(scaling: Mapping[str, Any]) -> str:
    parts: list[str] = []
    for what, points in scaling.items():
        parts += [f"| {what} | tokens per s | tokens per CPU s | loaded | at most |"]
        parts += ["|---|---|---|---|---|"]
        parts += [
            f"| {p['value']:,} | {p['tokens_per_s']:,.0f} | {p['tokens_per_cpu_s']:,.0f} | "
            f"{p['loaded_mb']:,.0f} MB | {p['peak_mb']:,.0f} MB |"
            for p in points
        ]
        for key, words in (("tokens_per_s", "Speed"), ("peak_mb", "Memory")):
            parts.append(f"\n![{words} by {what}](../pictures/{_plot(what, key)})")
        parts.append("")
    return "\n".join(parts)
