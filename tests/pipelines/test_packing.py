"""Packing changes the shape of batches and nothing else: same steps, same losses, same weights."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.checkpoint import load_checkpoint, newest_checkpoint  # noqa: E402
from tunesmith.training.loop import Trainer  # noqa: E402


class Watcher:
    def __init__(self):
        self.steps = []
        self.evals = []

    def step_done(self, values):
        self.steps.append(values)

    def evaluated(self, values):
        self.evals.append(values["eval_loss"])

    def save(self, checkpoint): ...


def fitted(fields, **settings):
    recipe = make_recipe({**fields, "train": {**fields["train"], **settings}})
    watcher = Watcher()
    trainer = build_trainer(recipe, prepare(recipe), watcher)
    trainer.fit()
    return watcher, trainer.parameters


@pytest.mark.parametrize("method", ["full", {"name": "lora", "rank": 4}])
@pytest.mark.parametrize("tokens_at_once", [None, 110])
def test_a_packed_run_is_the_unpacked_one(recipe_fields, method, tokens_at_once):
    fields = {**recipe_fields, "method": method}
    padded, weights = fitted(fields)
    line, packed_weights = fitted(fields, packing=True, tokens_at_once=tokens_at_once)
    assert [sorted(v["rows"]) for v in line.steps] == [sorted(v["rows"]) for v in padded.steps]
    for key in ("n_tokens", "n_targets"):
        assert [v[key] for v in line.steps] == [v[key] for v in padded.steps]
    for key in ("loss", "grad_norm"):
        expected = pytest.approx([v[key] for v in padded.steps], rel=1e-5)
        assert [v[key] for v in line.steps] == expected
    assert line.evals == pytest.approx(padded.evals, rel=1e-5)
    for name, weight in weights.items():
        torch.testing.assert_close(packed_weights[name], weight, atol=2e-5, rtol=1e-4)


def test_no_line_is_longer_than_it_may_be(recipe_fields):
    recipe = make_recipe(
        {**recipe_fields, "train": {**recipe_fields["train"], "packing": True,
                                    "tokens_at_once": 110}}
    )  # fmt: skip
    trainer = build_trainer(recipe, prepare(recipe), Watcher())
    shapes = []
    forward = trainer.model.forward
    trainer.model.forward = lambda batch: [shapes.append(batch.input_ids.shape), forward(batch)][1]
    trainer.evaluator.rows = None
    trainer.fit()
    assert {rows for rows, _ in shapes} == {1}
    assert max(width for _, width in shapes) <= 110 < sum(width for _, width in shapes)


def test_a_row_that_is_longer_than_a_line_has_one_of_its_own(recipe_fields):
    fields = {**recipe_fields, "train": {**recipe_fields["train"], "packing": True}}
    recipe = make_recipe({**fields, "train": {**fields["train"], "tokens_at_once": 20}})
    trainer = build_trainer(recipe, prepare(recipe), Watcher())
    assert trainer.steps.lengths.min() > 20
    assert {len(micro) for step in trainer.steps.planned(0) for micro in step} == {1}


def test_a_packed_run_resumes_exactly(recipe_fields, tmp_path, monkeypatch):
    """Bitwise, with dropout and over the boundary of an epoch (3 steps each)."""
    fields = {**recipe_fields, "train": {**recipe_fields["train"], "packing": True}}
    runs = [train(make_recipe({**fields, "out": str(tmp_path / "whole")}))]
    stopped = make_recipe({**fields, "out": str(tmp_path / "stopped")})
    fit = Trainer.fit
    monkeypatch.setattr(Trainer, "fit", lambda self, _=None: [fit(self, lambda s: s == 4), 1 / 0])
    with pytest.raises(ZeroDivisionError):
        train(stopped)
    monkeypatch.undo()
    runs.append(train(stopped, resume=True))
    states = []
    for run in runs:
        place, _ = newest_checkpoint(Run(run.path).checkpoints)
        assert place is not None
        found = load_checkpoint(place)
        states.append({**found.weights, **found.optimizer, **found.random})
    assert states[0].keys() == states[1].keys()
    assert all(torch.equal(states[0][key], states[1][key]) for key in states[0])
    assert len({(run.path / METRICS).read_bytes() for run in runs}) == 1


OTHERS = {
    "classify": ("classify", [{"text": "leaks " * (1 + n % 7), "label": "ab"[n % 2]}
                              for n in range(12)]),
    "extractive-qa": ("extractive-qa", [
        {"context": f"The kettle {n} leaks on {'Mon' * (1 + n % 5)}day.", "question": "What leaks?",
         "answers": {"text": ["kettle"], "answer_start": [4]}, "id": str(n)} for n in range(12)]),
    "preference": ("preference", [
        {"prompt": f"Ask {n}", "chosen": "Yes. " * (1 + n % 4), "rejected": "No."}
        for n in range(12)]),
}  # fmt: skip


@pytest.mark.parametrize("name", OTHERS)
def test_every_task_packs(recipe_fields, tmp_path, lines, name):
    """Several rows of an example, targets that are not tokens: a batch knows where they stand."""
    task, records = OTHERS[name]
    file = lines(tmp_path / "rows.jsonl", *records)
    fields = {**recipe_fields, "task": task, "data": {"path": str(file), "validation_fraction": 0}}
    fields["template"] = "alpaca"
    fields["method"] = "full"
    fields["train"] = {**fields["train"], "epochs": 1}
    curves = [[v["loss"] for v in fitted(fields, packing=packing)[0].steps] for packing in (0, 1)]
    assert len(curves[0]) == 2
    assert curves[1] == pytest.approx(curves[0], rel=1e-5)


def test_the_summary_tells_the_rows_that_were_at_once(recipe_fields, tmp_path):
    """A line has as many rows as have room in it, and not all of the step's."""
    settings = {"packing": True, "tokens_at_once": 110, "epochs": 1}
    fields = {**recipe_fields, "train": {**recipe_fields["train"], **settings}}
    recipe = make_recipe(fields)
    trainer = build_trainer(recipe, prepare(recipe), None)
    lines = [line for step in range(trainer.n_steps) for line in trainer.steps.micro_batches(step)]
    most = max(map(len, lines))
    assert most < recipe.train.batch_size
    assert train(recipe).summary["rows_at_once"] == most
    assert trainer.rows_at_once == most
    trainer.portion.size = int(trainer.steps.lengths.min())
    assert trainer.rows_at_once == 1


def test_the_rows_at_once_are_those_that_ran_and_not_those_planned(recipe_fields):
    settings = {"packing": True, "tokens_at_once": 400, "epochs": 1}
    recipe = make_recipe({**recipe_fields, "train": {**recipe_fields["train"], **settings}})
    trainer = build_trainer(recipe, prepare(recipe), Watcher())
    assert trainer.rows_at_once > 1
    trainer.steps.arrange = lambda step: [[row] for micro in step for row in micro]
    trainer.fit()
    assert trainer.rows_at_once == 1
