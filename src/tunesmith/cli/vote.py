"""Vote: two answers side by side without names, and a key for each verdict."""

from __future__ import annotations

import getpass
import sys
import unicodedata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from rich.console import Console, RenderableType

    from tunesmith.pipelines.votes import Ballot, Said, VoteBook

KEYS: dict[str, Said] = {
    "l": "left",
    "r": "right",
    "t": "tie",
    "b": "bad",
    "s": "skip",
    "\x1b[D": "left",
    "\x1b[C": "right",
}
HELP = "l left, r right, t tie, b both bad, s skip, u undo, m more, q quit"
LINES = 12
"""Of a prompt that are shown before ``m`` is pressed."""
LINES_OF_ANSWER = 40
WIDEST = 140
TURNS_TEXT = frozenset("\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Signs that make what follows run the other way."""
WIDTH_OF_A_PIPE = 80


def vote_and_count(out: str, voter: str | None, *, seed: int) -> dict[str, Any] | None:
    """Takes votes on a comparison, and counts all there are.

    Args:
        out: folder of the comparison.
        voter: who votes; None: the name of the user.
        seed: of the order of votes and sides.

    Returns:
        The comparison with its votes; None: they go on another time, and figures, which have names,
        would spoil that.
    """
    from tunesmith.pipelines.judge_compared import judge_compared

    has_seen_all = vote(Path(out).expanduser(), voter, seed=seed)
    result = judge_compared(out)
    if has_seen_all:
        return result
    click.echo(f"figures so far, with names: {out}; the same command goes on with the votes")
    return None


def vote(folder: Path, voter: str | None, *, seed: int) -> bool:
    """Asks for votes until all are cast or the voter ends it; each is kept at once.

    Args:
        folder: of a comparison.
        voter: who votes; None: the name of the user.
        seed: of the order of votes and sides.

    Returns:
        Whether the voter has seen everything, so that figures spoil nothing.

    Raises:
        TunesmithError: there is no comparison, or the votes cannot be kept.
    """
    from tunesmith.core.held import held
    from tunesmith.pipelines.compared_folder import read_compared
    from tunesmith.pipelines.votes import FOLDER, VoteBook, ballots

    compared = read_compared(folder)
    name = voter or _user()
    VoteBook(folder, name)  # which checks the name, before a folder is made of it
    with held(folder / FOLDER / f".{name}", choose="Vote by another name with --voter"):
        book = VoteBook(folder, name)
        asked = ballots(compared, name, seed=seed)
        if not asked:
            click.echo("there are no two different answers to choose from")
            return True
        try:
            _ask(asked, book)
        except (KeyboardInterrupt, EOFError):
            click.echo()
    n_open = sum(ballot.key not in book.standing for ballot in asked)
    n_kept = len(asked) - n_open
    click.echo(f"{n_kept:,} of {len(asked):,} choices are made by {name}; all are kept")
    return n_open == 0


def _ask(asked: list[Ballot], book: VoteBook) -> None:
    console = _console()
    console.print(HELP, highlight=False)
    by_key = {ballot.key: ballot for ballot in asked}
    again: Ballot | None = None
    while True:
        ballot = again or next((b for b in asked if b.key not in book.standing), None)
        if ballot is None:
            return
        again = None
        n_made = sum(key in book.standing for key in by_key)
        _show(console, ballot, f"{n_made + 1:,} of {len(asked):,}")
        while True:
            key = _key(console)
            if key in KEYS:
                book.vote(ballot, KEYS[key])
                break
            if key == "u":
                undone = book.undo()
                if undone is None:
                    console.print("there is nothing to take back", highlight=False)
                    continue
                again = by_key.get(undone)
                break
            if key == "m":
                _show(console, ballot, "", whole=True)
            elif key in ("q", "", "\x03", "\x04"):
                return
            else:
                console.print(HELP, highlight=False)


def _show(console: Console, ballot: Ballot, place: str, *, whole: bool = False) -> None:
    from rich.rule import Rule
    from rich.table import Table
    from rich.text import Text

    if place:
        console.print(Rule(Text(place), style="dim"))
    console.print(_shortened(console, ballot.prompt, console.width, None if whole else LINES))
    table = Table(expand=True, show_lines=False, header_style="bold")
    for side in ("left", "right"):
        word = f"{side} (cut by the token limit)" if side in ballot.cut else side
        table.add_column(word, ratio=1, overflow="fold")
    width = max(10, (console.width - 7) // 2)
    most = None if whole else LINES_OF_ANSWER
    sides = [_shortened(console, text, width, most) for text in (ballot.left, ballot.right)]
    table.add_row(*sides)
    console.print(table)


def _shortened(console: Console, text: str, width: int, most: int | None) -> RenderableType:
    """A text's first lines as they are wrapped, with a word on how much is left out."""
    from rich.text import Text

    whole = Text(printable(text).strip() or "(an empty answer)", overflow="fold")
    lines = whole.wrap(console, width)
    if most is None or len(lines) <= most:
        return whole
    shown = Text("\n").join(lines[:most])
    return Text.assemble(shown, f"\n({len(lines) - most:,} more lines; m shows them)")


def printable(text: str) -> str:
    """A text that does nothing to a terminal: signs that steer it are shown as a box."""
    return "".join(
        sign
        if sign in "\n\t" or not (sign in TURNS_TEXT or unicodedata.category(sign) in ("Cc", "Cs"))
        else "\ufffd"
        for sign in text.replace("\r\n", "\n")
    )


def _key(console: Console) -> str:
    """One key; of a pipe a line's first letter. Empty at its end."""
    console.print("> ", end="")
    if sys.stdin.isatty():
        key = click.getchar()
        console.print(key if key.isprintable() else "", highlight=False, markup=False)
    else:
        line = sys.stdin.readline()
        key = line.strip()[:1] or ("?" if line else "")
        console.print(key, highlight=False, markup=False)
    return key.lower() if len(key) == 1 else key


def _console() -> Console:
    from rich.console import Console

    if not sys.stdout.isatty():
        return Console(width=WIDTH_OF_A_PIPE)
    console = Console()
    return Console(width=min(console.width, WIDEST))


def _user() -> str:
    """The user's name as a file can be called."""
    try:
        name = getpass.getuser()
    except (OSError, KeyError):  # in a container nobody may have a name
        return "voter"
    return "".join(sign if sign.isalnum() and sign.isascii() else "-" for sign in name) or "voter"
