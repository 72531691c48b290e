"""A run goes on from a classifier: its outputs keep their meaning, whatever their order."""

from __future__ import annotations

import json

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import ModelError  # noqa: E402
from tunesmith.pipelines.evaluate import evaluate  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.start import start  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

TURNED = {"name": "classify", "labels": ["good", "bad"]}


@pytest.fixture
def fields(recipe_fields, tmp_path, lines):
    rows = [{"text": f"{n} is fine", "label": ["bad", "good"][n % 2]} for n in range(16)]
    file = lines(tmp_path / "reviews.jsonl", *rows)
    data = {"path": str(file), "validation_fraction": 0.25}
    train = {"epochs": 1, "batch_size": 6, "eval_every_fraction": 1}
    return {**recipe_fields, "data": data, "task": "classify", "train": train}


@pytest.fixture
def on_from(fields, tmp_path):
    """The network and the settled task of a recipe that goes on from a run."""

    def starts(run, task, method="full"):
        model = {"path": str(run.artifact)}
        if (run.artifact / "adapter_config.json").exists():
            model = {**fields["model"], "adapter": str(run.path)}
        recipe = make_recipe({**fields, "model": model, "task": task, "method": method})
        settled = prepare(recipe).task
        return start(recipe, torch.device("cpu"), torch.float32, settled.head()), settled

    return starts


def outputs(network):
    with torch.no_grad():
        return network.eval()(torch.tensor([[5, 6, 7]]), use_cache=False).logits[0]


@pytest.mark.parametrize("before", ["full", {"name": "lora", "rank": 2}])
def test_outputs_go_with_the_names_of_labels(fields, on_from, before):
    run = train(make_recipe({**fields, "method": before}))
    same, task = on_from(run, "classify", before)
    turned, named = on_from(run, TURNED, before)
    assert (task.labels, named.labels) == (["bad", "good"], ["good", "bad"])
    torch.testing.assert_close(outputs(turned), outputs(same).flip(0))
    assert outputs(same)[0] != outputs(same)[1]
    merged, _ = on_from(run, TURNED, "full")
    torch.testing.assert_close(outputs(merged), outputs(turned), atol=1e-5, rtol=1e-4)
    with pytest.raises(ModelError, match=r"labels bad, good apart, and the task has bad, good, so"):
        on_from(run, {"name": "classify", "labels": ["bad", "good", "so"]}, before)


def test_open_labels_are_those_of_the_head_in_its_order(fields, on_from, tmp_path, lines):
    three = {"name": "classify", "labels": ["so", "good", "bad"]}
    run = train(make_recipe({**fields, "task": three, "method": "full"}))
    assert on_from(run, "classify")[1].labels == ["so", "good", "bad"]


def test_a_head_whose_outputs_have_no_names_is_refused(fields, on_from, tmp_path):
    run = train(make_recipe({**fields, "method": "full"}))
    (run.artifact / "tunesmith.json").unlink()
    config = json.loads((run.artifact / "config.json").read_text())
    config |= {"id2label": {"0": "LABEL_0", "1": "LABEL_1"}}
    (run.artifact / "config.json").write_text(json.dumps(config))
    with pytest.raises(ModelError, match=r"LABEL_0, LABEL_1 apart, and the task has bad, good\."):
        on_from(run, "classify")


def test_the_head_that_a_run_goes_on_from_is_scored(fields, tmp_path):
    run = train(make_recipe(fields))
    ended = evaluate(run)["tuned/head"]
    model = {**fields["model"], "adapter": str(run.path)}
    second = make_recipe({**fields, "model": model, "task": TURNED, "out": str(tmp_path / "two")})
    assert evaluate(second)["base/head"] == ended
