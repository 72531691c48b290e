"""Sharing prefixes changes the time and nothing else: same steps, same losses, same weights."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from pydantic import ValidationError  # noqa: E402

from tunesmith.core.runs import METRICS  # noqa: E402
from tunesmith.model.shape import Shape  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.dry_run import dry_run  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.share import sharing_for  # noqa: E402
from tunesmith.pipelines.train import train  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.settings import Train  # noqa: E402
from tunesmith.training.shared_rows import count, sharing_of  # noqa: E402
from tunesmith.training.sharing import LEAST_TOKENS, Sharing, least_tokens  # noqa: E402

PROMPT = "Tell me all that you know about kettles that leak, " * 2


class Watcher:
    def __init__(self):
        self.steps = []
        self.evals = []

    def step_done(self, values):
        self.steps.append(values)

    def evaluated(self, values):
        self.evals.append(values["eval_loss"])

    def save(self, checkpoint): ...


@pytest.fixture
def fields(recipe_fields, tmp_path, lines):
    """Pairs whose prompts begin alike, with a method that draws no dropout."""
    records = [
        {
            "prompt": f"{PROMPT}{i % 7} {'and more ' * (i % 3)}",
            "chosen": f"A good answer {'indeed ' * (i * 3 % 5)}",
            "rejected": f"No {'never ' * (i % 4)}{i}",
        }
        for i in range(16)
    ]
    file = lines(tmp_path / "pairs.jsonl", *records)
    return {
        **recipe_fields,
        "task": "preference",
        "template": "alpaca",
        "data": {"path": str(file), "validation_fraction": 0.25},
        "method": {"name": "lora", "rank": 4},
        "train": {**recipe_fields["train"], "epochs": 1, "length_grouping": False},
    }


def fitted(fields, share, **settings):
    train_fields = {**fields["train"], "share_prefixes": share, **settings}
    recipe = make_recipe({**fields, "train": train_fields})
    watcher = Watcher()
    trainer = build_trainer(recipe, prepare(recipe), watcher)
    trainer.fit()
    return watcher, trainer


def assert_equal_curves(fields, **settings):
    (ours, one), (theirs, other) = (fitted(fields, share, **settings) for share in (True, False))
    sharing = sharing_of(one.train_rows)
    assert sharing is not None and sharing.saved_fraction > 0.2
    assert sharing_of(other.train_rows) is None
    for key, close in (("loss", 1e-5), ("grad_norm", 1e-3), ("n_tokens", 0), ("n_targets", 0)):
        found, wanted = ([step[key] for step in watcher.steps] for watcher in (ours, theirs))
        assert found == pytest.approx(wanted, rel=close), key
    assert ours.evals == pytest.approx(theirs.evals, rel=1e-5)


@pytest.mark.parametrize("objective", ["dpo", pytest.param("kto", marks=pytest.mark.slow)])
def test_preferences_learn_the_same(fields, objective):
    """Of KTO the rows beside a batch, each prompt with another's answer, are shared as well."""
    assert_equal_curves({**fields, "objective": objective})


def test_packed_lines_are_trees_too(fields):
    assert_equal_curves({**fields, "objective": "simpo"}, packing=True)


@pytest.mark.parametrize("task", ["sft", pytest.param("classify", marks=pytest.mark.slow)])
def test_examples_with_one_instruction_learn_the_same(fields, tmp_path, lines, task):
    rows = [
        {"instruction": PROMPT, "input": f"Kettle {i}", "output": f"It leaks {'so ' * (i % 4)}"}
        if task == "sft"
        else {"text": f"{PROMPT}. Kettle {i}", "label": f"class {i % 3}"}
        for i in range(12)
    ]
    file = lines(tmp_path / "rows.jsonl", *rows)
    data = {"path": str(file), "validation_fraction": 0.25}
    assert_equal_curves({**fields, "task": task, "data": data, "method": "full"})


@pytest.mark.parametrize("packing", ["auto", False])
def test_alternating_instructions_come_together_and_learn_the_same(
    fields, tmp_path, lines, packing
):
    rows = [
        {
            "instruction": f"{'AB'[i % 2] * 3} {PROMPT * 2}",
            "input": f"{i}",
            "output": "so " * (1 + i % 3),
        }
        for i in range(20)
    ]
    file = lines(tmp_path / "rows.jsonl", *rows)
    train_fields = {**fields["train"], "batch_size": 8, "tokens_at_once": 600, "packing": packing}
    train_fields.pop("micro_batch_size", None)
    fields = {
        **fields,
        "task": "sft",
        "data": {"path": str(file), "validation_fraction": 0.2},
        "method": "full",
        "train": train_fields,
    }
    assert_equal_curves(fields)
    watcher, trainer = fitted(fields, True)
    assert trainer.steps.arrange is not None
    together = sharing_of(trainer.train_rows)
    trainer.steps.arrange = None
    assert together is not None
    n_computed = together.n_computed
    together.n_tokens = together.n_computed = 0
    for step in range(trainer.n_steps):
        for micro in trainer.steps.micro_batches(step):
            count(trainer.train_rows, [trainer.train_rows.batch(micro)])
    assert n_computed < 0.95 * together.n_computed
    # A step has the examples that it has without.
    apart, _ = fitted(fields, False)
    for one, other in zip(watcher.steps, apart.steps, strict=True):
        assert sorted(one["rows"]) == sorted(other["rows"])
    planned = dry_run(make_recipe({**fields, "train": {**train_fields, "share_prefixes": True}}))
    assert planned["sharing"]["saved_fraction"] > 0.3


def test_a_step_that_is_made_again_counts_once(fields):
    """Its second micro-batch found no memory."""
    counts = []
    for is_short in (False, True):
        train_fields = {**fields["train"], "share_prefixes": True, "micro_batch_size": 4}
        recipe = make_recipe({**fields, "train": train_fields})
        trainer = build_trainer(recipe, prepare(recipe), None)
        seen = []

        def refuse(module, args, seen=seen):
            seen.append(args)
            if len(seen) == 2:
                raise MemoryError

        if is_short:
            trainer.model.register_forward_pre_hook(refuse)
        trainer._step(0)
        sharing = sharing_of(trainer.train_rows)
        assert sharing is not None
        counts.append(sharing.n_tokens)
    assert counts[0] == counts[1] > 0


def test_a_pass_that_only_measures_counts_nothing(fields):
    """KTO looks at all rows of a step before the first of them is learnt."""
    train_fields = {**fields["train"], "share_prefixes": True, "batch_size": 4}
    recipe = make_recipe({**fields, "objective": "kto", "train": train_fields})
    trainer = build_trainer(recipe, prepare(recipe), None)
    taken = trainer._step(0)
    sharing = sharing_of(trainer.train_rows)
    assert sharing is not None
    assert sharing.n_tokens == taken.values["n_tokens"] > 0


def test_the_plan_and_the_summary_tell_what_is_shared(fields):
    fields["train"] = {**fields["train"], "share_prefixes": True}
    recipe = make_recipe(fields)
    planned = dry_run(recipe)["sharing"]
    run = train(recipe)
    assert planned["least_tokens"] == LEAST_TOKENS
    assert run.summary["shared_fraction"] == planned["saved_fraction"] > 0.2
    tokens = sum(line["n_tokens"] for line in run.lines(METRICS) if line["kind"] == "train")
    pairs = prepare(recipe).encoded["train"]
    assert tokens == int(pairs.lengths.sum())  # of the rows, not of the line
    fields["train"] = {**fields["train"], "share_prefixes": False}
    assert dry_run(make_recipe(fields))["sharing"] is None


LLAMA = {
    "model_type": "llama",
    "hidden_size": 288,
    "num_attention_heads": 6,
    "intermediate_size": 768,
    "num_hidden_layers": 6,
    "vocab_size": 32000,
    "max_position_embeddings": 2048,
}


@pytest.mark.parametrize(
    ("changed", "config", "trains", "evaluates"),
    [
        ({}, {}, True, True),
        ({"method": {"name": "lora", "dropout": 0.1}}, {}, False, True),
        ({"train": {"neftune_alpha": 5.0}}, {}, False, True),
        ({}, {"attention_dropout": 0.1}, False, True),
        ({"train": {"share_prefixes": False}}, {}, False, False),
        ({}, {"model_type": "mamba"}, False, False),
        (
            {"method": {"name": "lora", "dropout": 0.1}, "train": {"share_prefixes": True}},
            {},
            True,
            True,
        ),
    ],
)
def test_where_sharing_would_change_a_draw_training_keeps_rows_apart(
    fields, changed, config, trains, evaluates
):
    recipe = make_recipe({**fields, **changed})
    for is_trained, expected in ((True, trains), (False, evaluates)):
        found = sharing_for(recipe, {**LLAMA, **config}, is_trained=is_trained)
        assert (found is not None) == expected


def test_rows_longer_than_attention_looks_back_stay_apart(fields):
    recipe = make_recipe(fields)
    window = {**LLAMA, "model_type": "mistral", "sliding_window": 9}
    unused = {**window, "use_sliding_window": False}
    for config, expected in ((window, 9), (unused, None)):
        found = sharing_for(recipe, config, is_trained=True)
        assert found is not None and found.longest == expected
    sharing = Sharing(least_tokens=1, longest=9)
    sharing.count([np.arange(10), np.arange(10)])
    assert sharing.saved_fraction == 0
    sharing.count([np.arange(9), np.arange(9)])
    assert sharing.saved_fraction == pytest.approx(9 / 38)


def test_a_smaller_model_has_to_save_more():
    def shape(width):
        return Shape(width, 2 * width, 2, width, 1000, 256, tied=True)

    assert least_tokens(shape(1024)) == LEAST_TOKENS
    assert least_tokens(shape(32)) > 4 * LEAST_TOKENS


def test_noise_of_each_row_is_not_shared():
    with pytest.raises(
        ValidationError, match=r"share_prefixes=true: neftune_alpha.*none is shared"
    ):
        Train(share_prefixes=True, neftune_alpha=5.0)


@pytest.mark.parametrize(("wanted", "shares"), [("auto", False), (True, True), (False, False)])
def test_on_a_gpu_it_has_to_be_asked_for(fields, wanted, shares):
    """It was never measured there."""
    recipe = make_recipe({**fields, "train": {"share_prefixes": wanted}})
    for is_trained in (True, False):
        found = sharing_for(recipe, LLAMA, is_trained=is_trained, device="cuda")
        assert (found is not None) == shares
