"""A run of an earlier version, which did not know a key, goes on where the key says the same."""

from __future__ import annotations

import copy

import pytest

torch = pytest.importorskip("torch")

from tests.pipelines.test_changed_config import edit_checkpoint  # noqa: E402
from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.pipelines.begun_recipe import with_new_keys  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.resume import run_identity  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402


def test_a_run_from_before_a_key_goes_on_with_its_default_and_no_other(recipe_fields):
    recipe = make_recipe({**recipe_fields, "method": {"name": "lora", "dropout": 0.1}})
    run = train(recipe, until=0.3)

    def as_older(state):
        del state["identity"]["recipe"]["method"]["shared_dropout"]
        del state["identity"]["recipe"]["train"]["trunk_cache"]

    edit_checkpoint(run, as_older)
    other = make_recipe(recipe.model_dump(mode="json"), overrides=["method.shared_dropout=true"])
    with pytest.raises(RunError, match=r"method.shared_dropout: false -> true\nPut it back"):
        train(other, resume=True)
    assert train(recipe, resume=True).is_finished


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"method": "qlora"},
        {"template": "chatml", "optim": {"name": "adamw", "lr": 3e-4}},
        {"task": "preference", "objective": {"name": "dpo", "beta": 0.3}, "template": "alpaca"},
    ],
)
def test_any_one_key_that_is_at_its_default_may_be_missing(recipe_fields, fields):
    now = make_recipe({**recipe_fields, **fields}).model_dump(mode="json")
    kept = {key: now[key] for key in ("model", "template", "task", "method", "objective", "train")}
    kept["evaluate"] = {"max_new_tokens": now["evaluate"]["max_new_tokens"], "metrics": None}
    assert with_new_keys(kept, kept) == kept
    plain = make_recipe({"data": {"path": "x"}, "method": now["method"]["name"]}).model_dump(
        mode="json"
    )
    for group in ("model", "method", "train", "evaluate"):
        for key in kept[group]:
            if key == "name" or kept[group][key] != plain[group][key]:
                continue
            older = copy.deepcopy(kept)
            del older[group][key]
            assert with_new_keys(older, kept) == kept, f"{group}.{key}"


def test_a_key_that_is_gone_stays_a_difference(recipe_fields):
    now = make_recipe(recipe_fields).model_dump(mode="json")
    older = {"method": {**now["method"], "gone": 3}, "unheard": {"of": 1}}
    assert with_new_keys(older, now) == older


def test_the_identity_of_a_run_is_whole(recipe_fields):
    recipe = make_recipe(recipe_fields)
    kept = run_identity(recipe, prepare(recipe))["recipe"]
    assert with_new_keys(kept, kept) == kept
