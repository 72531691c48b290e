"""LLaMA-Factory's own training (run_exp) on rows that are tokenized. Usage: FILE (the work).

Options: ``arguments`` over those that are set here.
"""

from __future__ import annotations

import tempfile
from importlib.metadata import version
from pathlib import Path

import torch
from datasets import Dataset, DatasetDict
from hf_obeys import Obey, arguments
from llamafactory.train.tuner import run_exp
from stepper import Stepper, read_rows, read_work


def main() -> None:
    """Builds the trainer and obeys."""
    work, stepper = read_work(), Stepper()
    torch.set_num_threads(work["threads"])
    obey = Obey(stepper, version=version("llamafactory"), torch=torch.__version__)
    with tempfile.TemporaryDirectory() as place:
        tokenized = str(Path(place) / "tokenized")
        DatasetDict({"train": Dataset.from_list([_row(r) for r in read_rows(work)])}).save_to_disk(
            tokenized
        )
        given = {
            **arguments(work, str(Path(place) / "run")),
            "stage": "sft",
            "do_train": True,
            "finetuning_type": "lora",
            "model_name_or_path": work["model"],
            "adapter_name_or_path": work["adapter"],
            "create_new_adapter": False,
            "template": "empty",
            "dataset": "rows",
            "dataset_dir": place,
            "tokenized_path": tokenized,
            "cutoff_len": 4096,
            "disable_shuffling": True,
            "infer_dtype": "float32",
            "save_safetensors": None,
            **work["options"].get("arguments", {}),
        }
        run_exp({k: v for k, v in given.items() if v is not None}, callbacks=[obey])
    stepper.close()


def _row(row: dict) -> dict:
    ids = row["input_ids"]
    return {"input_ids": ids, "attention_mask": [1] * len(ids), "labels": row["labels"]}


if __name__ == "__main__":
    main()
