"""Examples that a compared run was tuned on: told, for its scores there are memory."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tunesmith.data.load import load_told  # noqa: E402
from tunesmith.data.settings import Data  # noqa: E402
from tunesmith.pipelines.beside import named_models  # noqa: E402
from tunesmith.pipelines.compare import compare  # noqa: E402
from tunesmith.pipelines.compare_request import CompareRequest  # noqa: E402
from tunesmith.pipelines.compared_seen import seen_notes  # noqa: E402
from tunesmith.pipelines.seen_rows import ROWS  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402


@pytest.fixture
def run(recipe_fields, tmp_path):
    return train(make_recipe({**recipe_fields, "out": str(tmp_path / "run")}))


def test_a_run_that_learnt_from_the_examples_is_named_with_how_many(
    run, dialogues, recipe_fields, tmp_path
):
    options = {"out": str(tmp_path / "out"), "max_new_tokens": 2, "metrics": ("rouge",)}
    found = compare(
        CompareRequest((f"a={run.path}", f"b={recipe_fields['model']['path']}"), **options)
    )
    assert not any("learnt from" in note for note in found["notes"])
    options["data"] = str(dialogues)
    found = compare(
        CompareRequest((f"a={run.path}", f"b={recipe_fields['model']['path']}"), **options)
    )
    [note] = [note for note in found["notes"] if "learnt from" in note]
    assert note.startswith("a learnt from rows that ask the same as 18 of the 24 examples")
    assert str(dialogues) in note


def test_the_artifact_of_a_run_is_the_run_and_a_plain_folder_is_not(run, tiny, tmp_path):
    examples, _ = load_told(Data(path=str(tmp_path / "dialogues.jsonl")), seed=0)
    models = named_models([f"a={run.artifact}", f"b={tiny}", "c=http://127.0.0.1:9/v1#x"], ())
    [note] = seen_notes(models, examples["train"])
    assert note.startswith("a learnt from")


def test_where_no_list_of_rows_is_left_it_is_said(run, tmp_path):
    (run.path / ROWS).write_bytes(b"broken")
    [note] = seen_notes(named_models([f"a={run.path}"], ()), [])
    assert note.startswith("a: whether it learnt from these examples is not known")
