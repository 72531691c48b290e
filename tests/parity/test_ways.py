"""Each fast path on and off, alone and with the others, for each task: one loss, one gradient."""

from __future__ import annotations

import itertools

import pytest

torch = pytest.importorskip("torch")

from tunesmith.core.runs import Run  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.pipelines.trunk_cache import trunk_record  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402
from tunesmith.training.shared_rows import sharing_of  # noqa: E402

PROMPT = "Tell me all that you know about kettles that leak, " * 2


def pairs():
    return [
        {
            "prompt": f"{PROMPT}{i % 3} {'and more ' * (i % 3)}",
            "chosen": f"A good answer {'indeed ' * (i * 3 % 5)}",
            "rejected": f"No {'never ' * (i % 4)}{i}",
        }
        for i in range(8)
    ]


TASKS = {
    "sft": (
        {"task": "sft", "template": "alpaca"},
        lambda: [
            {"instruction": PROMPT, "input": f"Kettle {i}", "output": f"It leaks {'so ' * (i % 4)}"}
            for i in range(8)
        ],
    ),
    "causal-lm": (
        {"task": "causal-lm"},
        lambda: [{"text": f"{PROMPT} {i} {'and on ' * (i % 4)}"} for i in range(8)],
    ),
    "dpo": ({"task": "preference", "template": "alpaca", "objective": "dpo"}, pairs),
    "kto": ({"task": "preference", "template": "alpaca", "objective": "kto"}, pairs),
    "classify": (
        {"task": "classify", "template": None},
        lambda: [
            {"text": f"{PROMPT} Kettle {i} {'so ' * (i % 4)}", "label": f"class {i % 2}"}
            for i in range(8)
        ],
    ),
    "extractive-qa": (
        {"task": "extractive-qa", "template": None},
        lambda: [
            {
                "id": str(i),
                "question": f"{PROMPT} which one?",
                "context": f"The kettle number {i} leaks {'so ' * (i % 4)}much.",
                "answers": {"text": [str(i)], "answer_start": [18]},
            }
            for i in range(8)
        ],
    ),
}
KEPT = {"sft", "causal-lm", "dpo", "classify", "extractive-qa"}
"""Tasks whose states of frozen layers can be kept."""


@pytest.mark.slow
@pytest.mark.parametrize("task", TASKS)
def test_every_way_gives_the_loss_and_the_gradients_of_the_plain_one(
    recipe_fields, tmp_path, tmp_path_factory, lines, task, monkeypatch
):
    monkeypatch.setenv("TUNESMITH_CACHE", str(tmp_path / "cache"))
    changed, rows = TASKS[task]
    file = lines(tmp_path / "rows.jsonl", *rows())
    fields = {
        **recipe_fields,
        **changed,
        "data": {"path": str(file), "validation_fraction": 0.25},
        "method": {"name": "freeze", "layers": 1},
    }
    prepared = prepare(make_recipe(fields))

    def step(fused, shares, kept, packs):
        train = {
            "epochs": 3,
            "batch_size": 6,
            "tokens_at_once": 400,
            "fused": fused,
            "share_prefixes": shares,
            "trunk_cache": kept,
            "packing": packs,
        }
        run = Run(tmp_path_factory.mktemp("run"))
        recipe = make_recipe({**fields, "train": train})
        trainer = build_trainer(recipe, prepared, None, run)
        decided = trunk_record(run) or {"splits": []}
        assert bool(decided["splits"]) == (kept != "off")
        n_targets, total, sums, n_tokens = trainer._accumulate(0, trainer.steps.micro_batches(0))
        gradients = {name: p.grad.clone() for name, p in trainer.parameters.items()}
        sharing = sharing_of(trainer.train_rows)
        saved = 0.0 if sharing is None else sharing.saved_fraction
        return n_targets, float(total) / n_targets, n_tokens, gradients, saved

    plain = step(False, False, "off", False)
    saved = []
    places = ("off", "memory") if task in KEPT else ("off",)
    for way in itertools.product((True, False), (True, False), places, (True, False)):
        if way[2] != "off" and not way[0]:
            continue  # states are the fused trunk's
        n_targets, loss, n_tokens, gradients, shared = step(*way)
        saved.append(shared)
        assert (n_targets, n_tokens) == (plain[0], plain[2]), way
        assert loss == pytest.approx(plain[1], rel=1e-5), way
        assert gradients.keys() == plain[3].keys()
        largest = max(float(g.abs().max()) for g in plain[3].values())
        for name, gradient in gradients.items():
            off = float((gradient - plain[3][name]).abs().max())
            assert off <= 1e-5 * max(1.0, largest), (way, name, off)
    assert max(saved) > 0.1, "some of the ways share"
