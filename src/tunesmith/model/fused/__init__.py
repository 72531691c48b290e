"""Fused: the pieces of a Llama's block over a flat line of tokens, as few passes as they take.

Every function takes states of [T, D] and gives them so; where autocast is on, products are in its
type, and sums of residuals stay in theirs.
"""

from tunesmith.model.fused.block import add_linear, normed_linears
from tunesmith.model.fused.linear import DenseWeight, Linear
from tunesmith.model.fused.mlp import gated_mlp
from tunesmith.model.fused.norm import rms_norm
from tunesmith.model.fused.rotary import rotate, rotate_one

__all__ = [
    "DenseWeight",
    "Linear",
    "add_linear",
    "gated_mlp",
    "normed_linears",
    "rms_norm",
    "rotate",
    "rotate_one",
]
