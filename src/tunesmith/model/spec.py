"""Model: which weights a recipe starts from."""

from __future__ import annotations

from typing import Literal

from tunesmith.core.part import Settings


class Model(Settings):
    """Where weights and tokenizer come from, and how they are held."""

    path: str = "tunesmith-tiny"
    """A model folder, a hub id (``owner/name``) or the bundled ``tunesmith-tiny``."""
    revision: str | None = None
    """Commit, tag or branch on the hub; None: the main branch."""
    adapter: str | None = None
    """A LoRA adapter on that model to start from: its folder, or the run that made it. ``lora`` and
    ``qlora`` go on training it, ``full`` and ``freeze`` train the model that it is written into."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type the weights are held in; ``auto``: bfloat16 on a GPU that has it, float32 on a CPU."""
    init: Literal["pretrained", "random"] = "pretrained"
    """``random`` starts from fresh weights and reads only configuration and tokenizer."""
