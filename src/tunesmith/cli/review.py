"""``tunesmith data review``: a page to accept, edit and reject the rows of a dataset."""

from __future__ import annotations

import os
import sys

import click

from tunesmith.cli.show import json_option, print_json


@click.command("review")
@click.argument("folder", metavar="DIR")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    default=0,
    show_default=True,
    help="On the loopback address; 0: a free one.",
)
@click.option("--by", metavar="NAME", help="Who decides.  [default: the name of the user]")
@click.option("--no-open", is_flag=True, help="Print the address and open no browser.")
@json_option
def command(folder: str, port: int, by: str | None, no_open: bool, as_json: bool) -> None:
    """Decide on the rows of DIR in a browser, each beside its source; Ctrl-C ends it.

    DIR is what `tunesmith data build` has written. The page is served to this machine only, behind
    a token. Every decision is on the disk before the page moves on.
    """
    from tunesmith.pipelines.review import review

    with review(folder, port=port, by=by) as page:
        counts = page.counts()
        if as_json:
            print_json({"url": page.url, "decisions": str(page.decisions), "rows": counts["rows"]})
        else:
            click.echo(page.url)
            click.echo(f"{counts['rows']:,} rows; Ctrl-C ends", err=True)
        sys.stdout.flush()
        if not (no_open or as_json) and _has_screen():
            import webbrowser

            webbrowser.open(page.url)
        try:
            page.wait()
        except KeyboardInterrupt:
            _print_counts(page.counts())
            click.echo(f"decisions are in {page.decisions}", err=True)


def _has_screen() -> bool:
    """Whether a browser with a window can be opened; one in the terminal would take it over."""
    return sys.platform in ("darwin", "win32") or bool(
        os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )


def _print_counts(counts: dict[str, int]) -> None:
    n_open = counts["undecided"] + counts["changed"]
    changed = f" ({counts['changed']:,} of them changed since)" if counts["changed"] else ""
    click.echo(
        f"\n{counts['rows']:,} rows = {counts['accepted']:,} accepted + {counts['edited']:,} "
        f"edited + {counts['rejected']:,} rejected + {n_open:,} not decided{changed}",
        err=True,
    )
