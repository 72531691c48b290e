from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from tunesmith.core.errors import RecipeError
from tunesmith.methods.lora import LoRA
from tunesmith.recipe import load_recipe, make_recipe

RECIPES = sorted((Path(__file__).parents[2] / "recipes").glob("*.yaml"))


def write(tmp_path: Path, text: str) -> Path:
    file = tmp_path / "mine.yaml"
    file.write_text(text)
    return file


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_every_recipe_loads_and_survives_being_written(path, tmp_path):
    recipe = load_recipe(path)
    again = load_recipe(write(tmp_path, recipe.to_yaml()))
    assert again == recipe


def test_all_problems_are_named_together_with_suggestions(tmp_path):
    file = write(
        tmp_path,
        "data: {path: x, formt: alpaca}\nmethod: {name: lora, rnak: 3}\ntask: sfd\n"
        "learning_rate: 1\n",
    )
    with pytest.raises(RecipeError) as caught:
        load_recipe(file)
    text = str(caught.value)
    assert "4 problem(s)" in text
    for expected in (
        "data.formt: no such key. Did you mean 'format'?",
        "method.rnak: no such key. Did you mean 'rank'?",
        "task: no task named 'sfd'. Did you mean 'sft'?",
        "learning_rate: no such key. Write optim.lr.",
    ):
        assert expected in text


def test_a_value_of_the_wrong_kind_is_shown(tmp_path):
    with pytest.raises(RecipeError, match=r"train\.epochs: .*greater than 0 \(got -1\)"):
        load_recipe(write(tmp_path, "data: {path: x}\ntrain: {epochs: -1}\n"))


def test_overrides_reach_every_level(tmp_path):
    file = write(tmp_path, "data: {path: x}\nmethod: {name: qlora, rank: 8, quant_type: fp4}\n")
    recipe = load_recipe(
        file, ["optim.lr=1e-4", "method.rank=4", "train.max_steps=7", "data.format=alpaca"]
    )
    assert recipe.lr == 1e-4
    assert (recipe.method.name, recipe.method.rank, recipe.method.quant_type) == ("qlora", 4, "fp4")
    assert recipe.train.max_steps == 7
    assert recipe.data.format is not None
    assert recipe.data.format.name == "alpaca"


def test_a_method_by_name_keeps_the_fields_that_it_shares(tmp_path):
    file = write(tmp_path, "data: {path: x}\nmethod: {name: qlora, rank: 8, quant_type: fp4}\n")
    assert load_recipe(file, ["method=lora"]).method == LoRA(rank=8)
    assert load_recipe(file, ["method=full"]).method.name == "full"
    assert load_recipe(file, ["method=lora", "method.rank=2"]).method == LoRA(rank=2)


def test_a_field_of_a_part_that_is_only_named_can_be_set(tmp_path):
    file = write(tmp_path, "data: {path: x}\nmethod: lora\n")
    assert load_recipe(file, ["method.rank=2"]).method == LoRA(rank=2)


@pytest.mark.parametrize("override", ["optim.lr", "=3", "out.x=3", "optim.lr={"])
def test_an_override_that_makes_no_sense_is_refused(tmp_path, override):
    with pytest.raises(RecipeError, match=re.escape(repr(override))):
        load_recipe(write(tmp_path, "data: {path: x}\nout: y\n"), [override])


def test_a_missing_recipe_suggests_its_neighbour(tmp_path):
    write(tmp_path, "data: {path: x}")
    with pytest.raises(RecipeError, match=r"no such recipe. Did you mean 'mine.yaml'"):
        load_recipe(tmp_path / "mien.yaml")


@pytest.mark.parametrize("text", ["- a\n- b\n", "a: [", ""])
def test_a_file_that_is_no_recipe_is_refused(tmp_path, text):
    with pytest.raises(RecipeError, match=r"mine\.yaml: (a recipe is|broken YAML)"):
        load_recipe(write(tmp_path, text))


def test_the_directory_is_named_after_the_recipe(tmp_path):
    assert load_recipe(write(tmp_path, "data: {path: x}")).out == "runs/mine"


def test_the_rate_comes_from_the_method_unless_it_is_set():
    assert make_recipe({"data": {"path": "x"}}).lr == 2e-4
    assert make_recipe({"data": {"path": "x"}, "method": "full"}).lr == 2e-5


def test_numbers_without_a_point_are_numbers(tmp_path):
    file = write(tmp_path, "data: {path: x}\noptim: {lr: 1e-4, eps: 2E-5}\n")
    assert load_recipe(file).optim.eps == 2e-5
    assert yaml.safe_load("x: 1e-4")["x"] == "1e-4"  # what we save our users from


def test_a_field_of_a_part_can_be_set_where_the_recipe_names_none(tmp_path):
    file = write(tmp_path, "data: {path: x}\n")
    assert load_recipe(file, ["method.rank=2"]).method == LoRA(rank=2)


def test_the_branches_of_a_union_are_not_shown(tmp_path):
    with pytest.raises(RecipeError) as caught:
        load_recipe(write(tmp_path, "data: {path: 3}\n"))
    assert "data.path.str" not in str(caught.value)
    assert "data.path:" in str(caught.value)


def test_a_recipe_that_comes_with_the_package_goes_by_its_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load_recipe("demo").out == "runs/demo"
