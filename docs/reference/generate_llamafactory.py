"""Writes the page on LLaMA-Factory's own examples: what becomes of every file.

``python docs/reference/generate_llamafactory.py FOLDER``, where FOLDER is a copy of LLaMA-Factory
with ``examples/`` and ``data/``. With ``--check`` nothing is written; the exit code is 1 when the
page is not what the code says.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tunesmith.compat.llamafactory.account import Entry, RefusedKeysError
from tunesmith.compat.llamafactory.commands import command_for
from tunesmith.compat.llamafactory.convert import convert
from tunesmith.compat.llamafactory.dataset_info import REMOTE
from tunesmith.compat.llamafactory.recognise import COMMANDS, NO_RECIPE, recognise
from tunesmith.compat.llamafactory.v1 import convert_v1
from tunesmith.recipe import read_fields

PAGE = Path(__file__).parent / "llamafactory-examples.md"
HEAD = """<!-- Made by docs/reference/generate_llamafactory.py; edit the code instead. -->

# LLaMA-Factory's examples

What becomes of every YAML file in the `examples/` of LLaMA-Factory. How to bring your own:
[from LLaMA-Factory](../how-to/from-llama-factory.md).

- **converted**: `tunesmith train FILE` runs it.
- **command**: it trains nothing; this command does the same.
- **refused**: it asks for what is not here and would change what is learnt. The keys and why.
- **no recipe**: there is nothing to run in it.
"""
Row = tuple[str, str, str]
"""File, what becomes of it, and why."""


def rows(folder: Path) -> list[Row]:
    """One row for every YAML file below ``folder/examples``."""
    folder = folder.resolve()
    files = sorted((folder / "examples").rglob("*.yaml"))
    return [(str(file.relative_to(folder / "examples")), *fate(file, folder)) for file in files]


def fate(file: Path, folder: Path) -> tuple[str, str]:
    """What becomes of one file, and why."""
    given = read_fields(file)
    kind = recognise(given)
    if kind in COMMANDS:
        try:
            command = command_for(given, kind, str(file)).replace(f"{folder}/", "")
            return "command", f"`{command}`"
        except RefusedKeysError as error:
            return "refused", _reasons(error.refused, folder)
    if kind not in ("training", "v1 training"):
        return "no recipe", NO_RECIPE[str(kind)].partition(". ")[0]
    given, remark = _at_hand(given, folder)
    conversion = (convert if kind == "training" else convert_v1)(given, file)
    if conversion.refused:
        return "refused", _reasons(conversion.refused, folder)
    return "converted", remark


def _at_hand(given: dict[str, Any], folder: Path) -> tuple[dict[str, Any], str]:
    """The keys with descriptions from the hub replaced by those at hand, and a remark on it."""
    place = str(given.get("dataset_dir"))
    if not place.startswith(REMOTE):
        return given, ""
    address = f"https://huggingface.co/datasets/{place.removeprefix(REMOTE)}"
    return {**given, "dataset_dir": str(folder / "data")}, f"fetches its data from {address}"


def page(folder: Path) -> str:
    """The whole page."""
    found = rows(folder)
    counts = Counter(fate for _, fate, _ in found)
    told = ", ".join(f"{n} {name}" for name, n in sorted(counts.items()))
    lines = [HEAD, f"{len(found)} files: {told}.", "", "| file | becomes | why |", "|---|---|---|"]
    lines += [f"| `{file}` | {fate} | {why} |" for file, fate, why in found]
    return "\n".join([*lines, ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the page, or with ``--check`` only compares it; returns the exit code."""
    parser = argparse.ArgumentParser(description="Writes the page on LLaMA-Factory's examples.")
    parser.add_argument("folder", type=Path, help="a copy of LLaMA-Factory")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if it is stale")
    given = parser.parse_args(arguments)
    text = page(given.folder)
    if not given.check:
        PAGE.write_text(text, "utf-8")
        return 0
    is_stale = not PAGE.is_file() or PAGE.read_text("utf-8") != text
    if is_stale:
        print(f"{PAGE.name} is stale. Run: python docs/reference/generate_llamafactory.py FOLDER")
    return int(is_stale)


def _reasons(refused: Sequence[Entry], folder: Path) -> str:
    """Each key with the first sentence of its reason; keys of one reason stand together."""
    keys: dict[str, list[str]] = {}
    for entry in refused:
        reason = entry.note.replace(f"{folder}/", "").partition(". ")[0].rstrip(".")
        keys.setdefault(reason, []).append(f"`{entry.key}`")
    return "<br>".join(f"{', '.join(names)}: {reason}" for reason, names in keys.items())


if __name__ == "__main__":
    sys.exit(main())
