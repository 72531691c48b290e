"""The tutorials' recipes on real dialogues and a real pre-trained model, a part of each set."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("torch")

import tunesmith  # noqa: E402

RECIPES = Path(__file__).parents[2] / "recipes"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "data", "n_read"),
    [
        ("tweetsumm-llama2-qlora", "tweetsumm/dialogstudio", {"train": 160, "validation": 74}),
        ("dialogsum-llama2-qlora", "dialogsum", {"train": 160, "validation": 160, "test": 160}),
    ],
)
def test_the_loss_falls_and_every_row_is_counted(shared, tmp_path, recipe, data, n_read):
    loaded = tunesmith.load_recipe(
        RECIPES / f"{recipe}.yaml",
        [
            f"model.path={shared / 'models/stories260K-hf'}",
            "method=lora",
            f"data.path={shared / data}",
            "data.max_rows=160",
            "train.max_steps=null",
            "train.precision=float32",
            "optim.lr=1e-3",
            "trackers=[]",
            f"out={tmp_path / 'run'}",
        ],
    )
    assert (loaded.method.rank, loaded.train.epochs) in ((16, 2), (8, 2))
    summary = tunesmith.train(loaded).summary
    assert summary["eval_loss_best"] < 0.85 * summary["eval_loss_first"]
    ledger = summary["ledger"]
    assert {split: entry["read"] for split, entry in ledger.items()} == n_read
    for entry in ledger.values():
        assert entry["read"] == sum(entry[k] for k in ("kept", "cut", "dropped", "rejected"))
        assert entry["cut"] > 0
        assert entry["cut_tokens"] > 0
