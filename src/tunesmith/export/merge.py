"""Merge: LoRA layers -> plain linear layers with the same answers."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from tunesmith.core.errors import ModelError
from tunesmith.model.head import output_head
from tunesmith.model.lora_linear import lora_layers
from tunesmith.model.quantised import dense_weight, is_quantised, mark_dense, rounds_inputs
from tunesmith.model.tied import has_tied_head, mark_untied
from tunesmith.model.trained_copy import trained_copies

N_PROBE_TOKENS = 64


@torch.no_grad()
def merge_adapter(model: Any, dtype: torch.dtype) -> None:
    """Adds every update to its weight in float32, and casts all weights; changes the model.

    Weights that are held in four bits are written out: the values the model was tuned with.

    Raises:
        ModelError: they are held in eight; then inputs are rounded too, and no weights give that.
    """
    for name, module in model.named_modules():
        if isinstance(module, nn.Linear) and rounds_inputs(module):
            raise ModelError(
                f"{name}: held in eight bits, with inputs rounded as well; plain weights cannot "
                "answer the same. Use base and adapter, or train with method.bits=4."
            )
    for name, layer in list(lora_layers(model)):
        model.set_submodule(name, _plain(layer.base, layer.merged_weight()))
    for name, copy in list(trained_copies(model)):
        model.set_submodule(name, copy.trained)
    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and is_quantised(module):
            model.set_submodule(name, _plain(module, dense_weight(module)))
    mark_dense(model)
    if model.config.tie_word_embeddings and not has_tied_head(model):
        mark_untied(model)
    model.to(dtype)
    model.config.dtype = dtype


def _plain(layer: nn.Linear, weight: Tensor) -> nn.Linear:
    """A linear layer with another weight and the same bias."""
    has_bias = layer.bias is not None
    plain = nn.Linear(layer.in_features, layer.out_features, bias=has_bias, device="meta")
    plain.weight = nn.Parameter(weight, requires_grad=False)
    if has_bias:
        plain.bias = layer.bias
    return plain


@torch.no_grad()
def probe_logits(model: Any) -> Tensor:
    """Outputs for a fixed sequence of seeded tokens, [T, V or outputs of a head] float32."""
    device = next(model.parameters()).device
    generator = torch.Generator().manual_seed(0)
    ids = torch.randint(0, model.config.vocab_size, (1, N_PROBE_TOKENS), generator=generator)
    hidden = model.base_model(input_ids=ids.to(device), use_cache=False).last_hidden_state
    return output_head(model)(hidden)[0].float()


def largest_difference(a: Tensor, b: Tensor) -> float:
    """The largest absolute difference of two sets of logits."""
    return float((a - b).abs().max())
