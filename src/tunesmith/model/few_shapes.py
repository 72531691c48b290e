"""Few shapes: lengths filled up, so that products are compiled for few of them; needs no torch.

On a CPU every new shape of a bfloat16 product has its kernel compiled (oneDNN keeps the last 1,024
of them): 0.4 to 1.7 ms and about 0.6 MB each, as measured, where a small product itself takes 0.1.
Lines of text have a new length in every micro-batch, and pieces of attention in every row.
"""

from __future__ import annotations

UNIT = 64
"""Rows of a product in bfloat16 are a multiple of it."""


def filled_length(length: int, is_bfloat16: bool, unit: int = UNIT) -> int:
    """A length of a product's tensors on a CPU, filled up where its kernel is compiled.

    Args:
        length: in rows.
        is_bfloat16: whether that is the type of the product.
        unit: what it becomes a multiple of.
    """
    return -(-length // unit) * unit if is_bfloat16 else length
