"""Device: where a model is computed, and in which type its weights are held there."""

from __future__ import annotations

import torch

DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


def default_device() -> torch.device:
    """The first GPU, or the processor."""
    if torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return torch.device("cpu")


def weight_dtype(name: str, device: torch.device) -> torch.dtype:
    """The type that ``model.dtype`` means on a device."""
    if name != "auto":
        return DTYPES[name]
    has_bfloat16 = device.type == "cuda" and torch.cuda.is_bf16_supported(including_emulation=False)
    return torch.bfloat16 if has_bfloat16 else torch.float32
