"""Trunk: a Llama's layers below the head, over a flat line of tokens.

It computes what transformers' forward computes, from the same modules and weights, in another
order: no padding, norms and low-rank updates together with the products that read them, and the
last layer only where there are targets.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from tunesmith.core.errors import ModelError
from tunesmith.model import fused
from tunesmith.model.attention import attend
from tunesmith.model.batch import Batch
from tunesmith.model.few_shapes import filled_length
from tunesmith.model.fused_layers import FusedLayers
from tunesmith.model.line import Line
from tunesmith.model.segments import Segments, attend_from, attend_within
from tunesmith.model.trunk_support import look_back, why_unsupported

Angles = tuple[Tensor, Tensor]
"""Cosines and sines of each place, [T, D of a head]."""
FEW = 0.8
"""Share of the line's places up to which the last layer makes queries at targets alone; of more,
those of the whole line cost no more than picking them out."""


class Trunk:
    """The layers of a transformers model; holds references into it, and no weights of its own."""

    def __init__(self, model: Any) -> None:
        """Takes a supported model; see :meth:`over`."""
        self.backbone = model.base_model
        self.config = model.config
        self.weights = FusedLayers()
        self._eps: float = model.config.rms_norm_eps
        self._look_back = look_back(model.config)

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

    @property
    def look_back(self) -> int | None:
        """How many tokens attention sees at most, its own included; None: all."""
        return self._look_back

    def takes(self, batch: Batch) -> bool:
        """Whether no row is longer than the model's attention looks back."""
        if self._look_back is None:
            return True
        if batch.parents and batch.cu_seqlens is not None:
            return Segments(batch.lengths, batch.cu_seqlens, batch.parents).longest <= (
                self._look_back
            )
        longest = max(batch.lengths, default=batch.input_ids.shape[1])
        return longest <= self._look_back

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

    @property
    def first_trained(self) -> int:
        """The lowest layer with anything that trains; ``n_layers`` where only the rest does."""
        for index, layer in enumerate(self.backbone.layers):
            if any(p.requires_grad for p in layer.parameters()):
                return index
        return self.n_layers

    def _finish(self, hidden: Tensor, line: Line, first: int) -> Tensor:
        rows, copies = line.distinct_targets()
        if first < self.n_layers and len(rows):
            n_rows = len(rows)
            hidden, line, rows = self._filled(hidden, line, rows)
            angles = self._angles(hidden, line)
            hidden = self._through(hidden, line, angles, first, self.n_layers - 1)
            hidden = self._last(hidden, line, angles, rows)[:n_rows]
        else:
            hidden = hidden.index_select(0, rows)
        norm = self.backbone.norm
        found = fused.rms_norm(hidden, norm.weight, self._eps)
        return found if copies is None else found.index_select(0, copies)

    def _filled(self, hidden: Tensor, line: Line, rows: Tensor) -> tuple[Tensor, Line, Tensor]:
        """States, line and target places, filled up with zeros to lengths that come again."""
        if hidden.device.type != "cpu":
            return hidden, line, rows
        layer = self.weights.of(self.backbone.layers[0].self_attn.q_proj)
        if torch.is_autocast_enabled("cpu"):
            dtype = torch.get_autocast_dtype("cpu")
        else:
            dtype = hidden.dtype if layer is None else layer.weight.dtype
        is_bfloat16 = dtype == torch.bfloat16
        n, n_rows = len(hidden), len(rows)
        more_rows = filled_length(n_rows, is_bfloat16) - n_rows
        more = filled_length(n + more_rows, is_bfloat16) - n  # so many of them are target places
        if not more:
            return hidden, line, rows
        hidden = torch.cat([hidden, hidden.new_zeros(more, hidden.shape[1])])
        return hidden, line.filled(more), torch.cat([rows, torch.arange(n, n + more_rows)])

    def _through(self, hidden: Tensor, line: Line, angles: Angles, first: int, last: int) -> Tensor:
        trained = self.first_trained if torch.is_grad_enabled() else last
        for index in range(first, last):
            layer = self.backbone.layers[index]
            # Nothing is kept of what no gradient goes through.
            records = torch.is_grad_enabled() and (index >= trained or hidden.requires_grad)
            with torch.set_grad_enabled(records):
                if records and layer.gradient_checkpointing and layer.training:
                    # What the pass backward computes again, dropout's masks too.
                    hidden = _recomputed(self._layer, layer, hidden, line, angles)
                else:
                    hidden = self._layer(layer, hidden, line, angles)
        return hidden

    def _layer(self, layer: Any, hidden: Tensor, line: Line, angles: Angles) -> Tensor:
        """One layer over the whole line, [T, D]."""
        attention = layer.self_attn
        projections = (attention.q_proj, attention.k_proj, attention.v_proj)
        q, k, v = self._heads(hidden, layer, projections)
        q, k = fused.rotate(q, k, *angles)
        mixed = self._attend(attention, q, k, v, line)
        return self._feed_forward(layer, self._added(layer, hidden, mixed, attention.o_proj))

    def _last(self, hidden: Tensor, line: Line, angles: Angles, rows: Tensor) -> Tensor:
        """The last layer at some places alone, [N, D]; keys and values are those of all.

        It is never computed again in the pass backward, which begins with it.
        """
        layer = self.backbone.layers[-1]
        attention = layer.self_attn
        cos, sin = angles
        picked = hidden.index_select(0, rows)
        if hidden.device.type == "cpu" and len(rows) <= FEW * len(hidden):
            k, v = self._heads(hidden, layer, (attention.k_proj, attention.v_proj))
            (q,) = self._heads(picked, layer, (attention.q_proj,))
            q = fused.rotate_one(q, cos.index_select(0, rows), sin.index_select(0, rows))
            k = fused.rotate_one(k, cos, sin)
            mixed = attend_from(q, k, v, rows, line.segments, attention.scaling).flatten(1)
        else:
            projections = (attention.q_proj, attention.k_proj, attention.v_proj)
            q, k, v = self._heads(hidden, layer, projections)
            q, k = fused.rotate(q, k, cos, sin)
            mixed = self._attend(attention, q, k, v, line).index_select(0, rows)
        return self._feed_forward(layer, self._added(layer, picked, mixed, attention.o_proj))

    def _heads(self, x: Tensor, layer: Any, modules: Sequence[nn.Module]) -> list[Tensor]:
        """What projections make of the normalised states, each as [T, H, D of a head]."""
        found = self._normed(layer, x, layer.input_layernorm, modules)
        return [t.unflatten(-1, (-1, layer.self_attn.head_dim)) for t in found]

    def _attend(self, module: Any, q: Tensor, k: Tensor, v: Tensor, line: Line) -> Tensor:
        """Attention of the whole line, [T, H * D]."""
        if q.device.type == "cpu":
            return attend_within(q, k, v, line.segments, module.scaling).flatten(1)
        q, k, v = (t.transpose(0, 1)[None] for t in (q, k, v))  # [1, H, T, D]
        found, _ = attend(module, q, k, v, None, line.segments, scaling=module.scaling)
        return found[0].flatten(1)

    def _feed_forward(self, layer: Any, hidden: Tensor) -> Tensor:
        mlp, norm = layer.mlp, layer.post_attention_layernorm
        modules = (mlp.gate_proj, mlp.up_proj, mlp.down_proj)
        gate, up, down = (self.weights.of(module) for module in modules)
        if gate is not None and up is not None and down is not None:
            return fused.gated_mlp(hidden, norm.weight, self._eps, gate, up, down, layer.training)
        gates, ups = self._normed(layer, hidden, norm, modules[:2])
        return self._added(layer, hidden, nn.functional.silu(gates) * ups, mlp.down_proj)

    def _normed(
        self, layer: Any, x: Tensor, norm: Any, modules: Sequence[nn.Module]
    ) -> tuple[Tensor, ...]:
        layers = [self.weights.of(module) for module in modules]
        known = [one for one in layers if one is not None]
        if len(known) == len(layers):
            return fused.normed_linears(x, norm.weight, self._eps, known, layer.training)
        normed = fused.rms_norm(x, norm.weight, self._eps)
        return tuple(module(normed) for module in modules)

    def _added(self, layer: Any, residual: Tensor, x: Tensor, module: nn.Module) -> Tensor:
        known = self.weights.of(module)
        if known is None:
            return residual + module(x)
        return fused.add_linear(residual, x, known, layer.training)


def _recomputed(work: Callable[..., Tensor], *given: Any) -> Tensor:
    found = checkpoint(work, *given, use_reentrant=False)
    assert isinstance(found, Tensor)
    return found
