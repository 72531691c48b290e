"""Decoder layer: the weights of one layer as the decoder reads them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from tunesmith.model.fused_layers import FusedLayers
from tunesmith.model.ready_linear import ReadyLinear


@dataclass(frozen=True, slots=True)
class DecoderLayer:
    """One layer's norms and linear modules."""

    norms: tuple[Tensor, Tensor]
    q: ReadyLinear
    k: ReadyLinear
    v: ReadyLinear
    o: ReadyLinear
    gate: ReadyLinear
    up: ReadyLinear
    down: ReadyLinear
    scale: float

    @classmethod
    def of(cls, layer: Any, weights: FusedLayers) -> DecoderLayer:
        """Of a layer of transformers."""
        norms = (layer.input_layernorm.weight, layer.post_attention_layernorm.weight)
        q, k, v, o, gate, up, down = (ReadyLinear(one, weights) for one in linears_of(layer))
        return cls(norms, q, k, v, o, gate, up, down, layer.self_attn.scaling)

    @property
    def linears(self) -> tuple[ReadyLinear, ...]:
        """All that multiply."""
        return (self.q, self.k, self.v, self.o, self.gate, self.up, self.down)


def linears_of(layer: Any) -> tuple[Any, ...]:
    """The linear modules of a layer of transformers, attention's first."""
    attention, mlp = layer.self_attn, layer.mlp
    return (
        attention.q_proj,
        attention.k_proj,
        attention.v_proj,
        attention.o_proj,
        mlp.gate_proj,
        mlp.up_proj,
        mlp.down_proj,
    )
