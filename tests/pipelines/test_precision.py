"""The type of the arithmetic that ``auto`` means here: tried, kept, and the run's own on resume."""

from __future__ import annotations

import json
import shutil

import pytest

torch = pytest.importorskip("torch")

import tunesmith  # noqa: E402
from tunesmith.core.cache import new_entry  # noqa: E402
from tunesmith.pipelines import precision as module  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.precision import begun_precision, known_speeds, precision_of  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training import placement  # noqa: E402


@pytest.fixture
def wide(tiny, tmp_path):
    """The configuration of a model that is wide enough for a trial; no weights."""
    folder = tmp_path / "wide"
    shutil.copytree(tiny, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(
        json.dumps({**config, "hidden_size": 128, "intermediate_size": 192})
    )
    return folder


@pytest.fixture
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))


def keep(speeds: dict[str, float]) -> None:
    with new_entry(module.KIND, module._key((128, 192))) as place:
        (place / module.FILE).write_text(json.dumps(speeds))


needs_bfloat16 = pytest.mark.skipif(
    not module.has_bfloat16() or torch.cuda.is_available(), reason="no bfloat16 on this processor"
)


@needs_bfloat16
@pytest.mark.parametrize(("gain", "name"), [(1.31, "bfloat16"), (1.29, "float32")])
def test_bfloat16_is_taken_where_its_products_are_fast_enough(
    recipe_fields, wide, own_cache, gain, name
):
    keep({"float32": 1e9, "bfloat16": gain * 1e9})
    recipe = make_recipe({**recipe_fields, "model": {"path": str(wide)}})
    found = precision_of(recipe, wide)
    assert found.name == name
    assert f"{gain:.2f} times" in found.told
    assert found.settled(recipe).train.precision == name


@needs_bfloat16
def test_a_trial_is_made_once_and_draws_none_of_the_runs_numbers(recipe_fields, wide, own_cache):
    recipe = make_recipe({**recipe_fields, "model": {"path": str(wide)}})
    before = torch.get_rng_state()
    assert known_speeds((128, 192)) is None
    first = precision_of(recipe, wide)
    kept = known_speeds((128, 192))
    assert kept is not None
    assert all(speed > 1e6 for speed in kept.values())
    assert precision_of(recipe, wide) == first
    assert torch.equal(torch.get_rng_state(), before)


@needs_bfloat16
def test_what_cannot_be_kept_is_not_used(recipe_fields, wide, tmp_path, monkeypatch, capsys):
    (tmp_path / "cache").write_text("a file where the folder should be")
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    recipe = make_recipe({**recipe_fields, "model": {"path": str(wide)}})
    assert precision_of(recipe, wide).name == "float32"
    assert "cannot be kept" in capsys.readouterr().err


def test_what_the_recipe_says_and_what_a_run_began_with_need_no_trial(recipe_fields, wide):
    fields = {**recipe_fields, "model": {"path": str(wide)}}
    auto = make_recipe(fields)
    assert precision_of(auto, wide, begun="bfloat16").told == (
        "arithmetic in bfloat16 (as the run was begun)"
    )
    told = make_recipe({**fields, "train": {**fields["train"], "precision": "bfloat16"}})
    assert precision_of(told, wide, begun="float32").name == "bfloat16"


def test_a_narrow_model_is_computed_in_float32_and_says_so(recipe_fields, tiny):
    recipe = make_recipe(recipe_fields)
    found = precision_of(recipe, tiny)
    if not torch.cuda.is_available():
        assert found.name == "float32"
        assert "32 wide" in found.why
    assert dry_run(recipe)["precision"] == found.told


def test_a_resume_keeps_the_type_that_the_run_began_with(recipe_fields):
    recipe = make_recipe(recipe_fields)
    run = train(recipe, until=0.4)
    lock = run.read("lock.json")
    assert lock["precision"] in ("float32", "bfloat16")
    run.write("lock.json", {**lock, "precision": "bfloat16"})  # as if begun on another machine
    summary = train(recipe, resume=True).summary
    assert summary["precision"] == {"name": "bfloat16", "why": "as the run was begun"}


def test_a_start_without_a_checkpoint_settles_its_own_type(recipe_fields):
    recipe = make_recipe(recipe_fields)
    run = train(recipe, until=0.4)
    shutil.rmtree(run.checkpoints)
    run.write("lock.json", {**run.read("lock.json"), "precision": "another"})
    precision = train(recipe, resume=True).summary["precision"]
    assert precision["name"] in ("float32", "bfloat16")
    assert precision["why"] != "as the run was begun"


def test_a_run_from_before_the_type_was_written_down_goes_on_as_it_was(recipe_fields):
    run = train(make_recipe(recipe_fields), until=0.4)
    lock = run.read("lock.json")
    run.write("lock.json", {key: value for key, value in lock.items() if key != "precision"})
    plain = "bfloat16" if torch.cuda.is_available() else "float32"
    assert begun_precision(run) == plain
    assert begun_precision(None) is None


def test_preferences_are_scored_in_the_arithmetic_of_their_run(
    recipe_fields, tmp_path, lines, monkeypatch
):
    rows = [{"prompt": f"{n}", "chosen": f"Yes {n}", "rejected": "No"} for n in range(8)]
    data = {"path": str(lines(tmp_path / "pairs.jsonl", *rows)), "validation_fraction": 0.5}
    fields = {**recipe_fields, "data": data, "task": "preference", "template": "alpaca"}
    run = train(make_recipe(fields))
    run.write("lock.json", {**run.read("lock.json"), "precision": "bfloat16"})
    seen = []
    autocast = placement.autocast
    monkeypatch.setattr(
        placement,
        "autocast",
        lambda device, dtype: (seen.append(dtype), autocast(device, dtype))[1],
    )
    tunesmith.evaluate(run)
    assert set(seen) == {torch.bfloat16}
