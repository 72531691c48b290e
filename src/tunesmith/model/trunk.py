"""Trunk: a Llama's layers below the head, over a flat line of tokens.

It computes what transformers' forward computes, from the same modules and weights, in another
order: no padding, norms and low-rank updates together with the products that read them, and the
last layer only where there are targets.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tunesmith.core.errors import ModelError
from tunesmith.model import fused
from tunesmith.model.attention import attend
from tunesmith.model.batch import Batch
from tunesmith.model.fused_layers import FusedLayers
from tunesmith.model.line import Line
from tunesmith.model.trunk_support import why_unsupported

Angles = tuple[Tensor, Tensor]
"""Cosines and sines of each place, [T, D of a head]."""


class Trunk:
    """The layers of a transformers model; holds references into it, and no weights of its own."""

    def __init__(self, model: Any) -> None:
        """Takes a supported model; see :meth:`over`."""
        self.backbone = model.base_model
        self.config = model.config
        self.weights = FusedLayers()

    @classmethod
    def over(cls, model: Any) -> Trunk:
        """The trunk of a transformers model.

        Raises:
            ModelError: it is built in a way that is not known here; the message is the reason.
        """
        reason = why_unsupported(model)
        if reason is not None:
            raise ModelError(reason)
        return cls(model)

    @property
    def n_layers(self) -> int:
        """How many layers it has."""
        return len(self.backbone.layers)

    def takes(self, batch: Batch) -> bool:
        """Whether no row is longer than the model's attention looks back."""
        windows = [getattr(self.config, "sliding_window", None)]
        if not getattr(self.config, "use_sliding_window", True):
            windows = []
        window = min((w for w in windows if w is not None), default=None)
        if window is None:
            return True
        if batch.parents:
            return int(batch.position_ids.max()) < window  # pyright: ignore
        return max(batch.lengths, default=batch.input_ids.shape[1]) <= window

    def embed(self, batch: Batch) -> Tensor:
        """Embeddings of the line, [T, D]; with their noise in training, where there is any."""
        return self._embed(batch, Line.of(batch))

    def through(self, hidden: Tensor, batch: Batch, first: int, last: int) -> Tensor:
        """States after layers ``first`` to ``last`` - 1.

        Args:
            hidden: [T, D] below layer ``first``.
            batch: whose line it is.
            first: the first of them.
            last: the one behind the last.

        Returns:
            [T, D].
        """
        line = Line.of(batch)
        return self._through(hidden, line, self._angles(hidden, line), first, last)

    def finish(self, hidden: Tensor, batch: Batch, first: int) -> Tensor:
        """States under the head, from those below a layer.

        Args:
            hidden: [T, D] below layer ``first``.
            batch: whose line it is.
            first: a layer, or ``n_layers``: only the norm is left.

        Returns:
            [N, D] at the batch's target rows.
        """
        return self._finish(hidden, Line.of(batch), first)

    def states(self, batch: Batch) -> Tensor:
        """States under the head at the batch's target rows, [N, D]."""
        line = Line.of(batch)
        return self._finish(self._embed(batch, line), line, 0)

    def _embed(self, batch: Batch, line: Line) -> Tensor:
        # The module itself, for it may have a hook that adds noise by the padded row's length.
        embedded = self.backbone.embed_tokens(batch.input_ids).flatten(0, 1)  # [B * T, D]
        return embedded if line.kept is None else embedded.index_select(0, line.kept)

    def _angles(self, hidden: Tensor, line: Line) -> Angles:
        cos, sin = self.backbone.rotary_emb(hidden, line.position_ids)
        return cos[0], sin[0]  # [T, D of a head]

    def _finish(self, hidden: Tensor, line: Line, first: int) -> Tensor:
        last = self.n_layers - 1
        rows = line.target_rows
        if first <= last:
            angles = self._angles(hidden, line)
            hidden = self._through(hidden, line, angles, first, last)
            hidden = self._layer(hidden, line, angles, last, rows)
        else:
            hidden = hidden.index_select(0, rows)
        norm = self.backbone.norm
        return fused.rms_norm(hidden, norm.weight, self.config.rms_norm_eps)

    def _through(self, hidden: Tensor, line: Line, angles: Angles, first: int, last: int) -> Tensor:
        for index in range(first, last):
            hidden = self._layer(hidden, line, angles, index, None)
        return hidden

    def _layer(
        self, hidden: Tensor, line: Line, angles: Angles, index: int, rows: Tensor | None
    ) -> Tensor:
        layer = self.backbone.layers[index]
        work: Callable[[Tensor], Tensor] = lambda x: self._block(layer, x, line, angles, rows)  # noqa: E731
        recomputes = layer.gradient_checkpointing and layer.training and torch.is_grad_enabled()
        if recomputes:
            found = checkpoint(work, hidden, use_reentrant=False)
            assert isinstance(found, Tensor)
            return found
        return work(hidden)

    def _block(
        self, layer: Any, hidden: Tensor, line: Line, angles: Angles, rows: Tensor | None
    ) -> Tensor:
        """One layer: [T, D], or with ``rows`` [N, D] at these alone."""
        attention, mlp, training = layer.self_attn, layer.mlp, layer.training
        eps = self.config.rms_norm_eps
        parts = (attention.q_proj, attention.k_proj, attention.v_proj)
        q, k, v = self._normed(hidden, layer.input_layernorm, parts, training)
        q, k, v = (t.unflatten(-1, (-1, attention.head_dim)) for t in (q, k, v))  # [T, H, D]
        q, k = fused.rotate(q, k, *angles)
        mixed = self._attend(attention, q, k, v, line).flatten(1)  # [T, H * D]
        if rows is not None:
            mixed, hidden = mixed.index_select(0, rows), hidden.index_select(0, rows)
        hidden = self._added(hidden, mixed, attention.o_proj, training)
        gate, up, down = (self.weights.of(m) for m in (mlp.gate_proj, mlp.up_proj, mlp.down_proj))
        if gate is not None and up is not None and down is not None:
            norm = layer.post_attention_layernorm.weight
            return fused.gated_mlp(hidden, norm, eps, gate, up, down, training)
        gates, ups = self._normed(
            hidden, layer.post_attention_layernorm, (mlp.gate_proj, mlp.up_proj), training
        )
        return self._added(hidden, nn.functional.silu(gates) * ups, mlp.down_proj, training)

    def _normed(
        self, x: Tensor, norm: Any, modules: tuple[nn.Module, ...], training: bool
    ) -> tuple[Tensor, ...]:
        eps = self.config.rms_norm_eps
        layers = [self.weights.of(module) for module in modules]
        known = [layer for layer in layers if layer is not None]
        if len(known) == len(layers):
            return fused.normed_linears(x, norm.weight, eps, known, training)
        normed = fused.rms_norm(x, norm.weight, eps)
        return tuple(module(normed) for module in modules)

    def _added(self, residual: Tensor, x: Tensor, module: nn.Module, training: bool) -> Tensor:
        layer = self.weights.of(module)
        if layer is None:
            return residual + module(x)
        return fused.add_linear(residual, x, layer, training)

    def _attend(self, module: Any, q: Tensor, k: Tensor, v: Tensor, line: Line) -> Tensor:
        """Attention of the line, [T, H, D]."""
        segments = line.segments
        if not segments.has_shared and fused.takes(q, segments.lengths):
            return fused.causal_pieces(q, k, v, segments.lengths, module.scaling)
        q, k, v = (t.transpose(0, 1)[None] for t in (q, k, v))  # [1, H, T, D]
        found, _ = attend(module, q, k, v, None, line.segments, scaling=module.scaling)
        return found[0]
