"""The loss curve equals that of transformers' Trainer: same model, data, order and seed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")
peft = pytest.importorskip("peft")
accelerate = pytest.importorskip("accelerate")

from tunesmith.model.load import load_model  # noqa: E402
from tunesmith.model.lora_linear import lora_layers  # noqa: E402
from tunesmith.model.spec import Model  # noqa: E402
from tunesmith.pipelines.build_trainer import build_trainer  # noqa: E402
from tunesmith.pipelines.prepare import prepare  # noqa: E402
from tunesmith.recipe import make_recipe  # noqa: E402

N_STEPS = 20


class Curve:
    def __init__(self):
        self.losses: list[float] = []

    def step_done(self, values: dict[str, Any]) -> None:
        self.losses.append(values["loss"])

    def evaluated(self, values: dict[str, Any]) -> None: ...

    def save(self, checkpoint: Any) -> None: ...


def our_curve(recipe, prepared, start: dict | None) -> list[float]:
    curve = Curve()
    trainer = build_trainer(recipe, prepared, curve)
    causal_lm = trainer.model.model
    trainer.evaluator.rows = None
    if start is not None:
        with torch.no_grad():
            for name, layer in lora_layers(causal_lm):
                layer.lora_A.copy_(start[name])
    trainer.fit()
    return curve.losses


def their_curve(model, prepared, settings, folder: Path) -> list[float]:
    rows = [
        {
            "input_ids": torch.as_tensor(e.input_ids, dtype=torch.int64),
            "labels": torch.where(
                torch.as_tensor(e.supervised), torch.as_tensor(e.input_ids, dtype=torch.int64), -100
            ),
        }
        for e in prepared.encoded["train"]
    ]

    def collate(batch):
        pad = torch.nn.utils.rnn.pad_sequence
        return {
            "input_ids": pad([r["input_ids"] for r in batch], True, prepared.tokenizer.pad_id),
            "labels": pad([r["labels"] for r in batch], True, -100),
            "attention_mask": pad([torch.ones_like(r["input_ids"]) for r in batch], True, 0),
        }

    class InOrder(transformers.Trainer):
        def _get_train_sampler(self, *_, **__):
            return torch.utils.data.SequentialSampler(rows)

    arguments = transformers.TrainingArguments(
        output_dir=str(folder),
        use_cpu=True,
        report_to=[],
        logging_steps=1,
        logging_nan_inf_filter=False,
        save_strategy="no",
        disable_tqdm=True,
        remove_unused_columns=False,
        **settings,
    )
    trainer = InOrder(model=model, args=arguments, train_dataset=rows, data_collator=collate)
    trainer.train()
    return [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("method", ["full", "lora"])
def test_twenty_steps_with_accumulation_and_uneven_lengths(tiny, tmp_path, lines, method):
    texts = [f"word {'and more ' * (n * 7 % 23)}{n}" for n in range(48)]
    file = lines(
        tmp_path / "a.jsonl",
        *({"prompt": t, "completion": t[: 5 + n]} for n, t in enumerate(texts)),
    )
    lr = 5e-3 if method == "lora" else 1e-3
    recipe = make_recipe(
        {
            "model": {"path": str(tiny)},
            "data": {"path": str(file), "validation_fraction": 0},
            "method": {"name": "lora", "rank": 4} if method == "lora" else "full",
            "optim": {"lr": lr, "warmup_fraction": 0.1, "weight_decay": 0.01, "clip_norm": 0.5},
            "train": {
                "epochs": 10,
                "max_steps": N_STEPS,
                "batch_size": 6,
                "micro_batch_size": 2,
                "shuffle": False,
            },
        }
    )
    prepared = prepare(recipe)
    model = load_model(Model(path=str(tiny)), device=torch.device("cpu"))
    start = None
    if method == "lora":
        config = peft.LoraConfig(r=4, lora_alpha=8, target_modules="all-linear")
        model = peft.get_peft_model(model, config)
        start = {
            name.removeprefix("base_model.model."): layer.lora_A["default"].weight.detach().clone()
            for name, layer in model.named_modules()
            if hasattr(layer, "lora_A") and "default" in layer.lora_A
        }
    ours = our_curve(recipe, prepared, start)
    theirs = their_curve(
        model,
        prepared,
        {
            "learning_rate": lr,
            "lr_scheduler_type": "cosine",
            "warmup_steps": 2,
            "weight_decay": 0.01,
            "max_grad_norm": 0.5,
            "max_steps": N_STEPS,
            "per_device_train_batch_size": 2,
            "gradient_accumulation_steps": 3,
        },
        tmp_path,
    )
    assert len(ours) == len(theirs) == N_STEPS
    assert ours[-1] < ours[0]
    difference = max(abs(a - b) / b for a, b in zip(ours, theirs, strict=True))
    print(f"{method}: largest relative difference over {N_STEPS} steps: {difference:.2e}")
    assert difference < 1e-4
