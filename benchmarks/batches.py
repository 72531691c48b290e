"""Batches: useful tokens per CPU second by the tokens of a micro-batch, in interleaved rounds.

One thread, and its CPU time, so that other work on the machine disturbs little. Random weights,
LoRA of rank 16 on all linear layers, 16 examples a step; prompts of 100 to 350 tokens (mode 189),
answers of 25 to 60 (mode 43), of which alone something is learnt.

Usage: python benchmarks/batches.py [S|M ...] [--unfused] [--bfloat16] [--rounds=N]
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch
from measure import machine
from transformers import LlamaConfig, LlamaForCausalLM

from tunesmith.methods.lora import LoRA
from tunesmith.model import attention
from tunesmith.model.packed import packed
from tunesmith.model.task_model import TaskModel
from tunesmith.objectives.tokens import Tokens
from tunesmith.tasks.collate import collate
from tunesmith.training.allocator import keep_freed_memory
from tunesmith.training.batching import Batching
from tunesmith.training.placement import autocast

HERE = Path(__file__).parent
SHAPES: dict[str, dict[str, Any]] = {
    "S": {"hidden_size": 288, "num_hidden_layers": 6, "num_attention_heads": 6,
          "intermediate_size": 768, "tie_word_embeddings": True},
    "M": {"hidden_size": 768, "num_hidden_layers": 12, "num_attention_heads": 12,
          "intermediate_size": 2048, "tie_word_embeddings": False},
}  # fmt: skip
BUDGETS = (256, 512, 1024, 2048, 4096)
VOCABULARY, EXAMPLES = 32000, 16


def model_of(shape: str, *, fused: bool) -> TaskModel:
    """A model of random weights with fresh adapters."""
    torch.manual_seed(0)
    config = LlamaConfig(**SHAPES[shape], vocab_size=VOCABULARY)
    attention.register()
    config._attn_implementation = attention.NAME
    network = LlamaForCausalLM(config)
    LoRA(rank=16, alpha=32).apply(network)
    return TaskModel(network, Tokens(), fused=fused).train()


def rows_of(seed: int) -> list[tuple[np.ndarray, np.ndarray]]:
    """The examples of a step."""
    draw = np.random.default_rng(seed)
    rows = []
    for _ in range(EXAMPLES):
        prompt, answer = draw.triangular(100, 189, 350), draw.triangular(25, 43, 60)
        ids = draw.integers(3, VOCABULARY, int(prompt) + int(answer)).astype(np.int32)
        weights = np.zeros(len(ids), np.float32)
        weights[int(prompt) :] = 1
        rows.append((ids, weights))
    return rows


def step_s(model: TaskModel, batching: Batching, seed: int, precision: torch.dtype) -> float:
    """CPU seconds by useful token of one step forward and backward."""
    rows = rows_of(seed)
    lengths = np.array([len(ids) for ids, _ in rows])
    started = time.process_time()
    for part in batching.divide(lengths):
        batch = collate([rows[row] for row in part], 0)
        batch = packed(batch) if batching.packs else batch
        with autocast(torch.device("cpu"), precision):
            loss = model(batch)
        loss.total.backward()
    model.zero_grad(set_to_none=True)
    return (time.process_time() - started) / int(lengths.sum())


def main(arguments: list[str]) -> None:
    """Runs all budgets in turn and prints their medians."""
    torch.set_num_threads(1)
    keep_freed_memory()
    fused = "--unfused" not in arguments
    precision = torch.bfloat16 if "--bfloat16" in arguments else torch.float32
    rounds = next((int(a[9:]) for a in arguments if a.startswith("--rounds=")), 5)
    for shape in [a for a in arguments if a in SHAPES] or list(SHAPES):
        model = model_of(shape, fused=fused)
        ways = {
            f"{'packed' if packs else 'padded'} {budget}": Batching(packs, EXAMPLES, budget)
            for budget in BUDGETS
            for packs in ((True,) if fused else (False, True))
        }
        step_s(model, ways[f"packed {BUDGETS[0]}"], 0, precision)
        speeds: dict[str, list[float]] = {name: [] for name in ways}
        for turn in range(rounds):
            for name, batching in ways.items():
                speeds[name].append(1 / step_s(model, batching, 1 + turn, precision))
        found = {
            "machine": machine(),
            "shape": shape,
            "fused": fused,
            "precision": str(precision),
            "tokens_per_cpu_s": {k: [round(v, 1) for v in vs] for k, vs in speeds.items()},
            "median": {k: round(statistics.median(vs), 1) for k, vs in speeds.items()},
        }
        (HERE / "results").mkdir(exist_ok=True)
        kind = f"{shape}-{'fused' if fused else 'unfused'}-{str(precision)[6:]}"
        file = HERE / "results" / f"{found['machine']['date']}-batches-{kind}.json"
        file.write_text(json.dumps(found, indent=1) + "\n")
        print(kind, json.dumps(found["median"], indent=1), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
