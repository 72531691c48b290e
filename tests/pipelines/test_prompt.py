"""A prompted model is made, kept, loaded, scored and talked to like a tuned one."""

from __future__ import annotations

import json
import shutil

import pytest

torch = pytest.importorskip("torch")

import tunesmith  # noqa: E402
from tunesmith.chat.prompted_local import PromptedLocal  # noqa: E402
from tunesmith.cli.main import run as command  # noqa: E402
from tunesmith.core.errors import ModelError, RecipeError, RunError  # noqa: E402
from tunesmith.core.examples import Conversation, Message  # noqa: E402
from tunesmith.pipelines.prompt import prompt  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

ASKED = Conversation((Message("user", "Sum up.", "user: my kettle 3 leaks."),), "asked")


@pytest.mark.parametrize(("choose", "n_kept"), [("fixed", 3), ("random", 3), ("nearest", 18)])
def test_what_is_kept_gives_the_same_ids_again(recipe_fields, tmp_path, choose, n_kept):
    made = prompt(make_recipe(recipe_fields), tmp_path / "p", n_shots=2, choose=choose, seed=3)
    assert made["examples"] == n_kept
    ids = []
    for place in (tmp_path / "p", shutil.copytree(tmp_path / "p", tmp_path / "copy")):
        model = tunesmith.load(place)
        assert isinstance(model, PromptedLocal) and len(model.shots.chosen(ASKED)) == 2
        ids.append(model.prompt(ASKED, 8).input_ids.tolist())
    assert ids[0] == ids[1]
    assert len(ids[0]) > len(model.base().prompt(ASKED, 8))


def test_the_command_line_makes_and_scores_it_beside_its_base(recipe_fields, tmp_path, capsys):
    recipe, folder = tmp_path / "r.yaml", tmp_path / "p"
    recipe.write_text(json.dumps(recipe_fields))
    assert command(["prompt", str(recipe), "--shots", "1", "--out", str(folder)]) == 0
    assert "2 examples to choose 1 from" in capsys.readouterr().out
    assert command(["eval", str(folder), "--json"]) == 0
    scores = json.loads(capsys.readouterr().out)
    assert {"base", "prompted"} <= scores.keys()
    assert command(["prompt", str(recipe), "--out", str(folder)]) == 2
    assert "is there already" in capsys.readouterr().err


def test_labels_are_shown_as_they_are_to_be_written(recipe_fields, tmp_path, lines):
    rows = ({"text": f"It {'leaks' if n % 2 else 'works'} {n}.", "label": "ab"[n % 2]}
            for n in range(12))  # fmt: skip
    data = {"path": str(lines(tmp_path / "l.jsonl", *rows)), "validation_fraction": 0.25}
    fields = {**recipe_fields, "task": "classify", "template": "alpaca", "data": data}
    prompt(make_recipe(fields), tmp_path / "p", n_shots=2)
    model = tunesmith.load(tmp_path / "p")
    assert isinstance(model, PromptedLocal)
    assert {shot.answer for shot in model.shots.examples} <= {"a", "b"}
    assert any(name.startswith("prompted/") for name in tunesmith.evaluate(tmp_path / "p"))


def test_what_does_not_belong_together_is_refused(recipe_fields, tmp_path):
    prompt(make_recipe(recipe_fields), tmp_path / "p", n_shots=1)
    info = json.loads((tmp_path / "p/prompt.json").read_text())
    (tmp_path / "p/prompt.json").write_text(json.dumps({**info, "base_fingerprint": "0" * 64}))
    with pytest.raises(ModelError, match="was made with other weights"):
        tunesmith.load(tmp_path / "p")
    (tmp_path / "p/prompt.json").write_text("{}")
    with pytest.raises(ModelError, match="broken"):
        tunesmith.load(tmp_path / "p")
    with pytest.raises(RunError, match="is there already"):
        prompt(make_recipe(recipe_fields), tmp_path / "p")
    random = {**recipe_fields, "model": {**recipe_fields["model"], "init": "random"}}
    with pytest.raises(RecipeError, match="a base as it is"):
        prompt(make_recipe(random), tmp_path / "q")
