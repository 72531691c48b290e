"""Writes the reference pages from the code: ``python docs/reference/generate.py``.

With ``--check`` nothing is written; the exit code is 1 when a page is not what the code says.
"""

from __future__ import annotations

import argparse
import ast
import importlib
import inspect
import sys
import textwrap
import types
import typing
from collections.abc import Callable, Sequence
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

import click
from pydantic.fields import FieldInfo

from tunesmith.cli.main import VERBS, app
from tunesmith.core.markdown import markdown_row
from tunesmith.core.part import Part, Settings
from tunesmith.core.registry import Registry
from tunesmith.data import FORMATS
from tunesmith.methods import METHODS
from tunesmith.objectives import OBJECTIVES
from tunesmith.recipe import FORMERLY, Recipe, make_recipe
from tunesmith.synthesize.kinds import KINDS
from tunesmith.tasks import TASKS
from tunesmith.templates import TEMPLATES
from tunesmith.trackers import TRACKERS

HERE = Path(__file__).parent
NOTE = "<!-- Made by docs/reference/generate.py; edit the code instead of this page. -->"

TABLES: dict[str, tuple[Registry[Any], str]] = {
    "data.format": (FORMATS, "What a record of a file looks like."),
    "template": (TEMPLATES, "How a conversation is written down for the model."),
    "task": (TASKS, "What is learnt of an example."),
    "method": (METHODS, "Which weights train, and what is saved of them."),
    "objective": (OBJECTIVES, "What is minimised."),
    "trackers": (TRACKERS, "Where a run's figures go. `trackers` is a list."),
}
"""Recipe key -> the table of parts that it chooses from, and what such a part decides."""

BUILD_TABLES: dict[str, tuple[Registry[Any], str]] = {
    "kinds": (KINDS, "What `tunesmith data build` makes of a passage. `kinds` is a list."),
}
"""Tables that no recipe chooses from."""

FACTS = {
    "default_lr": "peak learning rate where the recipe sets none: `{:g}`",
    "saves_adapter": {True: "saves an adapter", False: "saves whole weights"},
    "uses_template": {True: "uses the template", False: "uses no template"},
    "stop": "an answer also ends at: {}",
}
"""Class attributes of parts that a user meets, and how they are told."""


def recipe_page() -> str:
    """Every key of a recipe."""
    lines = [
        NOTE,
        "",
        "# Recipe",
        "",
        "A recipe is a YAML file. Only `data.path` is required; everything else has a default.",
        "",
        "- On the command line any key is set with `KEY=VALUE`, dotted: `optim.lr=1e-4`. The value",
        "  is YAML, so `data.path='{train: a.jsonl, validation: b.jsonl}'` is a mapping.",
        "- A part is named in short (`method: lora`) or with its fields",
        "  (`method: {name: lora, rank: 8}`). On the command line, `method=qlora` keeps the fields",
        "  that both methods have, and `method.rank=8` sets one field.",
        "- Where the default is `null`, the value is derived; the meaning says from what.",
        "- An unknown key is an error, and the message suggests the nearest one.",
        "- Without `out`, a run goes to `runs/` and the name of the recipe's file.",
        *(f"- `{old}` is written `{new}`." for old, new in FORMERLY.items()),
        "",
        "The parts themselves are on [their own page](parts.md).",
    ]
    groups: list[tuple[str, FieldInfo]] = []
    lines += ["", "## Top level", "", *_table_head()]
    for key, field in Recipe.model_fields.items():
        lines.append(_row(Recipe, key, prefix=""))
        if _settings(field) is not None:
            groups.append((key, field))
    for key, field in groups:
        cls = _settings(field)
        assert cls is not None
        lines += ["", f"## {key}", "", _prose(cls.__doc__), "", *_table_head()]
        lines += [_row(cls, name, prefix=key) for name in cls.model_fields]
    lines += ["", "## All defaults", "", "```yaml"]
    lines += make_recipe({"data": {"path": "my-dialogues.jsonl"}}).to_yaml().splitlines()
    lines += ["```", ""]
    return "\n".join(lines)


def parts_page() -> str:
    """Every part of every table."""
    lines = [
        NOTE,
        "",
        "# Parts",
        "",
        "What can be named in a [recipe](recipe.md), by the key that names it, and at the end what",
        "can be named in [building a dataset](../how-to/build-a-dataset.md). Further parts can",
        "come from other packages; see [CONTRIBUTING](../../CONTRIBUTING.md#plugins).",
    ]
    for key, (table, meaning) in {**TABLES, **BUILD_TABLES}.items():
        lines += ["", f"## {key}", "", meaning]
        for name in table.entries:
            lines += ["", f"### {key}: {name}", "", *_part(table, name, key)]
    return "\n".join([*lines, ""])


def commands_page() -> str:
    """Every verb with its arguments and options."""
    lines = [
        NOTE,
        "",
        "# Commands",
        "",
        "Every verb answers `--help`. With `--json` it prints one JSON object on standard output",
        'and nothing else; a mistake is then `{"error": "..."}`. Exit codes are on the page about',
        "[errors](errors.md).",
    ]
    for verb in VERBS:
        command = app.get_command(click.Context(app), verb)
        assert command is not None
        lines += _command(command, f"tunesmith {verb}")
    return "\n".join([*lines, ""])


PAGES: dict[str, Callable[[], str]] = {
    "recipe.md": recipe_page,
    "parts.md": parts_page,
    "commands.md": commands_page,
}


def stale_pages() -> list[str]:
    """Names of the pages that are not what the code says."""
    return [name for name, page in PAGES.items() if _written(HERE / name) != page()]


def main(arguments: Sequence[str] | None = None) -> int:
    """Writes the pages, or with ``--check`` only compares them; returns the exit code."""
    parser = argparse.ArgumentParser(description="Writes the reference pages from the code.")
    parser.add_argument("--check", action="store_true", help="write nothing; 1 if a page is stale")
    if not parser.parse_args(arguments).check:
        for name, page in PAGES.items():
            (HERE / name).write_text(page(), "utf-8")
        return 0
    stale = stale_pages()
    for name in stale:
        print(f"docs/reference/{name} is stale. Run: python docs/reference/generate.py")
    return 1 if stale else 0


def _written(file: Path) -> str | None:
    return file.read_text("utf-8") if file.is_file() else None


def _part(table: Registry[Any], name: str, key: str) -> list[str]:
    cls = table.load(name)
    lines = [_prose(cls.__doc__)]
    if table is FORMATS:
        sample = inspect.cleandoc(importlib.import_module(cls.__module__).__doc__ or "")
        lines += ["", "```text", *sample.splitlines(), "```"]
    facts = [text for attribute in FACTS if (text := _fact(cls, attribute))]
    if facts:
        lines += ["", *(f"- {fact}" for fact in facts)]
    names = [name for name in cls.model_fields if name != "name"]
    if names:
        prefix = "" if table in (TRACKERS, KINDS) else key
        lines += ["", *_table_head(), *(_row(cls, name, prefix=prefix) for name in names)]
    return lines


def _fact(cls: type[Any], attribute: str) -> str | None:
    value, form = getattr(cls, attribute, None), FACTS[attribute]
    if value is None or value == ():
        return None
    if isinstance(form, dict):
        return form[value]
    if isinstance(value, tuple):
        value = ", ".join(f"`{text!r}`" for text in value)
    return form.format(value)


def _table_head() -> list[str]:
    return ["| key | value | default | meaning |", "|---|---|---|---|"]


def _row(cls: type[Settings], name: str, *, prefix: str) -> str:
    field, meaning = cls.model_fields[name], _meanings(cls).get(name)
    key = f"{prefix}.{name}" if prefix else name
    return _cells(f"`{key}`", _value(key, field), _default(field), _prose(meaning))


@cache
def _meanings(cls: type[Any]) -> dict[str, str]:
    """The text below each field of a class and of those it extends, by the field's name."""
    found = {k: v for base in reversed(cls.__bases__) for k, v in _meanings(base).items()}
    if not (issubclass(cls, Settings) and cls.__annotations__):
        return found
    node = ast.parse(textwrap.dedent(inspect.getsource(cls))).body[0]
    assert isinstance(node, ast.ClassDef)
    for line, below in pairwise(node.body):
        match line, below:
            case (
                ast.AnnAssign(target=ast.Name(id=name)),
                ast.Expr(value=ast.Constant(value=str(text))),
            ):
                found[name] = inspect.cleandoc(text)
            case _:
                continue
    return found


def _cells(*cells: str) -> str:
    return markdown_row(cells)


def _value(key: str, field: FieldInfo) -> str:
    if key in TABLES:
        link = f"[{key}](parts.md#{key.replace('.', '')})"
        return f"list of {link}" if key == "trackers" else link
    if _settings(field) is not None:
        return f"[{key}](#{key})"
    limits = [text for item in field.metadata if (text := _limit(item))]
    return ", ".join([_type(field.annotation), *limits])


def _type(annotation: Any) -> str:
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin is Literal:
        return ", ".join(f"`{choice}`" for choice in arguments)
    if origin in (typing.Union, types.UnionType):
        return " or ".join(_type(one) for one in arguments if one is not type(None))
    if origin in (list, tuple):
        return f"list of {_type(arguments[0])}"
    if origin is dict:
        return f"mapping of {_type(arguments[0])} to {_type(arguments[1])}"
    names = {str: "text", int: "whole number", float: "number", bool: "`true`, `false`"}
    return names.get(annotation, getattr(annotation, "__name__", str(annotation)))


def _limit(item: Any) -> str | None:
    signs = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}
    return next((f"{s} {getattr(item, k)}" for k, s in signs.items() if hasattr(item, k)), None)


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "required"
    value = field.get_default(call_default_factory=True)
    match value:
        case None:
            return "`null`"
        case bool():
            return f"`{str(value).lower()}`"
        case float():
            return f"`{value:g}`"
        case "" | []:
            return "empty"
        case tuple():
            return f"`[{', '.join(map(str, value))}]`"
        case Part():
            return f"`{value.name}`"
        case Settings():
            return "as below"
        case _:
            return f"`{value}`"


def _settings(field: FieldInfo) -> type[Settings] | None:
    """The group of keys behind a field; None for a value and for a part."""
    cls = field.annotation
    is_group = isinstance(cls, type) and issubclass(cls, Settings) and not issubclass(cls, Part)
    return cls if is_group else None


def _command(command: click.Command, name: str) -> list[str]:
    context = click.Context(command, info_name=name)
    if isinstance(command, click.Group):
        lines = ["", f"## {name}", "", _prose(command.help)]
        for verb in command.list_commands(context):
            inner = command.get_command(context, verb)
            assert inner is not None
            lines += _command(inner, f"{name} {verb}")
        return lines
    usage = " ".join([name, *command.collect_usage_pieces(context)])
    lines = ["", f"## {name}", "", "```text", usage, "```", "", _prose(command.help)]
    records = [
        parameter.get_help_record(context)
        for parameter in command.params
        if isinstance(parameter, click.Option)
    ]
    lines += ["", "| option | meaning |", "|---|---|"]
    for names, meaning in (record for record in records if record):
        lines.append(_cells(f"`{names}`", meaning))
    return lines


def _prose(text: str | None) -> str:
    """A docstring as Markdown: a line for each paragraph, and values as YAML writes them."""
    plain = inspect.cleandoc(text or "").replace("``", "`").replace("None:", "`null`:")
    paragraphs = plain.split("\n\n")
    return "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)


if __name__ == "__main__":
    sys.exit(main())
