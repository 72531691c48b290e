"""``tunesmith lm-eval``."""

from __future__ import annotations

import click

from tunesmith.cli.show import json_option, print_json, print_table


@click.command("lm-eval")
@click.argument("models", nargs=-1, required=True, metavar="[NAME=]MODEL...")
@click.option(
    "--task",
    "tasks",
    multiple=True,
    required=True,
    metavar="FILE.yaml",
    help="A task of the harness, in a local file; may come again.",
)
@click.option("--limit", type=click.IntRange(1), help="Examples of each task, from the start.")
@click.option("--out", default="harness", show_default=True, help="Gets harness.json.")
@click.option("--batch-size", type=click.IntRange(1), default=32, show_default=True)
@json_option
def command(
    models: tuple[str, ...],
    tasks: tuple[str, ...],
    limit: int | None,
    out: str,
    batch_size: int,
    as_json: bool,
) -> None:
    """Run tasks of EleutherAI's lm-evaluation-harness, and compare the models on them.

    Scores are the harness's own; intervals and paired tests are added where a score is the mean of
    its examples. A task's file may name code, which the harness runs: take files that you trust.
    Needs 'tunesmith[lm-eval]'.
    """
    from tunesmith.pipelines.comparison_page import pair_table
    from tunesmith.pipelines.harness import harness

    result = harness(models, tasks, out=out, limit=limit, batch_size=batch_size)
    if as_json:
        print_json(result)
    else:
        rows = [
            [
                name,
                score,
                f"{own['value']:.4f}",
                "" if own["stderr"] is None else f"{own['stderr']:.4f}",
                _between(model["scores"][score]),
            ]
            for name, model in result["models"].items()
            for score, own in model["harness"].items()
        ]
        counts = ", ".join(f"{n} of {task}" for task, n in result["n"].items())
        header = ["model", "score", "value", "standard error", "95 %"]
        print_table(header, rows, title=f"examples: {counts}")
        if result["pairs"]:
            print_table(*pair_table(result, verdict="verdict"))
        click.echo(f"all figures: {out}")
    if result["failed"]:
        raise SystemExit(1)


def _between(score: dict[str, float | None]) -> str:
    low, high = score["low"], score["high"]
    return "" if low is None or high is None else f"{low:.3f} to {high:.3f}"
