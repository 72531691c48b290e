"""``tunesmith train``."""

from __future__ import annotations

from typing import Any

import click

from tunesmith.cli.open import open_told
from tunesmith.cli.show import (
    OVERRIDES,
    command_name,
    json_option,
    print_json,
    print_ledger,
    print_table,
)


@click.command("train")
@click.argument("recipe", metavar="RECIPE")
@OVERRIDES
@click.option("--dry-run", is_flag=True, help="Say what would be done and needed; do nothing.")
@click.option("--resume", is_flag=True, help="Go on with the run in the recipe's directory.")
@click.option(
    "--allow-changed",
    multiple=True,
    metavar="WHAT",
    help="With --resume: go on although this is different now, as data or optim; may be repeated.",
)
@json_option
def command(
    recipe: str,
    overrides: tuple[str, ...],
    dry_run: bool,
    resume: bool,
    allow_changed: tuple[str, ...],
    as_json: bool,
) -> None:
    """Tune a model as RECIPE says, ours or a LLaMA-Factory training file.

    For example: tunesmith train recipes/demo.yaml optim.lr=1e-3 out=runs/mine
    """
    if allow_changed and not resume:
        raise click.UsageError("--allow-changed goes with --resume.")
    loaded = open_told(recipe, overrides, to_train=True)
    if dry_run:
        from tunesmith.pipelines.dry_run import dry_run as plan

        result = plan(loaded)
        print_json(result) if as_json else _print_plan(result)
        return
    from tunesmith.pipelines.train import train

    run = train(loaded, resume=resume, allow_changed=allow_changed, show_progress=True)
    summary = run.summary
    if as_json:
        print_json(summary)
        return
    print_ledger(summary["ledger"])
    click.echo(
        f"{summary['steps']} steps in {summary['seconds']:.0f} s, "
        f"{summary['tokens_per_s']:,.0f} tokens/s, peak {summary['peak_memory_mb']:,.0f} MB"
    )
    if summary["eval_loss_first"] is not None:
        click.echo(
            f"evaluation loss {summary['eval_loss_first']:.4f} -> "
            f"{summary['eval_loss_model']:.4f} (best: step {summary['best_step']})"
        )
    click.echo(f"ended {summary['stopped']}; weights of step {summary['model_step']}")
    if summary["best_metric"] != "eval_loss" and summary["best_step"] is not None:
        click.echo(
            f"best {summary['best_metric']}: {summary['best_value']:.4f} at step "
            f"{summary['best_step']}"
        )
    if forgetting := summary["forgetting"]:
        click.echo(
            f"perplexity on general text {forgetting['perplexity_before']:.2f} -> "
            f"{forgetting['perplexity_after']:.2f} ({forgetting['rise']:+.1%})"
        )
    click.echo(f"model:  {run.artifact}\nreport: {run.path / 'report.html'}")
    click.echo(f"next:   {command_name()} eval {run.path}")


def _print_plan(plan: dict[str, Any]) -> None:
    method, model = plan["method"], plan["model"]
    rows = "?" if plan["rows"] is None else f"{plan['rows']:,}"
    steps = "?" if plan["steps"] is None else f"{plan['steps']:,}"
    click.echo(
        f"{model['path']}: {model['parameters']:,} parameters, {method['name']} trains "
        f"{method['trained_parameters']:,} of them at {plan['lr']:g}"
    )
    click.echo(
        f"{rows} training rows, the longest of {plan['longest_tokens']:,} tokens, {steps} steps"
    )
    memory = plan["memory_mb"]
    print_table(["memory, estimated", "MB"], [[k, f"{v:,.0f}"] for k, v in memory.items()])
    if plan["ledger"]:
        print_ledger(plan["ledger"])
    for note in plan["notes"]:
        click.echo(f"note: {note}")
    click.echo(f"nothing was written; a run would go to {plan['out']}")
