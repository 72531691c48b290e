"""The documentation says what the code does: pages are fresh, links lead on, recipes load."""

from __future__ import annotations

import importlib.util
import re
import shlex
import sys
import tomllib
from pathlib import Path
from types import ModuleType
from typing import Any

import click
import pytest
import yaml

from tunesmith.cli.main import VERBS, app
from tunesmith.core.errors import DataError
from tunesmith.core.examples import Conversation, Message
from tunesmith.methods import METHODS
from tunesmith.objectives import OBJECTIVES
from tunesmith.recipe import Recipe, load_recipe, make_recipe
from tunesmith.tasks import TASKS

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [*sorted(DOCS.rglob("*.md")), ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md"]
BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
KEY = re.compile(r"`(\w+)\.(?!jsonl?\b|csv\b|txt\b|md\b|py\b|yaml\b)(\w+)([^`]*)`")
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")


def name(page: Path) -> str:
    return str(page.relative_to(ROOT))


def blocks(page: Path, language: str) -> list[str]:
    return [text for found, text in BLOCK.findall(page.read_text("utf-8")) if found == language]


def every_block(language: str) -> list[Any]:
    return [
        pytest.param(text, id=f"{name(page)}-{number}")
        for page in PAGES
        for number, text in enumerate(blocks(page, language), 1)
    ]


def anchors(page: Path) -> set[str]:
    """Anchors as GitHub makes them of headings."""
    prose = BLOCK.sub("", page.read_text("utf-8"))
    titles = re.findall(r"^#+ (.+)$", prose, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", DOCS / "reference" / "generate.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_reference_pages_are_what_the_code_says():
    assert generator().stale_pages() == [], "run: python docs/reference/generate.py"


def test_a_stale_reference_page_is_told(tmp_path, monkeypatch, capsys):
    module = generator()
    monkeypatch.setattr(module, "HERE", tmp_path)
    assert module.main(["--check"]) == 1 and "recipe.md is stale" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []
    assert module.main([]) == 0
    assert module.main(["--check"]) == 0


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_lead_somewhere(page):
    for link in LINK.findall(BLOCK.sub("", page.read_text("utf-8"))):
        if link.startswith(("http:", "https:", "mailto:")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def test_every_page_is_in_the_index():
    index = DOCS / "README.md"
    linked = {(DOCS / link).resolve() for link in LINK.findall(index.read_text("utf-8"))}
    assert [name(page) for page in DOCS.rglob("*.md") if page not in {*linked, index}] == []


@pytest.mark.parametrize("text", every_block("yaml"))
def test_recipes_in_the_docs_are_valid(text):
    fields = yaml.safe_load(text)
    assert "data" in fields, "a YAML block that is no recipe; give it another language"
    make_recipe(fields)


def commands() -> list[Any]:
    return [
        pytest.param(line, id=f"{name(page)}: {line}")
        for page in PAGES
        for block in blocks(page, "sh")
        for line in block.replace("\\\n", " ").splitlines()
        if re.match(r"(\w+=\S* )*tunesmith ", line)
    ]


@pytest.mark.parametrize("line", commands())
def test_commands_in_the_docs_are_accepted(line, tmp_path):
    words = shlex.split(line, comments=True)
    verb, *arguments = words[words.index("tunesmith") + 1 :]
    if "<" in arguments:  # what the shell reads
        arguments = arguments[: arguments.index("<")]
    assert verb in VERBS
    command = app.get_command(click.Context(app), verb)
    while isinstance(command, click.Group):
        verb, *arguments = arguments
        command = command.get_command(click.Context(command), verb)
    assert command is not None
    given = command.make_context(verb, arguments).params
    recipe, minimal = given.get("recipe"), tmp_path / "minimal.yaml"
    minimal.write_text("data: {path: x.jsonl}\n")
    if recipe and recipe.startswith("recipes/"):
        assert (ROOT / recipe).is_file()
        load_recipe(ROOT / recipe, given.get("overrides", ()))
    else:
        load_recipe(minimal, given.get("overrides", ()))


def known_keys() -> dict[str, set[str]]:
    """By section of a recipe the keys that it can have, those of all its parts together."""
    tables = {"method": METHODS, "task": TASKS, "objective": OBJECTIVES}
    keys = {
        name: {key for part in table.names() for key in table.load(part).model_fields}
        for name, table in tables.items()
    }
    for name in ("data", "model", "optim", "train", "evaluate"):
        settings: Any = Recipe.model_fields[name].annotation
        keys[name] = set(settings.model_fields)
    return keys


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_keys_that_are_named_in_the_text_exist(page):
    prose = BLOCK.sub("", page.read_text("utf-8"))
    known = known_keys()
    unknown = [
        f"{section}.{key}"
        for section, key, rest in KEY.findall(prose)
        if key not in known.get(section, {key})
        # Files, modules and what a program calls `model` are written like its keys.
        and (section != "model" or rest.startswith("="))
    ]
    assert unknown == []


@pytest.mark.parametrize("text", every_block("python"))
def test_python_in_the_docs_imports_what_there_is(text):
    compile(text, "docs", "exec")
    for module, names in re.findall(r"^from (tunesmith[\w.]*) import (.+)$", text, re.MULTILINE):
        spec = importlib.util.find_spec(module)
        assert spec and spec.origin
        source = Path(spec.origin).read_text("utf-8")
        for one in names.split(", "):
            assert re.search(rf"\b{one}\b", source), f"{module} has no {one}"


def test_the_parts_in_contributing_work(tokenizer):
    spaces: dict[str, Any] = {}
    for text in blocks(ROOT / "CONTRIBUTING.md", "python"):
        module = ModuleType("example")
        sys.modules["example"] = module  # pydantic looks annotations up by the module's name
        exec(text, module.__dict__)
        spaces |= module.__dict__
    del sys.modules["example"]

    form = spaces["ShareGPT"]()
    record = {"conversations": [{"from": "human", "value": "Hi"}, {"from": "gpt", "value": "Yes"}]}
    assert form.recognises(record)
    conversation = form.example(record, "chat.jsonl:1")
    assert conversation == Conversation(
        (Message("user", "Hi"), Message("assistant", "Yes")), "chat.jsonl:1"
    )
    with pytest.raises(DataError, match=r"chat\.jsonl:1: .*turns_key"):
        form.example({"dialog": []}, "chat.jsonl:1")

    template = spaces["Colon"]()
    whole = template.pieces(conversation.messages, tokenizer)
    prompt = template.pieces(conversation.prompt().messages, tokenizer)
    assert whole[: len(prompt)] == prompt
    assert "".join(piece.text for piece in whole) == "<s>\nUser: Hi\nAssistant: Yes</s>"


@pytest.mark.parametrize("page", ["README.md", "README.zh.md"])
def test_every_extra_is_told_where_it_is_installed(page):
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    text = (ROOT / page).read_text("utf-8")
    names = set(extras["optional-dependencies"]) - {"dev"}
    assert {name for name in names if f"[{name}]" not in text} == set()
