"""NEFTune: noise on the embeddings in training (Jain et al. 2023, arXiv:2310.05914)."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn


def add_embedding_noise(model: Any, alpha: float) -> None:
    """Has every training pass see its embeddings with uniform noise.

    The noise lies within alpha / sqrt(T * D), T being the length of the padded row, as in
    transformers. It comes from torch's generator, whose state is in every checkpoint, so a resume
    is exact. Evaluation and use see none.

    Args:
        model: gets a hook on its embeddings.
        alpha: the strength; 5 to 15 in the paper.
    """

    def disturb(module: nn.Module, inputs: Any, embedded: Tensor) -> Tensor:
        if not module.training:
            return embedded
        bound = alpha / math.sqrt(embedded.shape[1] * embedded.shape[2])  # of [B, T, D]
        return embedded + torch.empty_like(embedded).uniform_(-bound, bound)

    model.get_input_embeddings().register_forward_hook(disturb)
