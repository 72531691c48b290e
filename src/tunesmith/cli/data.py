"""``tunesmith data``: looking at data, and writing it in another format."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tunesmith.cli.open import open_told
from tunesmith.cli.show import OVERRIDES, json_option, print_json, print_ledger


@click.group("data")
def command() -> None:
    """Look at data as the model sees it, and convert it."""


@command.command("preview")
@click.argument("recipe", metavar="RECIPE")
@OVERRIDES
@click.option("-n", "--examples", default=3, show_default=True, type=click.IntRange(1))
@click.option("--split", default="train", show_default=True)
@click.option("--ids", is_flag=True, help="Show token ids too.")
@click.option("--loss", is_flag=True, help="Show the model's loss on what is learnt and given.")
@click.option("--html", metavar="FILE", help="Write a page with every token instead.")
@json_option
def preview(
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
        from tunesmith.pipelines.preview_page import preview_page

        Path(html).write_text(preview_page(result, Path(recipe).stem), "utf-8")
        click.echo(f"{html}: {len(result['examples'])} examples, token by token")
        return
    for example in result["examples"]:
        _print_example(example, ids)
    print_ledger(result["ledger"])
    for notice in result["notices"]:
        click.echo(f"  {notice}")
    how = f"template {result['template']['name']}" if result["template"] else "no template"
    click.echo(
        f"{how}, at most {result['max_tokens']} tokens; "
        "the coloured text is learnt, the rest is context"
    )


@command.command("convert")
@click.argument("source", metavar="IN")
@click.argument("target", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--to", required=True, metavar="FORMAT", help="Format to write.")
@click.option("--from", "form", metavar="FORMAT", help="Format of IN; else told by its content.")
@click.option("--skip", is_flag=True, help="Leave rows out that do not fit, and count them.")
@click.option("--force", is_flag=True, help="Overwrite OUT.")
@click.option("--llamafactory", is_flag=True, help="Name OUT in the dataset_info.json beside it.")
@json_option
def convert(
    source: str,
    target: Path,
    to: str,
    form: str | None,
    skip: bool,
    force: bool,
    llamafactory: bool,
    as_json: bool,
) -> None:
    """Write the examples of IN to OUT in another format.

    FORMAT is alpaca, columns, dialogsum, kto, labels, messages, preference, self-instruct,
    sharegpt, squad or text. OUT ends in .json or .jsonl.
    """
    from tunesmith.data import FORMATS
    from tunesmith.pipelines.convert import convert as run

    result = run(
        source,
        target,
        to=FORMATS.load(to)(name=to),
        form=FORMATS.load(form)(name=form) if form else None,
        skip=skip,
        force=force,
        llamafactory=llamafactory,
    )
    if as_json:
        print_json(result)
        return
    click.echo(f"{result['read']:,} read = {result['written']:,} written to {result['target']}")
    click.echo(f"  + {result['skipped']:,} skipped")
    for reason in result["reasons"]:
        places = ", ".join(reason["places"][:2]) + (" ..." if reason["rows"] > 2 else "")
        click.echo(f"  {reason['rows']:,} skipped, {reason['reason']}\n    {places}")
    for what, n_rows in result["lost"].items():
        click.echo(f"  lost in {n_rows:,}: {what}")
    if result["mended"]:
        click.echo(f"  {result['mended']:,} with offsets that were mended")
    if result["dataset_info"]:
        click.echo(f"  named {target.stem!r} in {result['dataset_info']}")


def _print_example(example: dict[str, Any], with_ids: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    n_tokens, n_learnt = len(example["input_ids"]), sum(w > 0 for w in example["weights"])
    console.rule(f"{example['origin']}  {n_tokens} tokens, {n_learnt} learnt", align="left")
    shown = Text()
    for run in example["runs"]:
        shown.append(run["text"], style="bold green" if run["weight"] > 0 else "")
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
