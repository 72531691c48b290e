"""Decoder: a Llama's layers one token after the other, over keys and values that it keeps.

A step computes tokens of many rows as one line without padding: the next one of each row that is
written, and prompts of rows that come in. Weights are read once for all of them. The last layer is
computed only where a next token is wanted.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tunesmith.core.errors import ModelError
from tunesmith.model import fused
from tunesmith.model.decoder_layer import DecoderLayer
from tunesmith.model.decoder_support import why_not
from tunesmith.model.fused.mlp import gate_up
from tunesmith.model.fused.norm import normalise
from tunesmith.model.fused_layers import FusedLayers
from tunesmith.model.head import output_head
from tunesmith.model.kv_cache import KVCache, SharedPrefix
from tunesmith.model.part_attention import joined, part, slots
from tunesmith.model.ready_linear import ReadyLinear
from tunesmith.model.step_line import Slots, StepLine, in_line
from tunesmith.model.stretch import SlotLook, Stretch
from tunesmith.model.trained_copy import TrainedCopy


class Decoder:
    """Writes with a transformers model as it is now; holds references to its weights.

    Attributes:
        cache: keys and values of rows.
        is_held: whether it holds all weights itself, so that an adapter that is switched on or off
            later makes no difference.
    """

    def __init__(self, model: Any, n_slots: int, n_positions: int) -> None:
        """Takes a model.

        Args:
            model: in evaluation mode.
            n_slots: rows at once.
            n_positions: of the longest row, answer included.

        Raises:
            ModelError: it is built in a way that is not known here; the message is the reason.
        """
        reason = why_not(model, n_positions)
        if reason is not None:
            raise ModelError(reason)
        backbone, weights = model.base_model, FusedLayers()
        self._embed = backbone.embed_tokens
        self._eps = model.config.rms_norm_eps
        self._layers = [DecoderLayer.of(layer, weights) for layer in backbone.layers]
        self._norm: Tensor = backbone.norm.weight
        self._head = ReadyLinear(output_head(model), weights)
        self.dtype, self.device = self._norm.dtype, self._norm.device
        self._wide = torch.promote_types(self.dtype, torch.float32)
        linears = [one for layer in self._layers for one in layer.linears]
        self.is_held = all(one.is_held for one in (*linears, self._head)) and not isinstance(
            self._embed, TrainedCopy
        )
        n_kv = model.config.num_key_value_heads
        self._shapes = [(n_kv, layer.self_attn.head_dim) for layer in backbone.layers]
        self.cache = KVCache(self._shapes, n_slots, self.dtype, self.device)
        positions = torch.arange(n_positions, device=self.device)[None]
        sample = torch.empty(0, dtype=self.dtype, device=self.device)
        cos, sin = backbone.rotary_emb(sample, positions)
        self._cos, self._sin = cos[0], sin[0]  # [n_positions, D of a head]

    def shared_prefix(self, begin: int, length: int) -> SharedPrefix:
        """Room for tokens that several rows begin with.

        Args:
            begin: tokens before them.
            length: their number.
        """
        return SharedPrefix(self._shapes, begin, length, self.dtype, self.device)

    @torch.no_grad()
    def step(self, stretches: Sequence[Stretch]) -> Tensor:
        """Computes tokens, whose keys and values are then kept.

        Args:
            stretches: at most one of each slot; a prefix before those that stand behind it.

        Returns:
            [N, V], logits of the token behind each that is asked, in their order.
        """
        # Logits are told in the order of the stretches, whatever comes first in the line.
        order = in_line(stretches)
        mine = [stretches[i] for i in order]
        self._make_room(mine)
        n_kv = self._shapes[0][0]
        line = StepLine.of(mine, Slots(n_kv, self.cache.capacity, self._wide, self.device))
        hidden = self._embed(line.ids[None])[0]  # [T, D]
        cos, sin = (one.index_select(0, line.positions) for one in (self._cos, self._sin))
        for number in range(len(self._layers) - 1):
            hidden = self._through(number, hidden, cos, sin, line)
        hidden = self._finish(hidden, cos, sin, line)
        logits = self._head(self._normed(hidden, self._norm))
        numbers = [i for i in order if stretches[i].is_asked]
        if numbers == sorted(numbers):
            return logits
        back = torch.tensor(np.argsort(numbers), device=self.device)
        return logits.index_select(0, back)

    def _make_room(self, stretches: Sequence[Stretch]) -> None:
        needed = [one.behind for one in stretches if one.prefix is None]
        if needed:
            self.cache.fit(max(needed))

    def _through(
        self, number: int, hidden: Tensor, cos: Tensor, sin: Tensor, line: StepLine
    ) -> Tensor:
        """One layer over the whole line, [T, D]."""
        layer = self._layers[number]
        q, k, v = self._heads(layer, hidden, (layer.q, layer.k, layer.v), number)
        q, k = fused.rotate(q, k, cos, sin)
        self._keep(number, k, v, line)
        mixed = self._attend(number, q, k, v, line)
        return self._behind_attention(layer, hidden, mixed)

    def _finish(self, hidden: Tensor, cos: Tensor, sin: Tensor, line: StepLine) -> Tensor:
        """The last layer where the next token is wanted, [N, D]; keys are those of the line."""
        number = len(self._layers) - 1
        layer = self._layers[number]
        if line.asked is None:
            return self._through(number, hidden, cos, sin, line)
        k, v = self._heads(layer, hidden, (layer.k, layer.v), number)
        self._keep(number, fused.rotate_one(k, cos, sin), v, line)
        hidden = hidden.index_select(0, line.asked)
        if line.last is None:
            return hidden
        (q,) = self._heads(layer, hidden, (layer.q,), number)
        q = fused.rotate_one(q, cos.index_select(0, line.asked), sin.index_select(0, line.asked))
        mixed = self._look_at(number, q.unflatten(1, (k.shape[1], -1)), line.last)
        return self._behind_attention(layer, hidden, mixed.flatten(1))

    def _heads(
        self, layer: DecoderLayer, hidden: Tensor, linears: Sequence[ReadyLinear], number: int
    ) -> list[Tensor]:
        normed = self._normed(hidden, layer.norms[0])
        width = self._shapes[number][1]
        return [one(normed).unflatten(-1, (-1, width)) for one in linears]

    def _normed(self, hidden: Tensor, weight: Tensor) -> Tensor:
        if hidden.device.type != "cpu":
            return fused.rms_norm(hidden, weight, self._eps)
        return normalise(hidden, weight, self._eps, self.dtype)[0]

    def _keep(self, number: int, key: Tensor, value: Tensor, line: StepLine) -> None:
        """Writes keys and values of a layer, each [T, Hkv, D]."""
        for held, new in ((self.cache.keys, key), (self.cache.values, value)):
            if line.n_slotted:
                flat = held[number].view(-1, new.shape[2])
                flat.index_copy_(0, line.places, new[: line.n_slotted].flatten(0, 1))
        for first, end, prefix, place in line.filled:
            to = slice(place, place + end - first)
            prefix.keys[number][:, to] = key[first:end].transpose(0, 1)
            prefix.values[number][:, to] = value[first:end].transpose(0, 1)

    def _attend(self, number: int, q: Tensor, k: Tensor, v: Tensor, line: StepLine) -> Tensor:
        """Attention of the whole line, [T, H * D]."""
        q = q.unflatten(1, (k.shape[1], -1))  # [T, Hkv, G, D]
        if not line.longs and line.look is not None:
            return self._look_at(number, q, line.look).flatten(1)
        scale = self._layers[number].scale
        found = torch.empty_like(q)
        norms = q.new_empty(q.shape[:3], dtype=self._wide)
        if line.look is not None:
            found[: line.n_singles] = self._look_at(number, q[: line.n_singles], line.look)
        for first, end in line.longs:
            key, value = (t[first:end].transpose(0, 1) for t in (k, v))  # [Hkv, S, D]
            more = part(q[first:end], key, value, scale, causal=True)
            found[first:end], norms[first:end] = more
        for one in line.sights:
            if one.prefix is None:
                held = (self.cache.keys[number][one.slot], self.cache.values[number][one.slot])
            else:
                held = (one.prefix.keys[number], one.prefix.values[number])
            rows = slice(one.first, one.end)
            key, value = (t[:, : one.n_positions] for t in held)
            more = part(q[rows], key, value, scale)
            found[rows], norms[rows] = joined((found[rows], norms[rows]), more)
        return found.flatten(1)

    def _look_at(self, number: int, q: Tensor, look: SlotLook) -> Tensor:
        """Attention of tokens alone in their slots, [B, Hkv, G, D]."""
        scale = self._layers[number].scale
        given = q
        if look.places is not None:
            given = q.new_zeros(look.n_slots, *q.shape[1:]).index_copy_(0, look.places, q)
        key, value = (
            t[number][: look.n_slots, :, : look.n_positions]
            for t in (self.cache.keys, self.cache.values)
        )
        found, norms = slots(given, key, value, look.unseen, scale, wants_norms=bool(look.prefixes))
        if look.places is not None:
            found = found.index_select(0, look.places)
            norms = None if norms is None else norms.index_select(0, look.places)
        for prefix, own in look.prefixes:
            assert norms is not None
            held = prefix.keys[number], prefix.values[number]
            if own is None:
                found, norms = joined((found, norms), part(q, *held, scale))
                continue
            mine = found.index_select(0, own), norms.index_select(0, own)
            whole = joined(mine, part(q.index_select(0, own), *held, scale))
            found, norms = found.index_copy(0, own, whole[0]), norms.index_copy(0, own, whole[1])
        return found

    def _behind_attention(self, layer: DecoderLayer, hidden: Tensor, mixed: Tensor) -> Tensor:
        """The rest of a layer, [T, D]; ``mixed`` is what attention gave, [T, H * D]."""
        hidden = layer.o(mixed).add_(hidden)
        normed = self._normed(hidden, layer.norms[1])
        return layer.down(gate_up(layer.gate(normed), layer.up(normed))).add_(hidden)
