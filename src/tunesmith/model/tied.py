"""Tied: output head and embeddings that share one weight, and parting them."""

from __future__ import annotations

from typing import Any

from torch import nn


def has_tied_head(causal_lm: Any) -> bool:
    """Whether the output head multiplies by the embeddings themselves."""
    head, embeddings = causal_lm.get_output_embeddings(), causal_lm.get_input_embeddings()
    return head.weight is embeddings.weight


def untie_head(causal_lm: Any) -> None:
    """Gives the head a copy of the weight, and says so in the configuration that is saved."""
    head = causal_lm.get_output_embeddings()
    head.weight = nn.Parameter(
        head.weight.detach().clone(), requires_grad=head.weight.requires_grad
    )
    mark_untied(causal_lm)


def mark_untied(causal_lm: Any) -> None:
    """Has the model saved with two weights, as transformers reads them."""
    causal_lm.config.tie_word_embeddings = False
    causal_lm.all_tied_weights_keys = {}  # what transformers leaves out when saving
