"""``tunesmith sweep``."""

from __future__ import annotations

from typing import Any

import click

from tunesmith.cli.show import command_name, json_option, print_json, print_table


@click.command("sweep")
@click.argument("recipe", metavar="RECIPE")
@click.argument("values", nargs=-1, metavar="[KEY=VALUE,VALUE]...")
@click.option("--random", "n_random", type=click.IntRange(1), help="Draw so many combinations.")
@click.option("--seed", default=0, show_default=True, help="Of the draw.")
@click.option("--list", "settings_file", metavar="FILE", help="A YAML list of settings to try.")
@click.option("--max-runs", type=click.IntRange(1), help="Try at most so many settings.")
@click.option(
    "--max-steps", type=click.IntRange(1), help="Begin no run after so many steps in all."
)
@click.option(
    "--halving", is_flag=True, help="Stop losers early: successive halving, by a third each time."
)
@click.option("--eta", type=click.IntRange(2), help="With --halving: keep one in so many.")
@click.option("--metric", help="What an evaluation logs; the recipe's train.best_metric.")
@click.option(
    "--higher/--lower", "higher", default=None, help="Which is better; by the metric's name."
)
@click.option("--resume", is_flag=True, help="Go on with the sweep in its directory.")
@json_option
def command(
    recipe: str,
    values: tuple[str, ...],
    n_random: int | None,
    seed: int,
    settings_file: str | None,
    max_runs: int | None,
    max_steps: int | None,
    halving: bool,
    eta: int | None,
    metric: str | None,
    higher: bool | None,
    resume: bool,
    as_json: bool,
) -> None:
    """Run RECIPE with several settings and name the best.

    For example: tunesmith sweep recipes/demo.yaml optim.lr=1e-5,5e-5,2e-4 train.batch_size=8,16

    A range is drawn from: optim.lr=log:1e-5..1e-3 --random 8
    """
    from tunesmith.pipelines.sweep import sweep
    from tunesmith.pipelines.trials import SweepRequest

    request = SweepRequest(
        recipe,
        values,
        n_random=n_random,
        seed=seed,
        settings_file=settings_file,
        max_runs=max_runs,
        max_steps=max_steps,
        eta=(eta or 3) if halving or eta else None,
        metric=metric,
        higher_is_better=higher,
    )
    result = sweep(request, resume=resume, show_progress=True)
    if as_json:
        print_json(result)
        return
    _print(result)


def _print(result: dict[str, Any]) -> None:
    keys = list(dict.fromkeys(key for trial in result["trials"] for key in trial["setting"]))
    print_table(
        ["run", *keys, result["metric"], "best step", "steps", "state"],
        [
            [
                str(trial["number"]),
                *(trial["setting"].get(key, "") for key in keys),
                "" if trial["score"] is None else f"{trial['score']:.4f}",
                "" if trial["best_step"] is None else str(trial["best_step"]),
                str(trial["steps"]),
                "best" if trial["number"] == result["best"] else trial["state"],
            ]
            for trial in result["trials"]
        ],
    )
    for trial in result["trials"]:
        if trial["state"] in ("failed", "not run"):
            click.echo(f"run {trial['number']} {trial['state']}: {trial['reason']}")
    for note in result["notes"]:
        click.echo(note)
    if result["n_left_out"]:
        click.echo(f"{result['n_left_out']} further settings were left out by --max-runs")
    chosen = result["trials"][result["best"] - 1]
    click.echo(f"best:   {chosen['run']}\npage:   {result['out']}/sweep.html")
    click.echo(f"again:  {result['command']}\nnext:   {command_name()} eval {chosen['run']}")
