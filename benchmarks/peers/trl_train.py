"""TRL's own training: SFTTrainer or DPOTrainer on rows in a given order. Usage: FILE (the work).

Options: ``trainer``, arguments of its configuration over those that all share; ``model``, of
loading the weights.
"""

from __future__ import annotations

import tempfile
from typing import Any

import torch
import trl
from datasets import Dataset
from hf_obeys import Obey, arguments
from peft import PeftModel
from stepper import Stepper, read_rows, read_work
from torch.utils.data import SequentialSampler
from transformers import AutoModelForCausalLM, AutoTokenizer
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer


class InOrderSFT(SFTTrainer):
    """Takes rows as they come: every contender makes the same steps."""

    def _get_train_sampler(self, *_: Any, **__: Any) -> Any:
        return SequentialSampler(self.train_dataset)


class InOrderDPO(DPOTrainer):
    """Takes rows as they come."""

    def _get_train_sampler(self, *_: Any, **__: Any) -> Any:
        return SequentialSampler(self.train_dataset)


def main() -> None:
    """Builds the trainer and obeys."""
    work, stepper = read_work(), Stepper()
    torch.set_num_threads(work["threads"])
    given = {"dtype": "float32", **work["options"].get("model", {})}
    base = AutoModelForCausalLM.from_pretrained(work["model"], **given)
    model = PeftModel.from_pretrained(base, work["adapter"], is_trainable=True)
    tokenizer = AutoTokenizer.from_pretrained(work["model"])
    tokenizer.pad_token = tokenizer.eos_token
    obey = Obey(stepper, version=f"TRL {trl.__version__}", torch=torch.__version__)
    make = _dpo if work["kind"] == "dpo" else _sft
    with tempfile.TemporaryDirectory() as folder:
        chosen = {**arguments(work, folder), **work["options"].get("trainer", {})}
        make(model, chosen, read_rows(work), tokenizer, obey).train()
    stepper.close()


def _sft(model: Any, chosen: dict[str, Any], rows: Any, tokenizer: Any, obey: Obey) -> SFTTrainer:
    return InOrderSFT(
        model,
        args=SFTConfig(**{"max_length": None, **chosen}),
        train_dataset=Dataset.from_list([{k: r[k] for k in ("input_ids", "labels")} for r in rows]),
        processing_class=tokenizer,
        callbacks=[obey],
    )


def _dpo(model: Any, chosen: dict[str, Any], rows: Any, tokenizer: Any, obey: Obey) -> DPOTrainer:
    # The word-level tokenizer gives each text back as the very ids it was made of.
    texts = [{k: _text(r[f"{k}_ids"]) for k in ("prompt", "chosen", "rejected")} for r in rows]
    texts = [
        {**text, "chosen": " " + text["chosen"], "rejected": " " + text["rejected"]}
        for text in texts
    ]
    trainer = InOrderDPO(
        model,
        args=DPOConfig(**{"max_length": None, "beta": 0.1, **chosen}),
        train_dataset=Dataset.from_list(texts),
        processing_class=tokenizer,
        callbacks=[obey],
    )
    for key in ("prompt_ids", "chosen_ids", "rejected_ids"):
        if list(trainer.train_dataset[0][key]) != rows[0][key]:
            raise SystemExit(f"{key} are not those of the work")
    return trainer


def _text(ids: list[int]) -> str:
    names = {0: "<unk>", 1: "<s>", 2: "</s>"}
    return " ".join(names.get(i, f"w{i}") for i in ids)


if __name__ == "__main__":
    main()
