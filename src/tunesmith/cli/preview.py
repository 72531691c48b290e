"""``tunesmith data preview``: the first examples as the model sees them."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tunesmith.cli.open import open_told
from tunesmith.cli.show import OVERRIDES, json_option, print_json, print_ledger


@click.command("preview")
@click.argument("recipe", metavar="RECIPE")
@OVERRIDES
@click.option("-n", "--examples", default=3, show_default=True, type=click.IntRange(1))
@click.option("--split", default="train", show_default=True)
@click.option("--ids", is_flag=True, help="Show token ids too.")
@click.option("--loss", is_flag=True, help="Show the model's loss on what is learnt and given.")
@click.option("--html", metavar="FILE", help="Write a page with every token instead.")
@json_option
def command(
    recipe: str,
    overrides: tuple[str, ...],
    examples: int,
    split: str,
    ids: bool,
    loss: bool,
    html: str | None,
    as_json: bool,
) -> None:
    """Show the first examples of RECIPE; what is learnt is in colour."""
    from tunesmith.pipelines.preview import preview as look

    result = look(open_told(recipe, overrides), n_examples=examples, split=split, with_loss=loss)
    if as_json:
        print_json(result)
        return
    if html is not None:
        from tunesmith.pipelines.preview_page import write_page

        write_page(result, Path(recipe).stem, html)
        click.echo(f"{html}: {len(result['examples'])} examples, token by token")
        return
    for example in result["examples"]:
        _print_example(example, ids)
    print_ledger(result["ledger"])
    for notice in result["notices"]:
        click.echo(f"  {notice}")
    how = f"template {result['template']['name']}" if result["template"] else "no template"
    mark = "coloured text" if sys.stdout.isatty() else "text between ⟦ and ⟧"
    click.echo(
        f"{how}, at most {result['max_tokens']} tokens; the {mark} is learnt, the rest is context"
    )


def _print_example(example: dict[str, Any], with_ids: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    n_tokens, n_learnt = len(example["input_ids"]), sum(w > 0 for w in example["weights"])
    told = f"  {example['told']}" if example["told"] else ""
    console.rule(f"{example['origin']}{told}  {n_tokens} tokens, {n_learnt} learnt", align="left")
    shown = Text()
    for run in example["runs"]:
        learnt = run["weight"] > 0
        text = f"⟦{run['text']}⟧" if learnt and not console.is_terminal else run["text"]
        shown.append(text, style="bold green" if learnt else "")
        if run["weight"] not in (0, 1):
            shown.append(f" (weight {run['weight']:g})", style="dim")
        if run.get("loss") is not None:
            shown.append(f" [loss {run['loss']:.3f}]", style="yellow")
    console.print(shown)
    if with_ids:
        ids = Text()
        for token, weight in zip(example["input_ids"], example["weights"], strict=True):
            ids.append(f"{token} ", style="green" if weight > 0 else "dim")
        console.print(ids)
