"""Batches that are made a step before they are wanted are the same, and fail where they would."""

from __future__ import annotations

import threading

import pytest

torch = pytest.importorskip("torch")

from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.ahead import Ahead  # noqa: E402
from tunesmith.training.shared_rows import sharing_of  # noqa: E402
from tunesmith.training.snapshot import restore  # noqa: E402


class Watcher:
    """Keeps what a trainer tells."""

    def __init__(self):
        self.steps, self.evals, self.saved = [], [], []

    def step_done(self, values):
        self.steps.append({k: v for k, v in values.items() if k != "seconds"})

    def evaluated(self, values):
        self.evals.append(values["eval_loss"])

    def save(self, checkpoint):
        self.saved.append(checkpoint)


def trainer_of(fields, *, runs):
    recipe = make_recipe(fields)
    watcher = Watcher()
    trainer = build_trainer(recipe, prepare(recipe), watcher)
    trainer.ahead.runs = runs
    return trainer, watcher


def weights(trainer):
    return {name: p.detach().clone() for name, p in trainer.parameters.items()}


@pytest.fixture
def kinds(recipe_fields, tmp_path, lines):
    """Two epochs each: with dropout; in packed lines; KTO, whose loss is told figures first."""
    records = [
        {"prompt": f"Question {i}", "completion": f"So {'so ' * (i % 5)}", "label": i % 3 > 0}
        for i in range(16)
    ]
    data = {"path": str(lines(tmp_path / "singles.jsonl", *records)), "validation_fraction": 0.25}
    train = recipe_fields["train"]
    return {
        "dropout": recipe_fields,
        "packed": {**recipe_fields, "train": {**train, "packing": True}},
        "kto": {
            **recipe_fields,
            **{"data": data, "template": "alpaca", "task": "preference", "objective": "kto"},
        },
    }


@pytest.mark.parametrize("kind", ["dropout", "packed", "kto"])
def test_a_run_is_the_same_to_the_bit_and_waits_for_its_first_batches_alone(kinds, kind):
    runs = {}
    for ahead in (False, True):
        trainer, watcher = trainer_of(kinds[kind], runs=ahead)
        made, real = [], trainer.ahead.make
        trainer.ahead.make = lambda parts, made=made, real=real: (
            made.append(threading.current_thread() is threading.main_thread()) or real(parts)
        )
        trainer.fit()
        runs[ahead] = watcher.steps, watcher.evals, weights(trainer)
        n_steps = trainer.n_steps
        assert made == [True] + [not ahead] * (n_steps - 1)
        assert trainer.ahead._found is None
    assert n_steps > trainer.steps.per_epoch > 1
    (steps, evals, ours), (their_steps, their_evals, theirs) = runs[True], runs[False]
    assert steps == their_steps and evals == their_evals
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_a_run_that_stopped_goes_on_to_the_same_bits(recipe_fields):
    whole, _ = trainer_of(recipe_fields, runs=True)
    whole.fit()
    stopped, watcher = trainer_of(recipe_fields, runs=True)
    stopped.fit(lambda step: step == 3)
    assert stopped.progress.step == 3 and stopped.ahead._found is None
    resumed, _ = trainer_of(recipe_fields, runs=True)
    restore(resumed, watcher.saved[-1])
    resumed.fit()
    ours, theirs = weights(resumed), weights(whole)
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


def test_rows_that_cannot_be_read_are_told_in_their_own_step(recipe_fields):
    trainer, watcher = trainer_of(recipe_fields, runs=True)
    bad, real = trainer.steps.micro_batches(2)[0][0], trainer.train_rows.batch

    def batch(rows):
        if bad in rows:
            raise OSError("the disk is gone")
        return real(rows)

    trainer.train_rows.batch = batch
    with pytest.raises(OSError, match="the disk is gone"):
        trainer.fit()
    assert trainer.progress.step == 2
    assert trainer.ahead._thread._thread is None  # none is left behind


def test_after_memory_ran_out_smaller_ones_are_made(recipe_fields):
    runs = {}
    for ahead in (False, True):
        fields = {**recipe_fields, "train": {**recipe_fields["train"], "micro_batch_size": 6}}
        trainer, watcher = trainer_of(fields, runs=ahead)
        refused = []

        def refuse(module, args, refused=refused):
            if module.training and len(args[0].lengths) > 3:
                refused.append(len(args[0].lengths))
                raise MemoryError

        trainer.model.register_forward_pre_hook(refuse)
        trainer.fit()
        assert refused == [6] and trainer.portion.size == 3
        runs[ahead] = watcher.steps, weights(trainer)
    (steps, ours), (their_steps, theirs) = runs[True], runs[False]
    assert steps == their_steps
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)


@pytest.mark.parametrize("ends", ["whole", "stopped", "short of memory"])
def test_what_is_shared_is_counted_where_it_is_used(recipe_fields, tmp_path, lines, ends):
    """A batch that was made in advance and thrown away, or made again, is counted once at most."""
    records = [
        {"instruction": f"{'The same words for all. ' * 2}{i}", "output": "so " * (1 + i)}
        for i in range(12)
    ]
    train = {"share_prefixes": True, "epochs": 1, "batch_size": 4, "micro_batch_size": 4}
    fields = {
        **recipe_fields,
        "data": {"path": str(lines(tmp_path / "rows.jsonl", *records)), "validation_fraction": 0},
        "template": "alpaca",
        "train": {**recipe_fields["train"], **train},
    }
    counts = {}
    for ahead in (False, True):
        trainer, watcher = trainer_of(fields, runs=ahead)
        seen = []

        def refuse(module, args, seen=seen, trainer=trainer):
            if module.training and trainer.progress.step == 1:
                trainer.ahead._settle()  # the next step's are made already
                seen.append(args)
                if len(seen) == 1:
                    raise MemoryError

        if ends == "short of memory":
            trainer.model.register_forward_pre_hook(refuse)
        trainer.fit(lambda step: ends == "stopped" and step == 2)
        sharing = sharing_of(trainer.train_rows)
        assert sharing is not None and sharing.saved_fraction > 0.2
        assert sharing.n_tokens == sum(step["n_tokens"] for step in watcher.steps)
        counts[ahead] = sharing.n_tokens, sharing.n_computed
        assert len(watcher.steps) == (2 if ends == "stopped" else 3)
    assert counts[False] == counts[True]


def test_only_what_was_foreseen_is_taken_and_nothing_behind_the_end():
    made: list[list[list[int]]] = []

    def make(parts):
        made.append(parts)
        return [f"batch of {part}" for part in parts]

    ahead = Ahead(lambda step: [[step], [step, step]], make, n_steps=3, runs=True)  # pyright: ignore
    assert ahead.batches(0, [[0]]) == ["batch of [0]"]
    assert ahead.batches(1, [[1], [1, 1]]) == ["batch of [1]", "batch of [1, 1]"]
    assert ahead.batches(1, [[1], [1], [1]]) == ["batch of [1]"] * 3  # in smaller portions
    assert ahead.batches(2, [[2], [2, 2]]) == ["batch of [2]", "batch of [2, 2]"]
    ahead.drop()
    assert made == [[[0]], [[1], [1, 1]], [[2], [2, 2]], [[1], [1], [1]]]


def test_on_a_processor_nothing_is_made_in_advance(recipe_fields):
    recipe = make_recipe(recipe_fields)
    assert build_trainer(recipe, prepare(recipe), Watcher()).ahead.runs is False


def test_what_failed_in_advance_alone_is_made_again():
    tries = []

    def make(parts):
        tries.append(parts)
        if len(tries) == 2:
            raise OSError("for a moment")
        return parts

    ahead = Ahead(lambda step: [[step]], make, n_steps=3, runs=True)  # pyright: ignore
    ahead.batches(0, [[0]])
    assert ahead.batches(1, [[1]]) == [[1]]
    ahead.drop()
    assert tries == [[[0]], [[1]], [[1]], [[2]]]
