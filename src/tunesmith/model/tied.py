"""Tied: output head and embeddings that share one weight, and parting them."""

from __future__ import annotations

from typing import Any

from torch import nn

from tunesmith.model.head import output_head


def has_tied_head(model: Any) -> bool:
    """Whether the output head multiplies by the embeddings themselves."""
    head, embeddings = output_head(model), model.get_input_embeddings()
    return head.weight is embeddings.weight


def untie_head(model: Any) -> None:
    """Gives the head a copy of the weight, and says so in the configuration that is saved."""
    head = model.get_output_embeddings()
    head.weight = nn.Parameter(
        head.weight.detach().clone(), requires_grad=head.weight.requires_grad
    )
    mark_untied(model)


def mark_untied(model: Any) -> None:
    """Has the model saved with two weights, as transformers reads them."""
    model.config.tie_word_embeddings = False
    model.all_tied_weights_keys = {}  # what transformers leaves out when saving
