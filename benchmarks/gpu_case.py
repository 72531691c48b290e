"""One case of the GPU benchmark in a process of its own; prints one line of JSON.

python benchmarks/gpu_case.py lora [--smoke]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from typing import Any

import torch
from gpu_work import SIZES, Rows, Size, peak_gib, random_model

from tunesmith.methods import METHODS
from tunesmith.model.device import default_device
from tunesmith.model.kernels.trial import settle
from tunesmith.model.task_model import TaskModel
from tunesmith.objectives import OBJECTIVES
from tunesmith.training.loop import Trainer
from tunesmith.training.placement import SingleDevice, autocast
from tunesmith.training.settings import Optim, Train
from tunesmith.training.shared_rows import SharedRows
from tunesmith.training.sharing import LEAST_TOKENS, Sharing

PAD = 0
WARM_STEPS, TIMED_STEPS = 3, 8
EXAMPLES, PAIRS = 64, 32
"""Of a step: about 15,000 tokens, and 15,000 of both sides of the pairs."""
ROOM = 16384
"""Tokens of a packed line."""


class Silent:
    """Keeps the losses of the steps and nothing else."""

    def __init__(self) -> None:
        self.losses: list[float] = []

    def step_done(self, values: dict[str, Any]) -> None:
        """One step is over."""
        if isinstance(values.get("loss"), float):
            self.losses.append(values["loss"])

    def evaluated(self, values: dict[str, Any]) -> None:
        """Nothing is."""

    def save(self, checkpoint: Any) -> None:
        """Nothing is."""

    def __getattr__(self, name: str) -> Callable[..., None]:
        """Whatever else a loop tells is not listened to."""
        return lambda *args, **options: None


class Clock:
    """Stops at two steps, when the device has done all that it was asked."""

    def __init__(self, trainer: Trainer, device: torch.device) -> None:
        self.trainer, self.device = trainer, device
        self.marks: list[tuple[float, int]] = []

    def __call__(self, step: int) -> bool:
        """Asked after every step whether to stop."""
        if step in (WARM_STEPS, WARM_STEPS + TIMED_STEPS):
            if self.device.type == "cuda":
                torch.cuda.synchronize()
            self.marks.append((time.perf_counter(), self.trainer.progress.n_tokens))
        return False

    @property
    def tokens_per_s(self) -> float:
        """Useful tokens a second between both."""
        (started, before), (ended, after) = self.marks[0], self.marks[1]
        return (after - before) / (ended - started)


def trained(
    case: str, size: Size, smoke: bool, device: torch.device, *, keep: bool | None = None
) -> dict[str, Any]:
    """Trains some steps with the loop itself; over pairs again with no prefix shared."""
    dtype = torch.float32 if device.type == "cpu" or case == "full" else torch.bfloat16
    precision = torch.float32 if device.type == "cpu" else torch.bfloat16
    scale = 0.05 if smoke else 1.0
    is_dpo = case == "dpo"
    per_step = 4 if smoke else PAIRS if is_dpo else EXAMPLES
    rows = Rows(per_step * (WARM_STEPS + TIMED_STEPS), size.vocabulary, pairs=is_dpo, scale=scale)
    model = random_model(size, device, dtype)
    if case == "qlora":
        model = in_four_bits(model, device, keep=bool(keep))
    method = METHODS.parse(
        {"name": "full"} if case == "full" else {"name": "lora", "rank": 16, "alpha": 32}
    )
    method.apply(model)
    network = TaskModel(model, OBJECTIVES.parse({"name": "dpo" if is_dpo else "tokens"}))
    source = rows_of(case, rows, network, device, precision)
    found = timed(network, source, per_step, smoke, device, precision)
    if isinstance(source, SharedRows):
        found["shared_fraction"] = source.sharing.saved_fraction
        apart = timed(network, source.source, per_step, smoke, device, precision)
        found["tokens_per_s_unshared"] = apart["tokens_per_s"]
    return {
        **found,
        "flop_per_token": size.flop_per_token(rows, trains_all=case == "full"),
        "fused": network.unfused_because or True,
        "examples_per_step": per_step,
    }


def timed(
    network: TaskModel,
    source: Any,
    per_step: int,
    smoke: bool,
    device: torch.device,
    precision: torch.dtype,
) -> dict[str, Any]:
    """Rate, losses and memory of some steps over rows."""
    settings = Train(
        epochs=1,
        batch_size=per_step,
        micro_batch_size=per_step,
        packing=True,
        tokens_at_once=300 if smoke else ROOM,
        eval_every_fraction=1,
    )
    watcher = Silent()
    trainer = Trainer(
        network,
        source,
        None,
        settings=settings,
        optim=Optim(name="adamw"),
        lr=1e-4,
        placement=SingleDevice(device),
        watcher=watcher,
        precision=precision,
    )
    clock = Clock(trainer, device)
    trainer.fit(clock)
    return {
        "tokens_per_s": clock.tokens_per_s,
        "loss_first": watcher.losses[0] if watcher.losses else None,
        "loss_last": watcher.losses[-1] if watcher.losses else None,
        "peak_gib": peak_gib(device),
    }


def rows_of(
    case: str, rows: Rows, model: TaskModel, device: torch.device, precision: torch.dtype
) -> Any:
    """The rows as the trainer asks for them; of pairs with the reference, prompts shared."""
    from tunesmith.tasks.collate import EncodedRows

    split: Any = rows
    if case != "dpo":
        return EncodedRows(split, PAD)
    from tunesmith.pipelines.reference import reference_logps
    from tunesmith.tasks.preference_rows import PreferenceRows

    lengths = 2 * rows.lengths.reshape(-1, 2).max(1)  # twice the longer side
    pairs = PreferenceRows(split, PAD, lengths=lengths, is_paired=True)
    sharing = Sharing(LEAST_TOKENS)
    with autocast(device, precision):
        known = reference_logps(model, model.objective, pairs, 16, sharing=sharing)  # pyright: ignore
    return SharedRows(pairs.with_reference(known), Sharing(LEAST_TOKENS))


def in_four_bits(model: Any, device: torch.device, *, keep: bool) -> Any:
    """The same model with its linear layers held as NF4, or written out again."""
    import bitsandbytes as bnb
    from torch import nn

    from tunesmith.model.quantised import keep_as_loaded, write_out

    for name, module in list(model.named_modules()):
        if not isinstance(module, nn.Linear) or name.endswith("lm_head"):
            continue
        held = bnb.nn.Linear4bit(
            module.in_features,
            module.out_features,
            bias=False,
            compute_dtype=module.weight.dtype,
            quant_type="nf4",
            device="meta",
        )
        held.weight = bnb.nn.Params4bit(
            module.weight.data, requires_grad=False, quant_type="nf4", compress_statistics=True
        )
        model.set_submodule(name, held.to(device))
    keep_as_loaded(model)
    if keep:
        write_out(model)
    if device.type == "cuda":
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    return model


def generated(size: Size, smoke: bool, device: torch.device) -> dict[str, Any]:
    """Answers of one length to prompts of many, in sorted batches."""
    from tunesmith.chat.chat_model import Sampling
    from tunesmith.chat.generate import generate

    model = random_model(size, device, torch.float32 if smoke else torch.bfloat16).eval()
    n, new = (4, 4) if smoke else (64, 64)
    prompts = sorted((list(map(int, ids)) for ids in Rows(n, size.vocabulary).ids), key=len)

    def work() -> int:
        *_, rows = generate(
            model,
            prompts,
            end_ids=frozenset({2}),
            sampling=Sampling(max_new_tokens=new),
            max_positions=4096,
        )
        return sum(len(row.ids) for row in rows)

    work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    started = time.perf_counter()
    n_made = work()
    if device.type == "cuda":
        torch.cuda.synchronize()
    seconds = time.perf_counter() - started
    return {
        "new_tokens_per_s": n_made / seconds,
        "prompts_at_once": n,
        "new_tokens": new,
        "peak_gib": peak_gib(device),
    }


CASES = ("lora", "qlora", "qlora-each-pass", "full", "dpo", "generate")


def main() -> None:
    """Runs one case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=CASES)
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    case, smoke = arguments.case, arguments.smoke
    size = SIZES["smoke" if smoke else "1b" if case == "full" else "7b"]
    device = default_device()
    settle(device)  # as the start of a run does; kept for the cases behind it
    if case == "generate":
        found = generated(size, smoke, device)
    elif case.startswith("qlora"):
        found = trained("qlora", size, smoke, device, keep=case == "qlora")
    else:
        found = trained(case, size, smoke, device)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
