"""``tunesmith data``: looking at data."""

from __future__ import annotations

from typing import Any

import click

from tunesmith.cli.show import OVERRIDES, json_option, print_json, print_ledger


@click.group("data")
def command() -> None:
    """Look at data as the model sees it."""


@command.command("preview")
@click.argument("recipe", metavar="RECIPE")
@OVERRIDES
@click.option("-n", "--examples", default=3, show_default=True, type=click.IntRange(1))
@click.option("--split", default="train", show_default=True)
@click.option("--ids", is_flag=True, help="Show token ids too.")
@json_option
def preview(
    recipe: str, overrides: tuple[str, ...], examples: int, split: str, ids: bool, as_json: bool
) -> None:
    """Show the first examples of RECIPE; what is learnt is in colour."""
    from tunesmith.pipelines.preview import preview as look
    from tunesmith.recipe import load_recipe

    result = look(load_recipe(recipe, overrides), n_examples=examples, split=split)
    if as_json:
        print_json(result)
        return
    for example in result["examples"]:
        _print_example(example, ids)
    print_ledger(result["ledger"])
    how = f"template {result['template']['name']}" if result["template"] else "no template"
    click.echo(
        f"{how}, at most {result['max_tokens']} tokens; "
        "the coloured text is learnt, the rest is context"
    )


@command.command("check")
@click.argument("target", metavar="FILE|FOLDER|RECIPE")
@OVERRIDES
@click.option("--tokenizer", metavar="FOLDER", help="Model whose tokenizer counts tokens.")
@click.option("--template", metavar="NAME", help="How conversations are written down.")
@click.option("--allow-leaks", is_flag=True, help="Rows in train and evaluation are no error.")
@click.option("--html", metavar="FILE", help="Write a page with everything that was found.")
@json_option
def check(
    target: str,
    overrides: tuple[str, ...],
    tokenizer: str | None,
    template: str | None,
    allow_leaks: bool,
    html: str | None,
    as_json: bool,
) -> int:
    """Say what is wrong with data before any training; exit with 1 where something is."""
    from tunesmith.cli.check import print_check
    from tunesmith.pipelines.check import check as look
    from tunesmith.pipelines.check import make_request

    request = make_request(target, overrides, tokenizer=tokenizer, template=template)
    result = look(request, allow_leaks=allow_leaks)
    if html:
        from tunesmith.pipelines.check_page import write_page

        write_page(result, target, html)
    if as_json:
        print_json(result)
    else:
        print_check(result)
    return 0 if result["ok"] else 1


def _print_example(example: dict[str, Any], with_ids: bool) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console()
    n_tokens, n_learnt = len(example["input_ids"]), sum(example["supervised"])
    console.rule(f"{example['origin']}  {n_tokens} tokens, {n_learnt} learnt", align="left")
    shown = Text()
    for text, is_learnt in example["runs"]:
        shown.append(text, style="bold green" if is_learnt else "")
    console.print(shown)
    if with_ids:
        ids = Text()
        for token, is_learnt in zip(example["input_ids"], example["supervised"], strict=True):
            ids.append(f"{token} ", style="green" if is_learnt else "dim")
        console.print(ids)
