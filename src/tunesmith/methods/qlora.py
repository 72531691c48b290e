"""QLoRA: LoRA over weights held in four bits (Dettmers et al. 2023, arXiv:2305.14314)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from tunesmith.core.extras import require
from tunesmith.methods.lora import LoRA

if TYPE_CHECKING:
    import torch


class QLoRA(LoRA):
    """Trains low-rank updates over a frozen model quantised by bitsandbytes."""

    name: Literal["qlora"] = "qlora"  # type: ignore[assignment]
    quant_type: Literal["nf4", "fp4"] = "nf4"
    """Four-bit code: NF4 fits normally distributed weights best."""
    double_quant: bool = True
    """Whether the scales are quantised too; saves 0.4 bits a weight."""

    def load_options(self, compute_dtype: torch.dtype) -> dict[str, Any]:
        """Has the weights quantised while they are loaded.

        Raises:
            MissingExtraError: bitsandbytes is not installed.
        """
        require("bitsandbytes", extra="qlora", purpose="method 'qlora'")
        from transformers import BitsAndBytesConfig

        return {
            "quantization_config": BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type=self.quant_type,
                bnb_4bit_use_double_quant=self.double_quant,
                bnb_4bit_compute_dtype=compute_dtype,
            )
        }
