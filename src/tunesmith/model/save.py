"""Save: whole weights as safetensors that transformers loads."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from tunesmith.model.head import backbone_renaming

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer.model",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "chat_template.jinja",
)


def save_weights(model: Any, folder: Path, *, max_shard_gib: int = 4) -> None:
    """Writes configuration and weights in the type they are held in."""
    # Under the names of its own architecture, not of the language model that it was loaded from.
    own_names = {"save_original_format": False} if backbone_renaming(model) else {}
    model.save_pretrained(folder, max_shard_size=f"{max_shard_gib}GB", **own_names)


def copy_tokenizer(source: Path, folder: Path) -> None:
    """Copies the tokenizer's files as they are, so that ids stay the same to the byte."""
    for name in TOKENIZER_FILES:
        if (source / name).is_file():
            shutil.copyfile(source / name, folder / name)
