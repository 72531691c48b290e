"""``tunesmith runs compare``."""

from __future__ import annotations

import json
from typing import Any

import click

from tunesmith.cli.show import json_option, print_json, print_table

N_LINES = 40
"""Of a diff; ``--json`` has all of it."""


@click.command("compare")
@click.argument("before", metavar="A")
@click.argument("after", metavar="B")
@json_option
def command(before: str, after: str, as_json: bool) -> None:
    """Name what changed from run A to run B, and what it did to the scores.

    Data rows, the text of an example, keys of the recipe, versions, weights; then the figures of
    both and, where both were scored on the same examples, what is a real difference.
    """
    from tunesmith.pipelines.run_changes import run_changes

    found = run_changes(before, after)
    if as_json:
        print_json(found)
        return
    click.echo(f"from {found['before']} to {found['after']}")
    _say_data(found["data"])
    _say_template(found["template"])
    _say_keys("recipe", found["recipe"])
    _say_keys("versions", found["versions"])
    _say_weights(found["weights"])
    print_table(
        ["figure", "A", "B"],
        [[one["name"], _value(one["before"]), _value(one["after"])] for one in found["figures"]],
    )
    _say_scores(found["scores"])


def _say_data(data: dict[str, Any]) -> None:
    if data["same"]:
        click.echo("data: the same rows")
        return
    if not data["splits"]:
        click.echo(f"data: not the same; which rows is not known: {data['why']}")
        return
    kinds = ("same", "changed", "removed", "added", "moved_out", "moved_in")
    print_table(
        ["data", "A", "B", *(kind.replace("_", " ") for kind in kinds)],
        [
            [split, f"{one['before']:,}", f"{one['after']:,}", *(f"{one[k]:,}" for k in kinds)]
            for split, one in data["splits"].items()
        ],
    )
    for split, one in data["splits"].items():
        for kind, places in one["examples"].items():
            for place in places:
                told = place if isinstance(place, str) else _both(place)
                click.echo(f"  {split}, {kind.replace('_', ' ')}: {told}")


def _both(places: list[str]) -> str:
    return places[0] if places[0] == places[1] else f"{places[0]} -> {places[1]}"


def _say_template(template: dict[str, Any]) -> None:
    diff, origins = template["diff"], template["origins"]
    if not diff:
        unread = "" if origins else " (by its settings; no example is kept)"
        same = "the same text" if template["same"] or origins else "not the same"
        click.echo(f"template: {same}{unread}")
        return
    click.echo(f"an example as the model saw it ({_both(origins)}):")
    for line in diff[:N_LINES]:
        click.echo(f"  {line}")
    if len(diff) > N_LINES:
        click.echo(f"  and {len(diff) - N_LINES} lines more; --json has them all")


def _say_keys(what: str, changes: list[dict[str, Any]]) -> None:
    if not changes:
        click.echo(f"{what}: the same")
    for one in changes:
        click.echo(f"{what}: {one['key']}: {_value(one['before'])} -> {_value(one['after'])}")


def _say_weights(weights: dict[str, Any]) -> None:
    words = {"start": "weights it starts from", "result": "weights it came to"}
    for key, of in words.items():
        one = weights[key]
        told = "the same" if one["same"] else f"{one['before'][:12]} -> {one['after'][:12]}"
        click.echo(f"{of}: {told}")


def _say_scores(scores: dict[str, Any]) -> None:
    if scores["why"]:
        click.echo(f"scores: not compared: {scores['why']}")
        return
    from tunesmith.evaluation.figures import p_text

    tested = [one for one in scores["scores"] if "untested" not in one]
    rows = [
        [
            one["heading"] if one["model"][0] == one["model"][1] == "tuned" else _named(one),
            _value(one["before"]),
            _value(one["after"]),
            "" if one.get("difference") is None else f"{one['difference']:+.3f}",
            "" if one.get("low") is None else f"{one['low']:+.3f} to {one['high']:+.3f}",
            p_text(one.get("p")),
        ]
        for one in scores["scores"]
    ]
    print_table(["score", "A", "B", "difference", "95 %", "p"], rows)
    for one in tested:
        word = {"better": "B is better", "worse": "B is worse"}.get(one["verdict"])
        told = word or f"A and B {'are ' if one['verdict'] == 'the same' else ''}{one['sentence']}"
        click.echo(f"{_named(one)}: {told}")
    for one in scores["scores"]:
        if "untested" in one:
            click.echo(f"{_named(one)}: not tested: {one['untested']}")
    for note in scores["notes"]:
        click.echo(f"note: {note}")


def _named(one: dict[str, Any]) -> str:
    first, second = one["model"]
    if first == second:
        return one["heading"] if first == "tuned" else f"{one['heading']}, {first}"
    return f"{one['heading']}, {first} against {second}"


def _value(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
