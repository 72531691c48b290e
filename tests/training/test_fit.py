from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.errors import RunError  # noqa: E402
from tunesmith.model.kv_cache import KVCache  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.watch import scorers  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.fit import Portion, is_out_of_memory  # noqa: E402
from tunesmith.training.snapshot import restore, snapshot  # noqa: E402


def trainer_of(fields, **train):
    """Rows stay apart, so that a batch has as many lengths as rows."""
    apart = {"share_prefixes": False}
    recipe = make_recipe({**fields, "train": {**fields["train"], **apart, **train}})
    return build_trainer(recipe, prepare(recipe), None)


def too_small_for(n_rows, trainer):
    """Has the model answer more than ``n_rows`` rows at once as an allocator that has no more."""

    def refuse(module, args):
        if len(args[0].lengths) > n_rows:
            raise MemoryError

    trainer.model.register_forward_pre_hook(refuse)
    return trainer


def gradients(trainer):
    found = []
    trainer.optimizer.step = lambda: found.extend(p.grad for p in trainer.parameters.values())
    trainer._step(0)
    return found


def test_halved_portions_give_the_same_gradients(recipe_fields, capsys):
    fields = {**recipe_fields, "method": {"name": "lora", "rank": 4}}
    whole = gradients(trainer_of(fields, micro_batch_size=6))
    short = too_small_for(2, trainer_of(fields, micro_batch_size=6))
    for large, small in zip(whole, gradients(short), strict=True):
        torch.testing.assert_close(small, large, atol=1e-6, rtol=1e-4)
    assert short.portion.size == 2
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == [
        "out of memory with 6 rows at once in training",
        "out of memory with 3 rows at once in training",
    ]


def test_a_failure_within_a_step_leaves_nothing_of_itself(recipe_fields):
    """The third micro-batch fails, after two were added up and dropout has drawn."""
    short = trainer_of(recipe_fields, micro_batch_size=2)
    seen = []

    def refuse_the_third(module, args):
        seen.append(len(args[0].lengths))
        if len(seen) == 3:
            raise MemoryError

    short.model.register_forward_pre_hook(refuse_the_third)
    torch.manual_seed(5)
    again = gradients(short)
    assert seen == [2, 2, 2, 1, 1, 1, 1, 1, 1]
    plain = trainer_of(recipe_fields, micro_batch_size=1)
    torch.manual_seed(5)
    assert all(map(torch.equal, again, gradients(plain)))


def test_evaluation_halves_too(recipe_fields):
    plain, short = trainer_of(recipe_fields), too_small_for(2, trainer_of(recipe_fields))
    losses = []
    for trainer in (plain, short):
        trainer.watcher = type("", (), {"evaluated": lambda self, values: losses.append(values)})()
        trainer._evaluate()
    assert losses[1]["eval_loss"] == pytest.approx(losses[0]["eval_loss"], rel=1e-6)
    assert (plain.evaluator.portion.size, short.evaluator.portion.size) == (16, 2)


def test_a_resume_goes_on_with_the_same_portions(recipe_fields):
    before = trainer_of(recipe_fields)
    before.portion.size, before.evaluator.portion.size = 1, 4
    after = trainer_of(recipe_fields)
    restore(after, snapshot(before))
    assert (after.portion.size, after.evaluator.portion.size) == (1, 4)


def test_a_setting_that_was_changed_counts_more_than_the_portions_before(recipe_fields):
    before = trainer_of(recipe_fields)
    before.portion.size, before.evaluator.portion.size = 1, 4
    after = trainer_of(recipe_fields, micro_batch_size=6)
    restore(after, snapshot(before))
    assert (after.portion.size, after.evaluator.portion.size) == (6, 4)
    other = trainer_of(recipe_fields, eval_batch_size=8)
    restore(other, snapshot(before))
    assert (other.portion.size, other.evaluator.portion.size) == (1, 8)


def test_one_row_that_does_not_fit_is_answered_with_advice():
    def work(n_rows):
        raise MemoryError

    portion = Portion(4, "training")
    with pytest.raises(RunError, match=r"for one row in training: MemoryError\. Lower train"):
        portion.run(3, work, lambda: None)


def test_other_errors_are_not_taken_for_a_lack_of_memory():
    def work(n_rows):
        raise RuntimeError("shapes differ")

    with pytest.raises(RuntimeError, match="shapes differ"):
        Portion(4, "training").run(4, work, lambda: None)


def test_the_allocators_own_words_are_known():
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60, dtype=torch.uint8)
    assert is_out_of_memory(caught.value)


def allocator_for(n_rows, monkeypatch):
    """Has every Llama refuse more rows at once, before its first pass.

    Where it answers, rows lie in one line; their keys and values are refused.
    """
    embed = torch.nn.Embedding.forward  # which every pass begins with
    fit = KVCache.fit

    def refuse_slots(cache, n_positions):
        if cache.n_slots > n_rows:
            raise MemoryError
        fit(cache, n_positions)

    def refuse(self, input_ids):
        if len(input_ids) > n_rows:
            raise MemoryError
        return embed(self, input_ids)

    monkeypatch.setattr(torch.nn.Embedding, "forward", refuse)
    monkeypatch.setattr(KVCache, "fit", refuse_slots)


def test_the_reference_model_halves_too(recipe_fields, tmp_path, lines, monkeypatch, capsys):
    rows = [{"prompt": f"{i}", "chosen": "so " * (1 + i % 5), "rejected": "no"} for i in range(12)]
    data = {"path": str(lines(tmp_path / "pairs.jsonl", *rows)), "validation_fraction": 0.25}
    fields = {**recipe_fields, "data": data, "template": "alpaca", "task": "preference"}
    plain = trainer_of(fields, share_prefixes=False)
    allocator_for(4, monkeypatch)
    short = trainer_of(fields, share_prefixes=False)  # which would make lines of them
    told = capsys.readouterr().err.splitlines()
    assert [line.split(":")[0] for line in told] == [
        f"out of memory with {n} rows at once in the reference model" for n in (9, 5, 3)
    ]
    found, expected = (t.train_rows.reference["answers"] for t in (short, plain))
    torch.testing.assert_close(found, expected)


def test_whatever_watches_a_run_halves_too(recipe_fields, monkeypatch, capsys):
    fields = {**recipe_fields, "evaluate": {**recipe_fields["evaluate"], "batch_size": 4}}
    train = {"score_rows": 4, "eval_batch_size": 4, "share_prefixes": False}
    recipe = make_recipe({**fields, "train": {**fields["train"], **train}})
    found = []
    for n_rows in (99, 2):
        allocator_for(n_rows, monkeypatch)
        prepared = prepare(recipe)
        trainer = build_trainer(recipe, prepared, None)
        trainer.evaluator.scorers = scorers(recipe, prepared, trainer, lambda shown: None)
        found.append(trainer.evaluator.evaluate(lambda: False))
    assert found[1] == pytest.approx(found[0], rel=1e-6)
    assert {"general_perplexity", "rougeL"} <= found[1].keys()
    told = [line.split(":")[0] for line in capsys.readouterr().err.splitlines()]
    assert told == [
        f"out of memory with 4 rows at once in {work}" for work in ("evaluation", "answers")
    ]
