"""Footprint: the bytes that training holds, from sizes alone; needs no torch.

Each figure follows from what the loop keeps; which tensors autograd saves of a Llama's block was
read off ``torch.autograd.graph.saved_tensors_hooks`` (torch 2.13, transformers 5.23), for the trunk
of :mod:`tunesmith.model.trunk` and for transformers' forward.
"""

from __future__ import annotations

from dataclasses import dataclass

from tunesmith.model.few_shapes import filled_length
from tunesmith.model.shape import Shape

BYTES = {"float32": 4, "bfloat16": 2, "float16": 2}
NF4_BYTES = {False: 0.5 + 4 / 64, True: 0.5 + (1 + 4 / 256) / 64}
"""Per weight: four bits, and a scale for every 64 weights: four bytes, or with double quantisation
one byte and four more for 256 of them."""
STATE_BYTES = {
    "adamw": 8.0,
    "adamw_8bit": 2 + 8 / 256,
    "paged_adamw_32bit": 8.0,
    "paged_adamw_8bit": 2 + 8 / 256,
    "sgd": 0.0,
}
"""Of an optimizer for each trained weight: two moments, in eight bits with two scales for 256."""


ATTENTION_TILE = {False: 64, True: 128}
"""Queries of a tile of the trunk's attention on a CPU, in float32 and in bfloat16."""
LONGEST_KEPT = 1024
"""Tokens of a row up to which the trunk keeps its attention's weights; a test holds both to what
:mod:`tunesmith.model.tile_attention` has."""


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """How a forward pass computes.

    Attributes:
        is_bfloat16: whether products are in bfloat16, under autocast.
        casts_weights: whether weights are held in another type, so that each is cast and its cast
            kept for the backward pass.
        widens_attention: whether attention is in float32 all the same, as on a CPU.
    """

    is_bfloat16: bool
    casts_weights: bool
    widens_attention: bool

    @property
    def number(self) -> int:
        """Bytes of a product's element."""
        return 2 if self.is_bfloat16 else 4


def optimizer_bytes(name: str, n_trained: int, shape: Shape) -> float:
    """What an optimizer keeps; Adafactor has a sum for each row and column of a matrix."""
    if name == "adafactor":
        return n_trained * 4 * 2 / shape.width
    return n_trained * STATE_BYTES[name]


def block_bytes_per_token(
    shape: Shape, how: Arithmetic, *, trains_norms: bool, rank: int, drops: bool
) -> float:
    """What one block keeps of a token for its backward pass.

    Two residual states; both of them normalised (again, before their weight, where that trains);
    queries, keys, values and what attention makes of them; gate, its activation, the other half
    and their product; and what a low-rank update makes of every input.

    Args:
        shape: of the model.
        how: it computes.
        trains_norms: whether the weights of the norms train.
        rank: of the updates on all linear layers; 0: there are none.
        drops: whether their inputs are dropped, so that each has its own copy and its mask.
    """
    d, f = shape.width, shape.ffn_width
    # Grouped keys and values are written out for every head.
    attention = (2 * d + 2 * d) * (4 if how.widens_attention else how.number)
    # Under autocast normalised states are cast once for every layer that takes them as its input.
    if how.is_bfloat16:
        states = 2 * d * 4 + 6 * d * 2 + (2 * d * 4 if trains_norms else 0)
    else:
        states = (4 + (2 if trains_norms else 0)) * d * 4
    dropped = (6 * d + f) * (how.number + 1) if drops else 0  # a byte says what stayed
    return states + attention + 4 * f * how.number + 7 * rank * how.number + dropped


def activation_bytes(
    shape: Shape,
    how: Arithmetic,
    n_tokens: int,
    *,
    first_layer: int,
    trains_norms: bool,
    rank: int,
    drops: bool,
    recomputes: bool,
) -> float:
    """What is kept of a micro-batch for the backward pass, and that pass's own working room.

    Args:
        shape: of the model.
        how: it computes.
        n_tokens: of the micro-batch with its padding.
        first_layer: from which a gradient is needed.
        trains_norms: as above.
        rank: as above.
        drops: as above.
        recomputes: whether only each block's input is kept.
    """
    block = block_bytes_per_token(shape, how, trains_norms=trains_norms, rank=rank, drops=drops)
    n_layers = shape.n_layers - first_layer
    if recomputes:
        # What a block needs for a moment in the pass forward leaves gaps that do not fit what is
        # kept of the one that is computed again.
        moment = evaluation_bytes(shape, how, 1)
        kept = n_layers * shape.width * 4 + (block + moment if n_layers else 0)
    else:
        kept = n_layers * block
    # Gradients of one block's feed-forward part, the largest at any time.
    room = (3 * shape.ffn_width + 2 * shape.width) * how.number
    casts = shape.n_linear_parameters * how.number if how.casts_weights else 0
    return n_tokens * (kept + room + 2 * shape.width * 4) + casts


def trunk_block_bytes(
    shape: Shape, how: Arithmetic, longest: int, *, rank: int, drops: bool
) -> float:
    """What the trunk keeps of a token in one layer for its backward pass.

    Both residual states with the inverse of their root, from which they are normalised again; what
    attention makes of the values; queries, keys and values, written out for every head; gate and
    the other half, from which their product is made again; and the r columns of every update.
    On a CPU also the weights of attention, as many as a token sees on average, for every head; of
    rows longer than ``LONGEST_KEPT`` they are computed again, in float32.

    Args:
        shape: of the model.
        how: it computes.
        longest: tokens of a row.
        rank: of the updates on all linear layers; 0: there are none.
        drops: whether inputs of updates are dropped, so that each has a mask of a byte.
    """
    d, f, number = shape.width, shape.ffn_width, how.number
    states = 2 * (d * 4 + 4) + d * number
    attention = 3 * d * number
    is_gpu = not how.widens_attention
    if longest > LONGEST_KEPT and not is_gpu:
        attention = 4 * d * 4
    elif not is_gpu:
        tile = ATTENTION_TILE[how.is_bfloat16]
        filled = filled_length(longest, how.is_bfloat16)
        whole, rest = divmod(filled, tile)
        seen = tile * tile * whole * (whole + 1) / 2 + rest * filled
        attention = (attention * filled + shape.n_heads * seen * number) / longest
    masks = 6 * d + f if drops else 0
    return states + attention + 2 * f * number + 7 * rank * number + masks


def trunk_bytes(
    shape: Shape,
    how: Arithmetic,
    n_tokens: int,
    n_targets: int,
    longest: int,
    *,
    first_layer: int,
    rank: int,
    drops: bool,
    recomputes: bool,
) -> float:
    """What the trunk keeps of a micro-batch, and the backward pass's own working room.

    The last layer has keys and values of every token, and the rest at targets alone; it is not
    computed again.

    Args:
        shape: of the model.
        how: it computes.
        n_tokens: of the micro-batch.
        n_targets: tokens of it that carry a target.
        longest: tokens of its longest row.
        first_layer: from which a gradient is needed.
        rank: as above.
        drops: as above.
        recomputes: whether only each layer's input is kept.
    """
    d, f = shape.width, shape.ffn_width
    if how.widens_attention:  # as on a CPU, where the line and its targets are filled up
        n_all = filled_length(n_targets, how.is_bfloat16)
        n_tokens = filled_length(n_tokens + n_all - n_targets, how.is_bfloat16)
        n_targets = n_all
    block = trunk_block_bytes(shape, how, longest, rank=rank, drops=drops)
    n_layers = max(0, shape.n_layers - first_layer)
    n_below = max(0, n_layers - 1)
    if recomputes:
        below = n_tokens * (n_below * d * 4 + (block if n_below else 0))
    else:
        below = n_tokens * n_below * block
    last = 0.0
    if n_layers and n_targets < n_tokens:
        # Queries and output of attention at targets alone, in float32; no weights of it are kept.
        masks = 6 * d + f if drops else 0
        own = 4 * d * 4 + d * how.number + 2 * f * how.number + 7 * rank * how.number + masks
        last = n_targets * own + n_tokens * (d * 4 + 2 * shape.kv_width * 4)
    elif n_layers:
        last = n_tokens * block
    room = (3 * f + 4 * d) * how.number + 2 * d * 4  # gradients of one layer's parts
    angles = 2 * 4 * d // max(1, shape.n_heads)  # the same for all layers
    return below + last + n_tokens * (angles + room)


def cast_bytes(
    shape: Shape, how: Arithmetic, *, first_layer: int, adapts: bool, trains_head: bool
) -> float:
    """Of frozen weights that are held in another type: the trunk casts each once and keeps it.

    Args:
        shape: of the model.
        how: it computes.
        first_layer: the first that trains, where weights themselves do.
        adapts: whether all layers' weights are frozen.
        trains_head: whether the output head is not.
    """
    if not how.casts_weights:
        return 0.0
    n_layers = shape.n_layers if adapts else first_layer
    n_frozen = shape.n_linear_parameters * n_layers / shape.n_layers
    if not trains_head and shape.head is None:
        n_frozen += shape.vocabulary * shape.width
    return n_frozen * how.number


def fragment_bytes(
    shape: Shape, how: Arithmetic, n_tokens: int, *, first_layer: int, recomputes: bool
) -> float:
    """What a CPU's allocator cannot use again under low-rank updates.

    Each adapted layer has the output of its base for a moment, between tensors that stay; under
    autocast also its input in bfloat16. The C library gives such a gap to smaller tensors, and the
    next output finds no room in it. Where activations are computed again, what stays of a block is
    one of those smaller tensors, so that every block leaves its gaps all the same: a step of 12
    blocks grew by 14 MB with each in its pass forward, and kept 1.6 MB of it.
    """
    outputs = 3 * shape.width + 2 * shape.kv_width + 2 * shape.ffn_width
    if how.is_bfloat16:
        outputs += 6 * shape.width + shape.ffn_width
    is_gpu = not how.widens_attention  # whose allocator is another
    n_layers = 1 if recomputes and is_gpu else shape.n_layers - first_layer
    return n_tokens * n_layers * outputs * how.number


def loss_bytes(
    shape: Shape,
    how: Arithmetic,
    n_targets: int,
    chunk_logits: int,
    least_rows: int,
    *,
    trains_head: bool,
) -> float:
    """Of the chunked loss: a chunk of logits, states and their gradient, the head's gradient.

    Of logits in bfloat16 few rows at a time are in float32. A trained head's gradient is there
    twice for a moment, and its chunks are added to it.
    """
    n_outputs = shape.vocabulary if shape.head is None else shape.head.n_outputs
    n_rows = min(n_targets, max(least_rows, chunk_logits // n_outputs))
    each = 6 if how.is_bfloat16 else 4
    chunks = n_rows * n_outputs * how.number + 2 * n_targets * shape.width * 4
    return chunks + (n_outputs * shape.width * each if trains_head else 0)


def evaluation_bytes(shape: Shape, how: Arithmetic, n_tokens: int) -> float:
    """Of one block at a time, without anything kept."""
    return n_tokens * ((6 * shape.width + 3 * shape.ffn_width) * how.number + shape.width * 4)
