"""``tunesmith data check``: what is wrong with data, before any training."""

from __future__ import annotations

from typing import Any

import click

from tunesmith.cli.show import OVERRIDES, json_option, print_json, print_ledger, print_table

COLOURS = {"error": "red", "warning": "yellow", "info": None}
FATES = ("read", "kept", "dropped", "rejected")
BAR_CHARS = 40
MOST_FILES = 40


@click.command("check")
@click.argument("target", metavar="FILE|FOLDER|RECIPE")
@OVERRIDES
@click.option("--tokenizer", metavar="FOLDER", help="Model whose tokenizer counts tokens.")
@click.option("--template", metavar="NAME", help="How conversations are written down.")
@click.option("--allow-leaks", is_flag=True, help="Rows in train and evaluation are no error.")
@click.option("--html", metavar="FILE", help="Write a page with everything that was found.")
@json_option
def command(
    target: str,
    overrides: tuple[str, ...],
    tokenizer: str | None,
    template: str | None,
    allow_leaks: bool,
    html: str | None,
    as_json: bool,
) -> int:
    """Say what is wrong with data before any training; exit with 1 where something is."""
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


def print_check(result: dict[str, Any]) -> None:
    """Writes files, splits, lengths, tokens and findings, the gravest last, where eyes rest."""
    _print_files(result["files"])
    tokens = result["tokens"]
    if tokens:
        print_ledger(result["splits"])
        _print_tokens(tokens)
    for split, counts in result["splits"].items():
        figures = " + ".join(f"{counts[f]:,} {f}" for f in ("kept", "cut", "dropped", "rejected"))
        click.echo(f"{split}: {counts['read']:,} read = {figures}")
    if result["lengths"]:
        _print_lengths(result["lengths"])
    for notice in result["notices"]:
        click.echo(f"notice: {notice}")
    click.echo()
    for finding in reversed(result["findings"]):
        _print_finding(finding)
    click.echo(verdict(result))
    if not tokens:
        click.echo("For tokens, padding and packing add: --tokenizer FOLDER")


def verdict(result: dict[str, Any]) -> str:
    """How many findings of each severity, in one line."""
    found = [finding["severity"] for finding in result["findings"]]
    n_errors, n_warnings = found.count("error"), found.count("warning")
    counts = f"{n_errors} error(s), {n_warnings} warning(s) in {result['rows']:,} rows"
    return f"ok: {counts}" if result["ok"] else f"not ready for training: {counts}"


def _print_files(files: list[dict[str, Any]]) -> None:
    rows = [
        [
            file["path"],
            file["split"],
            ", ".join(file["kinds"]) or ("not read" if file["error"] else "-"),
            *(f"{file[fate]:,}" for fate in FATES),
            f"{file['characters']:,}",
        ]
        for file in files[:MOST_FILES]
    ]
    print_table(["file", "split", "kind", *FATES, "characters"], rows)
    if len(files) > MOST_FILES:
        click.echo(f"and {len(files) - MOST_FILES:,} more files")


def _print_tokens(tokens: dict[str, Any]) -> None:
    for split, counts in tokens["splits"].items():
        click.echo(
            f"{split}: {counts['tokens']:,} tokens, {counts['supervised_tokens']:,} learnt; "
            f"{counts['wholly_masked']:,} rows wholly masked, {counts['without_end']:,} without "
            "end-of-sequence"
        )
    forecast = tokens["forecast"]
    click.echo(
        f"padding at {forecast['at_once']} at once: "
        f"{forecast['padding_fraction_at_random']:.1%} at random, "
        f"{forecast['padding_fraction_by_length']:.1%} grouped by length; packed: "
        f"{forecast['packed_rows']:,} rows of {tokens['max_tokens']:,} tokens, "
        f"{forecast['packed_fill_fraction']:.1%} full"
    )


def _print_lengths(lengths: dict[str, Any]) -> None:
    click.echo(
        f"\n{lengths['unit']} per row: {lengths['shortest']:,} to {lengths['longest']:,}, median "
        f"{lengths['median']:,}, 95 of 100 rows at most {lengths['p95']:,}"
    )
    tallest = max(lengths["counts"])
    for place, n in enumerate(lengths["counts"]):
        start = place * lengths["width"]
        is_last = place == len(lengths["counts"]) - 1
        more = "+" if is_last and lengths["open_end"] else " "
        bar = "█" * round(BAR_CHARS * n / tallest) or ("▏" if n else "")
        click.echo(f"{start:>10,}{more} {bar} {n:,}")


def _print_finding(finding: dict[str, Any]) -> None:
    severity = finding["severity"]
    head = click.style(f"{severity:<8}", fg=COLOURS[severity], bold=severity == "error")
    click.echo(f"{head} {finding['check']}: {finding['fact']}")
    if finding["places"]:
        click.echo(f"{'':9}at {finding['places'][0]}{_more(finding)}")
    if finding["fix"]:
        click.echo(f"{'':9}{finding['fix']}")


def _more(finding: dict[str, Any]) -> str:
    others = finding["places"][1:3]
    return "".join(f", {place}" for place in others) + (
        " ..." if len(finding["places"]) > 3 else ""
    )
