"""Transformers' Trainer on a classification head and the last layers. Usage: FILE (the work).

Every command is whole runs: load, train for all epochs. Options: ``layers``, how many of the last
train beside the head.
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
import transformers
from stepper import Stepper, read_rows, read_work
from torch.utils.data import SequentialSampler
from transformers import (
    AutoTokenizer,
    DataCollatorWithPadding,
    LlamaForSequenceClassification,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class InOrder(Trainer):
    """Takes rows as they come."""

    def _get_train_sampler(self, *_: Any, **__: Any) -> Any:
        return SequentialSampler(self.train_dataset)


class Losses(TrainerCallback):
    """Keeps the losses of steps."""

    def __init__(self, losses: list[float]) -> None:
        self.losses = losses

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """Keeps the loss of a step."""
        if logs and "loss" in logs:
            self.losses.append(float(logs["loss"]))


def main() -> None:
    """Obeys."""
    work, stepper = read_work(), Stepper()
    torch.set_num_threads(work["threads"])
    rows = read_rows(work)
    tokenizer = AutoTokenizer.from_pretrained(work["model"])
    tokenizer.pad_token = tokenizer.eos_token
    stepper.ready(version=f"transformers {transformers.__version__}", torch=torch.__version__)
    while n_runs := stepper.next():
        for _ in range(n_runs):
            stepper.losses.clear()
            with tempfile.TemporaryDirectory() as folder:
                _run(work, rows, tokenizer, folder, stepper.losses)
        stepper.done()
    stepper.close()


def _run(work: Any, rows: Any, tokenizer: Any, folder: str, losses: list[float]) -> None:
    model = LlamaForSequenceClassification.from_pretrained(
        work["model"], dtype=torch.float32, num_labels=work["n_labels"]
    )
    model.config.pad_token_id = tokenizer.pad_token_id
    model.requires_grad_(False)
    model.score.requires_grad_(True)
    if work["options"]["layers"]:
        for layer in model.model.layers[-work["options"]["layers"] :]:
            layer.requires_grad_(True)
    InOrder(
        model,
        TrainingArguments(
            output_dir=folder,
            num_train_epochs=work["epochs"],
            per_device_train_batch_size=work["batch_size"],
            learning_rate=work["lr"],
            lr_scheduler_type="constant",
            weight_decay=0.0,
            bf16=work["precision"] == "bfloat16",
            use_cpu=True,
            logging_steps=1,
            save_strategy="no",
            report_to=[],
            disable_tqdm=True,
        ),
        train_dataset=rows,
        data_collator=DataCollatorWithPadding(tokenizer),
        callbacks=[Losses(losses)],
    ).train()


if __name__ == "__main__":
    main()
