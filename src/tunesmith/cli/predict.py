"""``tunesmith predict``."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from tunesmith.cli.show import json_option, print_json


@click.command("predict")
@click.argument("model", metavar="MODEL|RUN")
@click.option("-t", "--text", "texts", multiple=True, help="A text to answer; may come again.")
@click.option("-f", "--file", help="JSON lines, CSV and the like; of a .txt every line is a text.")
@click.option("-o", "--out", help="Write JSON lines to this file.")
@click.option("--batch-size", default=32, show_default=True, type=click.IntRange(1))
@json_option
def command(
    model: str,
    texts: tuple[str, ...],
    file: str | None,
    out: str | None,
    batch_size: int,
    as_json: bool,
) -> None:
    """Label texts, or answer whatever MODEL was tuned for.

    For example: tunesmith predict runs/imdb --text "A fine film."
    """
    from tunesmith.pipelines.predict import predict

    if not texts and file is None:
        raise click.UsageError("nothing to answer; give --text or --file.")
    found = predict(model, texts=texts, file=file, batch_size=batch_size)
    if out is not None:
        n = _write(found, Path(out).expanduser())
        print_json({"path": out, "n": n}) if as_json else click.echo(f"{out}: {n:,} answers")
        return
    if as_json:
        print_json({"predictions": list(found)})
        return
    for entry in found:
        likely = next(iter(entry.get("weighed", {}).values()), None)
        shares = "" if likely is None else f"{likely:.3f}"
        cut = f"  ({entry['n_cut']} tokens cut)" if entry["n_cut"] else ""
        cut += "  (answer cut)" if entry.get("answer_cut") else ""
        if entry.get("finish_reason") in ("content_filter", "refusal"):
            cut += "  (declined or withheld)"
        answer = "(unreadable)" if entry["answer"] is None else entry["answer"]
        click.echo("\t".join([answer, shares, entry["origin"]]) + cut)


def _write(found: Iterable[dict[str, Any]], path: Path) -> int:
    n = 0
    try:
        with path.open("w", encoding="utf-8") as file:
            for entry in found:
                file.write(json.dumps(entry, ensure_ascii=False) + "\n")
                n += 1
    except OSError as error:
        raise click.UsageError(f"{path}: cannot be written ({error.strerror}).") from None
    return n
