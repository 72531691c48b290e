"""What generation is measured on: two models, and dialogues of DialogSum as their prompts."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

ROOT = Path(__file__).parent.parent
SHARED = Path(os.environ.get("TUNESMITH_SHARED", ROOT.parent / "shared")) / "data"
DIALOGSUM = SHARED / "dialogsum"
STORIES = SHARED / "models" / "stories260K-hf"
REQUEST = "Summarize the following dialogue.\n\n{dialogue}\n\nSummary:\n"
ROOM = 2048


@dataclass(frozen=True)
class Material:
    """Prompts of one model with the number of tokens each answer gets."""

    prompts: list[list[int]]
    limits: list[int]
    preamble: list[int]
    positions: int


def model_of(name: str) -> Any:
    """The model of a row, which ends no answer by itself."""
    from transformers import LlamaConfig, LlamaForCausalLM

    if name == "stories260K":
        model = LlamaForCausalLM.from_pretrained(STORIES, dtype=torch.float32)
    else:
        torch.manual_seed(0)
        config = LlamaConfig(
            hidden_size=768,
            intermediate_size=2048,
            num_hidden_layers=12,
            num_attention_heads=12,
            vocab_size=32000,
            tie_word_embeddings=True,
            max_position_embeddings=ROOM,
        )
        model = LlamaForCausalLM(config)
    # Nobody ends before the limit.
    model.generation_config.eos_token_id = None
    model.generation_config.bos_token_id = 1
    return model.eval()


def material_of(name: str, n_prompts: int) -> Material:
    """Its prompts; an answer is as long as the dialogue's own summary."""
    with (DIALOGSUM / "dialogsum.dev.jsonl").open(encoding="utf-8") as lines:
        records = [json.loads(line) for line in lines]
    encode = _encoder(name)
    positions = ROOM if name == "110M" else 512
    found: list[tuple[list[int], int]] = []
    for record in records:
        prompt = [1, *encode(REQUEST.format(dialogue=record["dialogue"]))]
        limit = len(encode(record["summary"]))
        if len(prompt) + limit <= positions:
            found.append((prompt, limit))
    found = found[:n_prompts]
    shots = [r for r in records[-40:] if len(r["dialogue"]) < 800][:4]
    text = "".join(REQUEST.format(**shot) + shot["summary"] + "\n\n" for shot in shots)
    return Material([p for p, _ in found], [n for _, n in found], [1, *encode(text)], positions)


def _encoder(name: str) -> Callable[[str], list[int]]:
    """The model's own tokens; of the random one, byte pairs learnt from the dialogues."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers

    if name == "stories260K":
        tokenizer = Tokenizer.from_file(str(STORIES / "tokenizer.json"))
    else:
        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
        trainer = trainers.BpeTrainer(
            vocab_size=32000,
            special_tokens=["<unk>", "<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train([str(DIALOGSUM / "train_sample.csv")], trainer)
    return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
