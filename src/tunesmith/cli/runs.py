"""``tunesmith runs``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from tunesmith.cli import compare_runs
from tunesmith.cli.show import json_option, print_json, print_table


class Runs(click.Group):
    """Lists runs where no verb is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Puts ``list`` before a folder, and a verb before its options."""
        word = next((a for a in args if not a.startswith("-")), "")
        if word in self.commands:
            args.remove(word)
            args.insert(0, word)
        elif not set(args) & set(ctx.help_option_names):
            args.insert(0, "list")
        return super().parse_args(ctx, args)


@click.group("runs", cls=Runs)
def command() -> None:
    """List runs, or name what changed between two: tunesmith runs [FOLDER], runs compare A B."""


command.add_command(compare_runs.command)


@command.command("list")
@click.argument("folder", default="runs", metavar="[FOLDER]")
@json_option
def list_runs(folder: str, as_json: bool) -> None:
    """List the runs below FOLDER (default: runs); the word "list" may be left out."""
    from tunesmith.core.runs import SCORES, find_runs

    found: list[dict[str, Any]] = []
    for run in find_runs(Path(folder).expanduser()):
        entry: dict[str, Any] = {"run": str(run.path), "finished": run.is_finished}
        if run.is_finished:
            summary = run.summary
            entry |= {
                k: summary[k] for k in ("steps", "eval_loss_first", "eval_loss_best", "seconds")
            }
        if (run.path / SCORES).is_file():
            entry |= _verdict(run.read(SCORES))
        found.append(entry)
    if as_json:
        print_json({"runs": found})
    elif not found:
        click.echo(f"no run below {folder}. Make one with: tunesmith demo")
    else:
        _print(found)


def _verdict(scores: dict[str, Any]) -> dict[str, Any]:
    """The score of the tuned model to judge it by, and its name."""
    from tunesmith.evaluation.metrics import METRICS

    verdicts = {METRICS.load(name).gives[0] for name in METRICS.names()}
    tuned = next((row for name, row in scores.items() if name.partition("/")[0] == "tuned"), {})
    kind = next((kind for kind in tuned if kind in verdicts), None)
    if kind is None:
        return {}
    return {kind: tuned[kind], "score": tuned[kind], "score_name": kind}


def _print(found: list[dict[str, Any]]) -> None:
    def shown(entry: dict[str, Any], key: str, form: str) -> str:
        value = entry.get(key)
        return "" if value is None else format(value, form)

    print_table(
        ["run", "state", "steps", "eval loss", "best", "score", "", "s"],
        [
            [
                entry["run"],
                "finished" if entry["finished"] else "unfinished",
                shown(entry, "steps", ",d"),
                shown(entry, "eval_loss_first", ".4f"),
                shown(entry, "eval_loss_best", ".4f"),
                shown(entry, "score", ".3f"),
                shown(entry, "score_name", ""),
                shown(entry, "seconds", ",.0f"),
            ]
            for entry in found
        ],
    )
