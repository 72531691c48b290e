"""``tunesmith doctor``."""

from __future__ import annotations

import click

from tunesmith.cli.show import json_option, print_json


@click.command("doctor")
@json_option
def command(as_json: bool) -> None:
    """Say what this machine has, and what is missing."""
    from tunesmith.pipelines.doctor import doctor

    facts = doctor()
    if as_json:
        print_json(facts)
        return
    click.echo(f"machine   {facts['platform']}, {facts['cores']} cores")
    click.echo(f"memory    {facts['memory_gib']} GiB, {facts['free_disk_gib']} GiB of disk free")
    held = ", ".join(f"{kind} {mb:,.1f} MB" for kind, mb in facts["cache_mb"].items())
    click.echo(f"cache     {facts['cache']}: {held or 'empty'}")
    click.echo(f"GPU       {facts['gpu']}")
    click.echo("versions  " + ", ".join(f"{k} {v}" for k, v in facts["versions"].items()))
    for name, is_there in facts["bundled"].items():
        click.echo(f"bundled   {name}: {'here' if is_there else 'MISSING'}")
    for extra, install in facts["missing"].items():
        click.echo(f"missing   extra {extra!r}: {install}")
    if not facts["missing"]:
        click.echo("all extras are installed")
