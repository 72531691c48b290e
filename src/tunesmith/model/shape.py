"""Shape: what a configuration says of a Llama's size, without loading anything."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from tunesmith.core.errors import ModelError
from tunesmith.model.head import Head
from tunesmith.model.trunk_support import why_config_unsupported

LLAMA_2_7B = {
    "hidden_size": 4096,
    "intermediate_size": 11008,
    "num_hidden_layers": 32,
    "num_attention_heads": 32,
    "num_key_value_heads": 32,
    "vocab_size": 32000,
    "max_position_embeddings": 4096,
    "tie_word_embeddings": False,
}
FFN = ("gate_proj", "up_proj", "down_proj")
PUBLISHED: dict[str, dict[str, Any]] = {
    "meta-llama/Llama-2-7b-hf": LLAMA_2_7B,
    "meta-llama/Llama-2-7b-chat-hf": LLAMA_2_7B,
}
"""Sizes of models that people plan for before they have fetched them."""


@dataclass(frozen=True, slots=True)
class Shape:
    """Sizes of a Llama: widths in elements, the rest in counts."""

    width: int
    ffn_width: int
    n_layers: int
    kv_width: int
    vocabulary: int
    max_positions: int
    tied: bool
    n_heads: int = 0
    """Heads of queries."""
    has_trunk: bool = True
    """Whether :mod:`tunesmith.model.trunk` computes models of this build."""
    head: Head | None = None
    """The task's own output; None: over the vocabulary."""

    def with_head(self, head: Head | None) -> Shape:
        """The same backbone under another output."""
        return self if head is None else replace(self, head=head, tied=False)

    @property
    def linears(self) -> dict[str, tuple[int, int]]:
        """(in, out) of the linear layers of one block, by name."""
        d, f, k = self.width, self.ffn_width, self.kv_width
        return {
            "q_proj": (d, d),
            "k_proj": (d, k),
            "v_proj": (d, k),
            "o_proj": (d, d),
            "gate_proj": (d, f),
            "up_proj": (d, f),
            "down_proj": (f, d),
        }

    @property
    def modules(self) -> dict[str, tuple[int, ...]]:
        """Shape of the weight of every module that has one, by full name, in the model's order."""
        found: dict[str, tuple[int, ...]] = {"model.embed_tokens": (self.vocabulary, self.width)}
        for block in (f"model.layers.{i}" for i in range(self.n_layers)):
            for name, (n_in, n_out) in self.linears.items():
                part = "mlp" if name in FFN else "self_attn"
                found[f"{block}.{part}.{name}"] = (n_out, n_in)
            found[f"{block}.input_layernorm"] = (self.width,)
            found[f"{block}.post_attention_layernorm"] = (self.width,)
        found["model.norm"] = (self.width,)
        if self.head is None:
            found["lm_head"] = (self.vocabulary, self.width)
        else:
            found[self.head.module] = (self.head.n_outputs, self.width)
        return found

    @property
    def n_head_biases(self) -> int:
        """Biases of the output, which is trained whenever it is the task's own."""
        return 0 if self.head is None else self.head.n_biases

    @property
    def n_linear_parameters(self) -> int:
        """Weights of all blocks' linear layers: what four-bit loading shrinks."""
        return self.n_layers * sum(a * b for a, b in self.linears.values())

    @property
    def n_parameters(self) -> int:
        """All weights."""
        norms = self.width * (2 * self.n_layers + 1)
        embeddings = self.vocabulary * self.width
        if self.head is not None:
            head = self.head.n_outputs * self.width + self.n_head_biases
        else:
            head = 0 if self.tied else embeddings
        return self.n_linear_parameters + embeddings + head + norms


def shape_of(config: dict[str, Any], source: str) -> Shape:
    """Reads the sizes out of a configuration.

    Raises:
        ModelError: it is no Llama-like configuration.
    """
    try:
        width, n_heads = int(config["hidden_size"]), int(config["num_attention_heads"])
        head_width = int(config.get("head_dim") or width // n_heads)
        return Shape(
            width=width,
            ffn_width=int(config["intermediate_size"]),
            n_layers=int(config["num_hidden_layers"]),
            kv_width=int(config.get("num_key_value_heads") or n_heads) * head_width,
            vocabulary=int(config["vocab_size"]),
            max_positions=int(config["max_position_embeddings"]),
            tied=bool(config.get("tie_word_embeddings")),
            n_heads=n_heads,
            has_trunk=why_config_unsupported(config) is None,
        )
    except KeyError as error:
        raise ModelError(f"{source}: config.json has no {error}; no Llama-like model.") from None
