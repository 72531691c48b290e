"""Quantised: the values of a linear layer's weight, also where bitsandbytes holds them."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from tunesmith.core.extras import require


@dataclass(frozen=True, slots=True)
class Quantisation:
    """How bitsandbytes holds the frozen weights.

    Attributes:
        bits: 4 or 8 for each weight.
        quant_type: the code of four bits, ``nf4`` or ``fp4``.
        double_quant: whether the scales of four bits are quantised too.
    """

    bits: int
    quant_type: str
    double_quant: bool

    def load_options(self, compute_dtype: torch.dtype) -> dict[str, Any]:
        """Has transformers quantise weights while it loads them.

        Raises:
            MissingExtraError: bitsandbytes is not installed.
        """
        require("bitsandbytes", extra="qlora", purpose="Weights in few bits")
        from transformers import BitsAndBytesConfig

        if self.bits == 8:
            # It says at every layer that inputs are rounded, as its method has it.
            logging.getLogger("bitsandbytes.autograd._functions").setLevel(logging.ERROR)
            return {"quantization_config": BitsAndBytesConfig(load_in_8bit=True)}
        config = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type=self.quant_type,
            bnb_4bit_use_double_quant=self.double_quant,
            bnb_4bit_compute_dtype=compute_dtype,
        )
        return {"quantization_config": config}


def is_quantised(layer: nn.Linear) -> bool:
    """Whether bitsandbytes holds the weight in four or eight bits."""
    return type(layer.weight).__name__ in ("Params4bit", "Int8Params")


@torch.no_grad()
def dense_weight(layer: nn.Linear) -> Tensor:
    """The weight a layer multiplies by, [out, in] float32; never part of a gradient."""
    weight: Any = layer.weight
    if not is_quantised(layer):
        return weight.detach().float()
    import bitsandbytes.functional as bnb  # installed, or there were no such layer

    if type(weight).__name__ == "Params4bit":
        return bnb.dequantize_4bit(weight.data, weight.quant_state).float()
    state: Any = layer.state  # of bitsandbytes' layer; filled at its first use
    rows = weight.data if state.CB is None else state.CB  # [out, in] int8
    scales = weight.SCB if state.SCB is None else state.SCB  # [out], the largest of each row
    return rows.float() * (scales.float() / 127.0)[:, None]


def rounds_inputs(layer: nn.Linear) -> bool:
    """Whether the inputs are rounded too, so that no plain layer gives the same."""
    return type(layer.weight).__name__ == "Int8Params"


def keep_as_loaded(model: Any) -> None:
    """Has four-bit weights stay as they are in use on a CPU; changes ``model``.

    With AVX-512, bitsandbytes 0.50 lays them out anew at the first pass outside training and rounds
    their scales to bfloat16: training would go on with other weights after an evaluation, and use
    would not be what was trained. This is the layer's own switch for it.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def four_bit_layers(model: nn.Module) -> list[tuple[str, nn.Linear]]:
    """Every layer whose weight is held in four bits, with its full name."""
    return [
        (name, module)
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and type(module.weight).__name__ == "Params4bit"
    ]


@torch.no_grad()
def write_out(model: nn.Module) -> None:
    """Has four-bit weights held as what they mean, in the type of the products; changes ``model``.

    Products are the same to the bit as those of layers that write them out at every pass.
    """
    import bitsandbytes.functional as bnb  # installed, or there were no such layer

    for name, layer in four_bit_layers(model):
        held: Any = layer
        dtype = held.compute_dtype or torch.float32
        dense = bnb.dequantize_4bit(held.weight.data, held.weight.quant_state).to(dtype)
        plain = nn.Linear(layer.in_features, layer.out_features, bias=False, device="meta")
        plain.weight = nn.Parameter(dense, requires_grad=False)
        plain.bias = layer.bias
        model.set_submodule(name, plain.train(layer.training))


def written_out_fits(model: nn.Module) -> bool:
    """Whether all four-bit weights, written out, take at most half of a GPU's free memory.

    The other half is for what training keeps. On a processor nothing is asked: who holds weights in
    few bits there is short of memory.
    """
    layers = four_bit_layers(model)
    if not layers or not layers[0][1].weight.is_cuda:
        return False
    needed = sum(2 * layer.in_features * layer.out_features for _, layer in layers)
    return needed <= torch.cuda.mem_get_info(layers[0][1].weight.device)[0] / 2


def mark_dense(model: Any) -> None:
    """Has a model whose weights were written out again saved and cast as any other."""
    if getattr(model, "hf_quantizer", None) is None:
        return
    model.hf_quantizer = None
    del model.config.quantization_config
    for flag in ("is_quantized", "is_loaded_in_4bit", "is_loaded_in_8bit", "quantization_method"):
        if hasattr(model, flag):
            delattr(model, flag)
