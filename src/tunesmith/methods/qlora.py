"""QLoRA: LoRA over weights held in few bits (Dettmers et al. 2023, arXiv:2305.14314)."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Literal

from tunesmith.methods.lora import LoRA
from tunesmith.model.footprint import NF4_BYTES

if TYPE_CHECKING:
    import torch
    from torch import nn

    from tunesmith.model.quantised import Quantisation


class QLoRA(LoRA):
    """Trains low-rank updates over a frozen model quantised by bitsandbytes."""

    name: Literal["qlora"] = "qlora"  # type: ignore[assignment]
    bits: Literal[4, 8] = 4
    """Of each frozen weight. With 8 the inputs are rounded in use too (arXiv:2208.07339), so that
    the result cannot be merged."""
    quant_type: Literal["nf4", "fp4"] = "nf4"
    """Four-bit code: NF4 fits normally distributed weights best."""
    double_quant: bool = True
    """Whether the scales of four bits are quantised too; saves 0.4 bits a weight."""
    write_out: Literal["auto", "once", "each_pass"] = "auto"
    """When four-bit weights become numbers to multiply by: ``once``, after loading, which takes the
    memory of ``lora`` and its time, or in ``each_pass`` again. ``auto``: once on a GPU where they
    take at most half of its free memory, else in each pass. What is learnt is the same."""

    @property
    def quantisation(self) -> Quantisation:
        """How the frozen weights are held, in training and in use."""
        from tunesmith.model.quantised import Quantisation

        return Quantisation(self.bits, self.quant_type, self.double_quant)

    @property
    def linear_bytes(self) -> float:
        """One, or half of one with its share of the scales.

        Of weights that are written out once it is what they are loaded from.
        """
        return 1.0 if self.bits == 8 else NF4_BYTES[self.double_quant]

    @property
    def writes_out(self) -> bool:
        """Where ``write_out`` says ``once``."""
        return self.bits == 4 and self.write_out == "once"

    def apply(self, model: nn.Module) -> None:
        """As LoRA has it; writes the weights out where they are to be so once.

        Raises:
            RecipeError: as LoRA has it.
        """
        super().apply(model)
        if self.bits != 4 or self.write_out == "each_pass":
            return
        from tunesmith.model.quantised import write_out, written_out_fits

        if self.write_out == "once" or written_out_fits(model):
            write_out(model)
            if self.write_out == "auto":
                print(
                    "method.write_out=auto: the GPU has room for the weights written out once. "
                    "With each_pass it holds four bits of each, and takes longer.",
                    file=sys.stderr,
                )

    def load_options(self, compute_dtype: torch.dtype) -> dict[str, Any]:
        """Has the weights quantised while they are loaded.

        Raises:
            MissingExtraError: bitsandbytes is not installed.
        """
        return self.quantisation.load_options(compute_dtype)
