"""Device: where a model is computed, the type of its weights there, and how data gets there."""

from __future__ import annotations

import torch
from torch import Tensor

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


def moved(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor on a device, without waiting for it.

    What lies in ordinary memory would be copied when a GPU has done all it was asked before, with
    the host waiting; from pinned memory the copy is one more thing asked of it, and the next batch
    is made meanwhile.
    """
    return pinned(tensor, device).to(device, non_blocking=True)


def pinned(tensor: Tensor, device: torch.device) -> Tensor:
    """The tensor where a copy to ``device`` need not wait; itself where it lies right."""
    if device.type == "cuda" and tensor.device.type == "cpu":
        return tensor.pin_memory()
    return tensor
