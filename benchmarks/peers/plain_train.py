"""The yardstick: a plain loop over transformers and PEFT, well configured. Usage: FILE (the work).

No gradient checkpointing, no padding mask (rows are filled up on the right, so causal attention
needs none), the output head on target rows alone, one division by all targets of a step, AdamW in
one kernel. Options: ``sorted`` puts the rows of a step into micro-batches by length; ``dtype``
is the type that frozen weights are held in.
"""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import peft
import torch
import transformers
from peft import PeftModel
from stepper import Stepper, read_rows, read_work
from torch.nn import functional
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM


def main() -> None:
    """Loads the model and obeys."""
    work, stepper = read_work(), Stepper()
    torch.set_num_threads(work["threads"])
    torch.manual_seed(0)
    dtype = getattr(torch, work["options"].get("dtype", "float32"))
    base = AutoModelForCausalLM.from_pretrained(work["model"], dtype=dtype)
    model = PeftModel.from_pretrained(base, work["adapter"], is_trainable=True).train()
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained, lr=work["lr"], weight_decay=0.0, fused=True)
    rows, size = read_rows(work), work["batch_size"]
    about = {
        "version": f"transformers {transformers.__version__}, PEFT {peft.__version__}",
        "torch": torch.__version__,
        "trained": sum(p.numel() for p in trained),
    }
    stepper.ready(**about)
    stepper.next()
    start = 0
    while True:
        step = [rows[(start + i) % len(rows)] for i in range(size)]
        start += size
        stepper.losses.append(_step(base, optimizer, trained, step, work))
        if stepper.step_done():
            break
    stepper.close()


def _step(base: Any, optimizer: Any, trained: list[Any], rows: list[Any], work: Any) -> float:
    if work["options"].get("sorted"):
        rows = sorted(rows, key=lambda row: -len(row["input_ids"]))
    n_targets = sum(label != -100 for row in rows for label in row["labels"][1:])
    is_bf16 = work["precision"] == "bfloat16"
    total = 0.0
    for first in range(0, len(rows), work["micro_batch_size"]):
        micro = rows[first : first + work["micro_batch_size"]]
        ids = pad_sequence([torch.tensor(r["input_ids"]) for r in micro], batch_first=True)
        labels = pad_sequence(
            [torch.tensor(r["labels"]) for r in micro], batch_first=True, padding_value=-100
        )[:, 1:]
        with torch.autocast("cpu", torch.bfloat16) if is_bf16 else nullcontext():
            hidden = base.model(input_ids=ids, use_cache=False).last_hidden_state[:, :-1]
            is_target = labels != -100
            logits = base.lm_head(hidden[is_target])  # [N, V]
        loss = functional.cross_entropy(logits.float(), labels[is_target], reduction="sum")
        (loss / n_targets).backward()
        total += loss.detach()
    torch.nn.utils.clip_grad_norm_(trained, 1.0, foreach=True)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(total) / n_targets


if __name__ == "__main__":
    main()
