"""Open: a recipe of ours, or a LLaMA-Factory training file, which is told by its keys."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tunesmith.compat.llamafactory.account import as_names
from tunesmith.compat.llamafactory.commands import command_for
from tunesmith.compat.llamafactory.conversion import Conversion
from tunesmith.compat.llamafactory.convert import convert
from tunesmith.compat.llamafactory.dataset_info import REMOTE
from tunesmith.compat.llamafactory.recognise import COMMANDS, NO_RECIPE, recognise
from tunesmith.compat.llamafactory.remote import fetched
from tunesmith.compat.llamafactory.v1 import convert_v1
from tunesmith.core.bundled import bundled_path
from tunesmith.core.errors import RecipeError, TunesmithError
from tunesmith.model.source import read_config
from tunesmith.pipelines.prepare import prepare
from tunesmith.recipe import (
    Recipe,
    apply_override,
    load_recipe,
    make_recipe,
    read_fields,
    recipe_file,
)
from tunesmith.training.plan import n_steps

BOTH = ("template", "optim", "model")
"""Keys of both; without a dot they are LLaMA-Factory's."""


class Opened(NamedTuple):
    """A recipe, and what it was made of."""

    recipe: Recipe
    conversion: Conversion | None
    """Of a LLaMA-Factory file; None: the recipe is our own."""

    @property
    def notes(self) -> list[str]:
        """What somebody who runs the file should know, in a line each."""
        if self.conversion is None:
            return []
        c = self.conversion
        n_changed = sum(bool(entry.note) for entry in c.mapped)
        return [
            f"{c.source}: a LLaMA-Factory file; {len(c.mapped)} keys followed ({n_changed} with a "
            f"change), {len(c.skipped)} not applicable. All of them: tunesmith "
            f"import-llamafactory {c.source}",
            *c.hints,
        ]


def open_recipe(path: str | Path, overrides: Sequence[str] = (), *, to_train: bool) -> Opened:
    """Reads a recipe of ours or a LLaMA-Factory training file, as YAML or JSON.

    Args:
        path: the file, or the name of a recipe that comes with the package.
        overrides: ``key=value``; for a LLaMA-Factory file its own keys, or dotted ones of ours.
        to_train: whether it is to be trained; a file that only scores is then refused.

    Raises:
        RecipeError: keys or values are wrong or cannot be followed; names them all.
        TunesmithError: figures that count rows or steps need the data, and it cannot be read.
    """
    file = recipe_file(path)
    if recognise(read_fields(file)) is None:
        return Opened(load_recipe(path, overrides), None)
    conversion, ours = _converted(file, overrides)
    if to_train and not conversion.trains:
        raise RecipeError(f"{file}: {conversion.hints[0]}.")
    if any(entry.is_needed for entry in conversion.counted):
        conversion = _settled(conversion, _fields(conversion, ours))
    return Opened(make_recipe(_fields(conversion, ours), source=str(file)), conversion)


def import_llamafactory(path: str | Path, overrides: Sequence[str] = ()) -> Conversion | str:
    """What a LLaMA-Factory file comes to: a recipe with an account of every key, or a command.

    Args:
        path: the file.
        overrides: its own keys, ``key=value``.

    Raises:
        RecipeError: it is none, or cannot be followed; names every key.
    """
    file = recipe_file(path)
    if recognise(read_fields(file)) is None:
        raise RecipeError(f"{file}: no LLaMA-Factory file; none of its keys is one of theirs.")
    given, _ = _given(file, overrides)
    kind = recognise(given)
    if kind in COMMANDS:
        return command_for(given, kind, str(file))
    conversion, ours = _converted(file, overrides)
    if ours:
        raise RecipeError(f"{ours[0]!r}: give LLaMA-Factory's own keys; change ours in the result.")
    if not any(entry.is_needed for entry in conversion.counted):
        return conversion
    try:
        return _settled(conversion, conversion.fields)
    except TunesmithError as error:
        for entry in conversion.counted:
            text = f"{entry.key}: {entry.n} {entry.of} there; the share is not known: {error}"
            conversion = conversion.with_value(entry.to, _value(conversion, entry.to), text)
        return conversion


def _given(file: Path, overrides: Sequence[str]) -> tuple[dict[str, Any], list[str]]:
    """The keys of a file with their overrides, and the overrides that are left for our own."""
    given = read_fields(file)
    ours = [text for text in overrides if _is_ours(text)]
    for override in overrides:
        if override not in ours:
            apply_override(given, override)
    return given, ours


def _converted(file: Path, overrides: Sequence[str]) -> tuple[Conversion, list[str]]:
    """A checked conversion, and the overrides that are left for our own keys."""
    given, ours = _given(file, overrides)
    kind = recognise(given)
    if kind in COMMANDS:
        command = command_for(given, kind, str(file))
        raise RecipeError(f"{file}: trains nothing; it is for {kind}. Here that is: {command}")
    if kind == "v1 training":
        return _within_positions(convert_v1(given, file).checked()), ours
    if kind != "training":
        raise RecipeError(f"{file}: {NO_RECIPE.get(str(kind), 'no training file.')}")
    place = str(given.get("dataset_dir"))
    if place.startswith(REMOTE):
        names = [name for key in ("dataset", "eval_dataset") for name in as_names(given.get(key))]
        given["dataset_dir"] = fetched(place, names)
    return _within_positions(convert(given, file).checked()), ours


def _is_ours(override: str) -> bool:
    """Whether an override sets a key of a recipe: dotted, or one that is not theirs."""
    key = override.partition("=")[0]
    first, dot, _ = key.partition(".")
    return first in Recipe.model_fields and (bool(dot) or first not in BOTH)


def _fields(conversion: Conversion, ours: Sequence[str]) -> dict[str, Any]:
    fields = {key: dict(v) if isinstance(v, dict) else v for key, v in conversion.fields.items()}
    for override in ours:
        apply_override(fields, override)
    return fields


def _value(conversion: Conversion, key: str) -> Any:
    group, _, name = key.partition(".")
    return conversion.fields[group][name]


def _within_positions(conversion: Conversion) -> Conversion:
    """At most as many tokens as a model that is here has positions; longer rows would fail."""
    path = conversion.fields["model"]["path"]
    folder = bundled_path(path) or Path(path).expanduser()
    if not (folder / "config.json").is_file():
        return conversion
    positions = read_config(folder).get("max_position_embeddings")
    wanted = _value(conversion, "data.max_tokens")
    if positions is None or positions >= wanted:
        return conversion
    comment = f"{wanted} tokens there; the model has {positions} positions"
    return conversion.with_value("data.max_tokens", positions, comment)


def _settled(conversion: Conversion, fields: dict[str, Any]) -> Conversion:
    """Turns figures that count rows or steps into shares, by reading the data once."""
    for kind in ("rows", "steps"):
        entries = [entry for entry in conversion.counted if entry.of == kind]
        if not entries:
            continue
        total = _count(fields, kind)
        for entry in entries:
            group, _, name = entry.to.partition(".")
            share = round(entry.share(total), 6)
            fields = {**fields, group: {**fields[group], name: share}}
            comment = f"{entry.key}: {entry.n} of {total} {kind}"
            conversion = conversion.with_value(entry.to, share, comment)
    return conversion


def _count(fields: dict[str, Any], kind: str) -> int:
    recipe = make_recipe(fields, source="LLaMA-Factory's file")
    prepared = prepare(recipe, weights=False)
    if kind == "rows":
        return len(prepared.splits.rows["train"])
    return n_steps(
        len(prepared.encoded["train"]),
        batch_size=recipe.train.batch_size,
        epochs=recipe.train.epochs,
        max_steps=recipe.train.max_steps,
    )
