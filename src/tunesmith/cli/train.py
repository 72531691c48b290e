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
@click.option(
    "--measure", is_flag=True, help="With --dry-run: take a step on the longest rows and tell."
)
@click.option(
    "--memory", "memory_gb", type=float, metavar="GB", help="With --dry-run: what it is to fit in."
)
@click.option("--find-lr", is_flag=True, help="Try rising learning rates and suggest one.")
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
    measure: bool,
    memory_gb: float | None,
    find_lr: bool,
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
    if (measure or memory_gb is not None) and not dry_run:
        raise click.UsageError("--measure and --memory go with --dry-run.")
    if dry_run and find_lr:
        raise click.UsageError("--dry-run and --find-lr are two things; give one.")
    if dry_run:
        from tunesmith.pipelines.dry_run import dry_run as plan

        available_mb = None if memory_gb is None else memory_gb * 1000
        result = plan(loaded, available_mb=available_mb)
        if measure:
            from tunesmith.pipelines.measure import measure as take_a_step

            result["measured"] = take_a_step(loaded)
        print_json(result) if as_json else _print_plan(result)
        return
    if find_lr:
        from tunesmith.pipelines.find_lr import find_lr as find

        found = find(loaded)
        print_json(found) if as_json else _print_rates(found)
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
    sharing = plan["sharing"]
    if sharing is not None and sharing["saved_fraction"]:
        click.echo(
            f"examples that begin alike share that: {sharing['saved_fraction']:.0%} of the tokens "
            "are not computed"
        )
    click.echo(plan["precision"])
    click.echo(plan["batching"])
    memory = plan["memory_mb"]
    print_table(
        ["memory, estimated", "MB"], [[k, f"{v:,.0f}"] for k, v in memory.items() if v >= 0.05]
    )
    _print_fit(plan)
    if plan["ledger"]:
        print_ledger(plan["ledger"])
    for note in plan["notes"]:
        click.echo(f"note: {note}")
    click.echo(f"nothing was written; a run would go to {plan['out']}")


def _print_fit(plan: dict[str, Any]) -> None:
    total, available = plan["memory_mb"]["total"], plan["available_mb"]
    if available is None:
        click.echo("this system does not tell how much memory is free")
    elif total <= available:
        click.echo(f"fits: {total:,.0f} of {available:,.0f} MB")
    else:
        click.echo(f"does not fit: {total:,.0f} MB are needed, {available:,.0f} are there.")
        steps = [[" ".join(s["set"]), f"{s['total']:,.0f}"] for s in plan["would_fit"]]
        print_table(["set in this order", "MB then"], steps)
        if not steps or plan["would_fit"][-1]["total"] > available:
            click.echo("even so it does not fit; take a smaller model or a lower data.max_tokens")
    merge = plan["merge_mb"]
    merging = "" if merge is None else f"; tunesmith merge needs about {merge:,.0f} MB of memory"
    click.echo(f"disk: up to {plan['disk_mb']:,.0f} MB{merging}")
    if states := plan["trunk_cache"]:
        click.echo(
            f"states of {states['frozen_layers']} frozen layers are computed once and kept: about "
            f"{states['mb']:,.1f} MB in the cache ({', '.join(states['splits'])})"
        )
    seconds = plan["seconds_at_least"]
    if seconds is not None:
        click.echo(f"time: at least {_duration(seconds)} (its products alone, on this processor)")
    if "measured" in plan:
        found = plan["measured"]
        click.echo(
            f"measured: peak {found['peak_memory_mb']:,.0f} MB; {found['seconds_per_step']:.2f} s "
            f"for a step on the longest rows, so about {_duration(found['seconds'])} for all "
            f"{found['steps']:,} steps, evaluations aside"
        )


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _print_rates(found: dict[str, Any]) -> None:
    shown = found["rates"][:: max(1, len(found["rates"]) // 15)]
    print_table(
        ["rate", "loss", "smoothed"],
        [[f"{r['lr']:.2e}", f"{r['loss']:.4f}", f"{r['smoothed']:.4f}"] for r in shown],
    )
    click.echo(found["told"])
    click.echo(f"page: {found['page']}\nnext: give it with optim.lr={found['lr']:g}")
