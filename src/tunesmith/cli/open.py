"""Open: the recipe that a verb was given; what a LLaMA-Factory file came to is told beside it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from tunesmith.recipe import Recipe


def open_told(path: str, overrides: Sequence[str], *, to_train: bool = False) -> Recipe:
    """Opens a recipe and says on standard error what it was made of."""
    from tunesmith.pipelines.open_recipe import open_recipe

    opened = open_recipe(path, overrides, to_train=to_train)
    for note in opened.notes:
        click.echo(note, err=True)
    return opened.recipe
