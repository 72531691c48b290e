"""TRL with Liger, or Unsloth, on the rows and weights of the GPU benchmark.

    python benchmarks/peers/trl_gpu.py lora|qlora|dpo [--unsloth] [--smoke]

Prints one line of JSON: its figures, or ``skipped`` with the reason.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from importlib.util import find_spec
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
WARM_STEPS, TIMED_STEPS, EXAMPLES, PAIRS = 3, 8, 64, 32
MICRO_BATCH = 16
"""Rows at once, of about 230 tokens; what is kept of them fits, so nothing is computed twice."""


def missing(unsloth: bool) -> str | None:
    """The first package that is not there."""
    names = ["trl", "datasets", "peft", *(["unsloth"] if unsloth else [])]
    return next((name for name in names if find_spec(name) is None), None)


def measured(case: str, unsloth: bool, smoke: bool) -> dict[str, Any]:
    """Trains some steps and times all but the first ones."""
    if unsloth:
        import unsloth  # noqa: F401  # has to come before the libraries that it changes
    import torch
    from gpu_work import SIZES, Rows, peak_gib, random_model
    from transformers import TrainerCallback

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    size = SIZES["smoke" if smoke else "7b"]
    dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
    per_step = 4 if smoke else PAIRS if case == "dpo" else EXAMPLES
    rows = Rows(
        per_step * (WARM_STEPS + TIMED_STEPS), size.vocabulary, pairs=case == "dpo",
        scale=0.05 if smoke else 1.0,
    )  # fmt: skip

    class Clock(TrainerCallback):
        marks: list[float] = []
        losses: list[float] = []

        def on_step_end(self, args: Any, state: Any, control: Any, **options: Any) -> None:
            if state.global_step in (WARM_STEPS, WARM_STEPS + TIMED_STEPS):
                if device.type == "cuda":
                    torch.cuda.synchronize()
                self.marks.append(time.perf_counter())

        def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **o: Any) -> None:
            if logs and "loss" in logs:
                self.losses.append(float(logs["loss"]))

    has_liger = find_spec("liger_kernel") is not None and device.type == "cuda" and not unsloth
    has_flash = find_spec("flash_attn") is not None and device.type == "cuda"
    with tempfile.TemporaryDirectory() as folder:
        tokenizer = tokenizer_of(folder, size.vocabulary)
        if unsloth:
            model = by_unsloth(random_model(size, device, dtype), tokenizer, folder, case)
        else:
            kind = "flash_attention_2" if has_flash else "sdpa"
            model = random_model(size, device, dtype, kind)
            if case == "qlora":
                from gpu_case import in_four_bits

                model = in_four_bits(model, device, keep=False)
        common: dict[str, Any] = {
            "output_dir": folder,
            "per_device_train_batch_size": min(MICRO_BATCH, per_step),
            "gradient_accumulation_steps": max(1, per_step // MICRO_BATCH),
            "max_steps": WARM_STEPS + TIMED_STEPS,
            "learning_rate": 1e-4,
            "lr_scheduler_type": "constant",
            "logging_steps": 1,
            "save_strategy": "no",
            "report_to": "none",
            "bf16": device.type == "cuda",
            "use_cpu": device.type != "cuda",
            "gradient_checkpointing": False,
            "use_liger_kernel": has_liger,
            "max_length": 1024,
            "disable_tqdm": True,
        }
        trainer = trainer_of(case, model, rows, tokenizer, common, unsloth, has_flash)
        clock = Clock()
        trainer.add_callback(clock)
        trainer.train()
    timed = rows.lengths[-per_step * TIMED_STEPS * (1 + rows.is_paired) :]
    return {
        # Of all rows the mean, for the trainer shuffles them.
        "tokens_per_s": rows.lengths.mean() * len(timed) / (clock.marks[1] - clock.marks[0]),
        "flop_per_token": size.flop_per_token(rows, trains_all=False),
        "loss_first": clock.losses[0] if clock.losses else None,
        "loss_last": clock.losses[-1] if clock.losses else None,
        "peak_gib": peak_gib(device),
        "liger": has_liger,
        "flash_attention": has_flash,
    }


def trainer_of(
    case: str,
    model: Any,
    rows: Any,
    tokenizer: Any,
    common: dict[str, Any],
    unsloth: bool,
    has_flash: bool,
) -> Any:
    """TRL's trainer over rows that are encoded already."""
    from datasets import Dataset
    from peft import LoraConfig
    from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

    adapter = LoraConfig(
        r=16, lora_alpha=32, lora_dropout=0.0, target_modules="all-linear", task_type="CAUSAL_LM"
    )
    given = {} if unsloth else {"peft_config": adapter}
    if case == "dpo":
        texts = [tokenizer.decode(ids) for ids in rows.ids]
        starts = [tokenizer.decode(i[w == 0]) for i, w in zip(rows.ids, rows.weights, strict=True)]
        data = Dataset.from_dict(
            {
                "prompt": starts[::2],
                "chosen": [t[len(s) :] for t, s in zip(texts, starts, strict=True)][::2],
                "rejected": [t[len(s) :] for t, s in zip(texts, starts, strict=True)][1::2],
            }
        )
        config = DPOConfig(**common, precompute_ref_log_probs=True)
        return DPOTrainer(model, None, config, train_dataset=data, processing_class=tokenizer,
                          **given)  # fmt: skip
    data = Dataset.from_dict(
        {
            "input_ids": [ids.tolist() for ids in rows.ids],
            "completion_mask": [w.astype(int).tolist() for w in rows.weights],
        }
    )
    config = SFTConfig(**common, completion_only_loss=True, padding_free=has_flash)
    return SFTTrainer(model, config, train_dataset=data, processing_class=tokenizer, **given)


def by_unsloth(model: Any, tokenizer: Any, folder: str, case: str) -> Any:
    """The model as Unsloth loads it, from a folder, for it takes no other."""
    import torch
    from unsloth import FastLanguageModel

    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    del model
    torch.cuda.empty_cache()
    torch.cuda.reset_peak_memory_stats()
    found, _ = FastLanguageModel.from_pretrained(
        folder, max_seq_length=1024, dtype=torch.bfloat16, load_in_4bit=case == "qlora"
    )
    names = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return FastLanguageModel.get_peft_model(
        found, r=16, lora_alpha=32, lora_dropout=0, target_modules=names,
        use_gradient_checkpointing=False,
    )  # fmt: skip


def tokenizer_of(folder: str, vocabulary: int) -> Any:
    """A tokenizer of as many words as the model has rows, since trainers ask for one."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = ["<unk>", "<s>", "</s>", *(f"w{i}" for i in range(3, vocabulary))]
    made = Tokenizer(models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>"))
    made.pre_tokenizer = pre_tokenizers.WhitespaceSplit()  # type: ignore[assignment]
    return PreTrainedTokenizerFast(
        tokenizer_object=made, unk_token="<unk>", bos_token="<s>", eos_token="</s>",
        pad_token="</s>",
    )  # fmt: skip


def main() -> None:
    """Measures one case."""
    parser = argparse.ArgumentParser()
    parser.add_argument("case", choices=("lora", "qlora", "dpo"))
    parser.add_argument("--unsloth", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    arguments = parser.parse_args()
    absent = missing(arguments.unsloth)
    if absent is None and arguments.unsloth and arguments.smoke:
        absent = "a GPU, which Unsloth needs,"
    if absent is not None:
        print(json.dumps({"skipped": f"{absent} is not here"}))
        return
    print(json.dumps(measured(arguments.case, arguments.unsloth, arguments.smoke)))


if __name__ == "__main__":
    main()
