"""TRL's own preparation of a data set: tokenized, masked, packed.

Usage: trl_data.py FILE TOKENIZER OUT
"""

from __future__ import annotations

import json
import sys
import time


def main(file: str, tokenizer_folder: str, out: str) -> None:
    """Prepares the file and prints what it took."""
    import trl
    from datasets import load_dataset
    from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM
    from trl import SFTConfig, SFTTrainer

    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    tokenizer.pad_token = tokenizer.eos_token
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        vocab_size=len(tokenizer),
    )
    model = LlamaForCausalLM(config)
    arguments = SFTConfig(
        output_dir=out,
        use_cpu=True,
        bf16=False,
        report_to=[],
        max_length=2048,
        packing=True,
        completion_only_loss=True,
        dataset_num_proc=2,
    )
    started = time.perf_counter()
    rows = load_dataset("json", data_files=file, split="train")
    trainer = SFTTrainer(model, args=arguments, train_dataset=rows, processing_class=tokenizer)
    packed = trainer.train_dataset
    seconds = time.perf_counter() - started
    n_tokens = sum(len(ids) for ids in packed.with_format("arrow")["input_ids"].combine_chunks())
    print(json.dumps({"seconds": seconds, "tokens": n_tokens, "version": trl.__version__}))


if __name__ == "__main__":
    main(*sys.argv[1:])
