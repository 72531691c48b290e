"""LLaMA-Factory's own preprocessing of a data set: tokenized, masked, packed, on disk.

Usage: llamafactory_data.py FILE TOKENIZER OUT
"""

from __future__ import annotations

import json
import sys
import time
from importlib.metadata import version
from pathlib import Path


def main(file: str, tokenizer_folder: str, out: str) -> None:
    """Prepares the file and prints what it took."""
    from llamafactory.data import get_dataset, get_template_and_fix_tokenizer
    from llamafactory.hparams import DataArguments, ModelArguments
    from transformers import AutoTokenizer, Seq2SeqTrainingArguments

    folder = Path(out)
    folder.mkdir(parents=True, exist_ok=True)
    columns = {"prompt": "prompt", "response": "completion"}
    info = {"bench": {"file_name": file, "columns": columns}}
    (folder / "dataset_info.json").write_text(json.dumps(info))
    tokenizer = AutoTokenizer.from_pretrained(tokenizer_folder)
    data = DataArguments(
        template="llama2",
        dataset="bench",
        dataset_dir=str(folder),
        cutoff_len=2048,
        packing=True,
        preprocessing_num_workers=2,
        overwrite_cache=True,
        tokenized_path=str(folder / "tokenized"),
    )
    model = ModelArguments(model_name_or_path=tokenizer_folder)
    training = Seq2SeqTrainingArguments(output_dir=str(folder / "run"), use_cpu=True, report_to=[])
    template = get_template_and_fix_tokenizer(tokenizer, data)
    started = time.perf_counter()
    get_dataset(template, model, data, training, "sft", tokenizer)
    seconds = time.perf_counter() - started
    from datasets import load_from_disk

    packed = load_from_disk(str(folder / "tokenized"))
    packed = packed["train"] if "train" in packed else packed
    n_tokens = sum(len(ids) for ids in packed.with_format("arrow")["input_ids"].combine_chunks())
    print(json.dumps({"seconds": seconds, "tokens": n_tokens, "version": version("llamafactory")}))


if __name__ == "__main__":
    main(*sys.argv[1:])
