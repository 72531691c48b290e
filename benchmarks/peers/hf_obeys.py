"""How a trainer of transformers' kind obeys: a callback that waits between steps."""

from __future__ import annotations

from typing import Any

from stepper import Stepper
from transformers import TrainerCallback

FOREVER = 100_000
"""Steps that a trainer is told it has; the benchmark ends it before."""


class Obey(TrainerCallback):
    """Waits for commands before the first step and after the last of each command."""

    def __init__(self, stepper: Stepper, **about: Any) -> None:
        self.stepper = stepper
        self.about = about

    def on_train_begin(self, args: Any, state: Any, control: Any, **more: Any) -> None:
        """Is loaded."""
        model = more.get("model")
        trained = sum(p.numel() for p in model.parameters() if p.requires_grad) if model else None
        self.stepper.ready(**self.about, trained=trained)
        self.stepper.next()

    def on_step_end(self, args: Any, state: Any, control: Any, **more: Any) -> Any:
        """One step is over."""
        control.should_log = True
        if self.stepper.step_done():
            control.should_training_stop = True
        return control

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **more: Any) -> None:
        """Keeps the loss of a step."""
        if logs and "loss" in logs:
            self.stepper.losses.append(float(logs["loss"]))


def arguments(work: dict[str, Any], folder: str) -> dict[str, Any]:
    """What all trainers of this kind are told."""
    return {
        "output_dir": folder,
        "per_device_train_batch_size": work["micro_batch_size"],
        "gradient_accumulation_steps": work["batch_size"] // work["micro_batch_size"],
        "max_steps": FOREVER,
        "learning_rate": work["lr"],
        "lr_scheduler_type": "constant",
        "warmup_steps": 0,
        "weight_decay": 0.0,
        "max_grad_norm": 1.0,
        "bf16": work["precision"] == "bfloat16",
        "use_cpu": True,
        "logging_steps": 1,
        "save_strategy": "no",
        "report_to": [],
        "disable_tqdm": True,
        "seed": 0,
    }
