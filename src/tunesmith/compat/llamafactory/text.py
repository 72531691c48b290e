"""Text: a conversion as YAML, with a remark on every key that changed its meaning."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, cast

import yaml

from tunesmith.compat.llamafactory.account import Entry
from tunesmith.compat.llamafactory.conversion import Conversion

WIDTH = 100


def recipe_text(conversion: Conversion) -> str:
    """A whole recipe file: what it came from, the recipe, and the account of every key."""
    head = [f"What {conversion.source} comes to.", *conversion.hints]
    lines = [line for text in head for line in _remark(text, 0)]
    lines += _lines(conversion.fields, "", conversion.comments, 0)
    lines += ["", "# Mapped:"]
    lines += [line for entry in conversion.mapped for line in _entry(entry, f"-> {entry.to}")]
    lines += ["#", "# Not applicable:"]
    lines += [line for entry in conversion.skipped for line in _entry(entry, entry.note)]
    return "\n".join(lines) + "\n"


def _lines(
    fields: Mapping[str, Any], prefix: str, comments: Mapping[str, list[str]], depth: int
) -> Iterator[str]:
    for key, value in fields.items():
        place = f"{prefix}{key}"
        for text in comments.get(place, []):
            yield from _remark(text, depth)
        pad = "  " * depth
        if isinstance(value, dict) and value:
            yield f"{pad}{key}:"
            yield from _lines(cast("dict[str, Any]", value), f"{place}.", comments, depth + 1)
            continue
        text = yaml.safe_dump({key: value}, sort_keys=False, allow_unicode=True, width=WIDTH)
        yield from textwrap.indent(text.rstrip("\n"), pad).splitlines()


def _remark(text: str, depth: int) -> list[str]:
    start = "  " * depth + "# "
    return textwrap.wrap(
        text, WIDTH, initial_indent=start, subsequent_indent=start, break_long_words=False
    )


def _entry(entry: Entry, text: str) -> list[str]:
    shown = textwrap.shorten(str(entry.value), 40, placeholder="...")
    return textwrap.wrap(
        f"{entry.key} ({shown}): {text}" if entry.value is not None else f"{entry.key}: {text}",
        WIDTH,
        initial_indent="#   ",
        subsequent_indent="#     ",
        break_long_words=False,
        break_on_hyphens=False,
    )
