"""Blank: the folder that pre-training starts from: a configuration and a tokenizer, no weights."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

from tunesmith.starter.tokenizer import SPECIAL, learn_tokenizer, write_tokenizer

VOCABULARY = 3072
MAX_TOKENS = 512
CONFIG = {
    "architectures": ["LlamaForCausalLM"],
    "model_type": "llama",
    "hidden_size": 192,
    "intermediate_size": 576,
    "num_hidden_layers": 6,
    "num_attention_heads": 6,
    "num_key_value_heads": 6,
    "head_dim": 32,
    "hidden_act": "silu",
    "max_position_embeddings": MAX_TOKENS,
    "rms_norm_eps": 1e-5,
    "rope_theta": 10000.0,
    "tie_word_embeddings": True,
    "attention_bias": False,
    "mlp_bias": False,
    "initializer_range": 0.02,
    "vocab_size": VOCABULARY,
    "bos_token_id": SPECIAL.index("<s>"),
    "eos_token_id": SPECIAL.index("</s>"),
    "pad_token_id": SPECIAL.index("<pad>"),
}
"""3.5 million parameters."""


def write_blank(folder: Path, texts: Iterable[str]) -> None:
    """Writes ``config.json`` and a tokenizer learnt from ``texts``."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(CONFIG, indent=2) + "\n", "utf-8")
    content = learn_tokenizer(texts, vocabulary=VOCABULARY)
    write_tokenizer(folder, content, max_tokens=MAX_TOKENS)
