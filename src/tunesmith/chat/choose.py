"""Choose: logits -> the next token of each row, the likeliest one or one that is drawn."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b

import torch
from torch import Tensor

from tunesmith.chat.chat_model import Sampling
from tunesmith.core.errors import ModelError


def seed_of_row(seed: int, row: int) -> int:
    """A seed for one of many rows, so that its draws do not depend on the others."""
    return int.from_bytes(blake2b(f"{seed} {row}".encode(), digest_size=8).digest()) >> 1


def choose(logits: Tensor, sampling: Sampling, generators: Sequence[torch.Generator]) -> Tensor:
    """The next token of each row.

    Args:
        logits: [B, V].
        sampling: how tokens are chosen.
        generators: of each row; not looked at where the likeliest is chosen.

    Returns:
        [B] int64.

    Raises:
        ModelError: a row's logits are not finite numbers.
    """
    # The largest of a row tells of all of it: it is no number where one of them is none. What is
    # ruled out may be minus infinity.
    if not logits.amax(-1).isfinite().all():
        dtype = str(logits.dtype).removeprefix("torch.")
        raise ModelError(
            f"the model: its logits are not finite numbers; its weights are damaged, or what it "
            f"computes in {dtype} overflows. Load it in float32; if that does not help, its "
            "weights have to be fetched or trained again."
        )
    if sampling.temperature == 0:
        return logits.argmax(-1)
    probabilities = (logits.float() / sampling.temperature).softmax(-1)
    if sampling.top_p < 1:
        ordered, places = probabilities.sort(-1, descending=True)
        outside = ordered.cumsum(-1) - ordered >= sampling.top_p
        ordered = ordered.masked_fill(outside, 0.0)
        probabilities = torch.zeros_like(probabilities).scatter_(-1, places, ordered)
    drawn = [
        torch.multinomial(row, 1, generator=generator)
        for row, generator in zip(probabilities, generators, strict=True)
    ]
    return torch.cat(drawn)


class Chooser:
    """Chooses the next tokens of rows by their numbers; a row's draws do not depend on others."""

    def __init__(
        self, sampling: Sampling, seeds: Sequence[int] | None, device: torch.device
    ) -> None:
        """Starts before the first token.

        Args:
            sampling: how tokens are chosen.
            seeds: of each row's draws; None: made from that of ``sampling`` and the row's number.
            device: of the logits.
        """
        self._sampling, self._seeds, self._device = sampling, seeds, device
        self._generators: dict[int, torch.Generator] = {}

    def __call__(self, logits: Tensor, rows: Sequence[int]) -> Tensor:
        """The next token of each row, [N] int64.

        Args:
            logits: [N, V].
            rows: their numbers.

        Raises:
            ModelError: a row's logits are not finite numbers.
        """
        if self._sampling.temperature == 0:
            return choose(logits, self._sampling, ())
        return choose(logits, self._sampling, [self._generator(row) for row in rows])

    def _generator(self, row: int) -> torch.Generator:
        if row not in self._generators:
            seeds, seed = self._seeds, self._sampling.seed
            own = seed_of_row(seed, row) if seeds is None else seeds[row]
            self._generators[row] = torch.Generator(self._device).manual_seed(own)
        return self._generators[row]
