"""A training that takes every fast path at once, killed twice, ends as the one that nobody stopped.

The process kills itself where it is told to: with the gradients of a step added up and no weight
changed yet.
"""

from __future__ import annotations

import re
import signal
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.runs import METRICS, Run  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.equal_runs import equal_runs  # noqa: E402
from tunesmith.pipelines.frozen_products import adds_up_exactly  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(torch.cuda.is_available(), reason="for processors"),
]

UPDATE = "torch.nn.utils:clip_grad_norm_"
PROMPT = "Tell me all that you know about kettles that leak, " * 2
FAST: dict[str, Any] = {
    "fused": True,
    "share_prefixes": True,
    "packing": True,
    "precision": "bfloat16",
    "micro_batch_size": None,
    "tokens_at_once": 300,
    "batch_size": 8,
    "eval_batch_size": 4,
}


def killed_twice(bench) -> tuple[Run, Run]:
    """The run that nobody stops, and the one that is killed in its sixth step and in another."""
    whole = Run(bench.folder / "whole")
    done = bench.train(f"out={whole.path}")
    assert done.code == 0, done.err
    done = bench.train(accident=("kill_at", UPDATE, 6))
    assert done.code == -signal.SIGKILL, done.err
    done = bench.train("--resume", accident=("kill_at", UPDATE, 2))
    assert done.code == -signal.SIGKILL, done.err
    assert re.search(r"resumed at step [24] of 6", done.err)
    done = bench.train("--resume")
    assert done.code == 0, done.err
    return whole, Run(bench.out)


def assert_equal(whole: Run, killed: Run) -> None:
    compared = equal_runs(whole, killed)
    assert [one for one in compared if not one.is_equal] == []
    assert {one.what for one in compared} >= {"model", "checkpoint: optimizer", "order of rows"}
    assert (killed.path / METRICS).read_bytes() == (whole.path / METRICS).read_bytes()
    for key in ("forward", "precision", "frozen_products", "batching"):
        assert killed.summary[key] == whole.summary[key]
    assert whole.summary["forward"] == "fused"
    assert whole.summary["precision"]["name"] == "bfloat16"
    assert whole.summary["batching"]["packs"]
    assert whole.summary["shared_fraction"] > 0.1


@pytest.mark.skipif(not adds_up_exactly(), reason="products of eight bits overflow here")
def test_lora_with_dropout_over_products_in_eight_bits(bench, lines):
    """Rows with two instructions are brought together; each step is the plan's, asked backwards."""
    rows = [
        {
            "instruction": f"{'AB'[i % 2] * 3} {PROMPT}",
            "input": f"Kettle {i}",
            "output": f"It leaks {'so ' * (i % 5)}",
        }
        for i in range(30)
    ]
    more = {"frozen_products": "int8", "gradient_checkpointing": True}
    bench.write(
        data={"path": str(lines(bench.folder / "rows.jsonl", *rows))},
        template="alpaca",
        method={"name": "lora", "rank": 4, "dropout": 0.1},
        train={**FAST, **more},
    )
    whole, killed = killed_twice(bench)
    assert_equal(whole, killed)
    assert whole.summary["frozen_products"]["n_weights"] == 14

    recipe = make_recipe(bench.fields)
    trainer = build_trainer(recipe, prepare(recipe), None)
    steps = {step: trainer.steps.micro_batches(step) for step in reversed(range(trainer.n_steps))}
    assert all(len(step) > 1 for step in steps.values())
    n_arranged = sum(
        steps[step] != trainer.steps.planned(epoch)[place]
        for step in steps
        for epoch, place in [divmod(step, trainer.steps.per_epoch)]
    )
    assert n_arranged > 0
    ran = [line["rows"] for line in killed.lines(METRICS) if line["kind"] == "train"]
    assert ran == [[row for micro in steps[step] for row in micro] for step in sorted(steps)]


def test_pairs_over_states_that_are_kept(bench, lines):
    rows = [
        {
            "prompt": f"{PROMPT}{i % 3} {'and more ' * (i % 3)}",
            "chosen": f"A good answer {'indeed ' * (i * 3 % 5)}",
            "rejected": f"No {'never ' * (i % 4)}{i}",
        }
        for i in range(30)
    ]
    bench.write(
        data={"path": str(lines(bench.folder / "rows.jsonl", *rows))},
        task="preference",
        template="alpaca",
        objective="dpo",
        method={"name": "freeze", "layers": 1},
        train={**FAST, "trunk_cache": "disk"},
    )
    whole, killed = killed_twice(bench)
    assert_equal(whole, killed)
    for run in (whole, killed):
        assert run.summary["trunk_cache"]["splits"] == ["train", "validation"]
