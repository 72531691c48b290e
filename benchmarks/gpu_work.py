"""GPU work: the sizes, the rows and the random models that all contenders share."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

SEED = 7


@dataclass(frozen=True)
class Size:
    """A Llama's shape."""

    width: int
    layers: int
    heads: int
    key_heads: int
    ffn_width: int
    vocabulary: int = 32000

    def config(self) -> Any:
        """As transformers has it."""
        from transformers import LlamaConfig

        return LlamaConfig(
            hidden_size=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            num_key_value_heads=self.key_heads,
            intermediate_size=self.ffn_width,
            vocab_size=self.vocabulary,
            max_position_embeddings=4096,
            rms_norm_eps=1e-5,
            tie_word_embeddings=False,
            bos_token_id=1,
            eos_token_id=2,
        )

    @property
    def n_linear(self) -> int:
        """Weights of all linear layers below the head."""
        kv_width = self.width // self.heads * self.key_heads
        attention = 2 * self.width * self.width + 2 * self.width * kv_width
        return self.layers * (attention + 3 * self.width * self.ffn_width)

    def flop_per_token(self, rows: Rows, *, trains_all: bool, rank: int = 16) -> float:
        """What a useful token costs at the least, nothing computed twice.

        Forward and gradients of inputs, of weights where they train; attention's scores forward
        and two and a half times that backward; the head on rows with a target.
        """
        passes = 3 if trains_all else 2
        kv_width = self.width // self.heads * self.key_heads
        widths = 8 * self.width + 2 * self.width + 2 * kv_width + 3 * self.ffn_width
        adapters = 0 if trains_all else self.layers * rank * (widths - 2 * self.width) * 6
        seen = float((rows.lengths.astype(float) ** 2).sum() / rows.lengths.sum()) / 2
        attention = self.layers * 4 * self.width * seen * 3.5
        share = rows.n_learnt / rows.lengths.sum()
        head = 2 * passes * self.width * self.vocabulary * share
        return 2 * passes * self.n_linear + adapters + attention + head


SIZES = {
    "7b": Size(4096, 32, 32, 32, 11008),
    "1b": Size(2048, 16, 32, 8, 8192, 128256),  # as Llama 3.2 1B has it
    "smoke": Size(32, 2, 4, 2, 64, 300),
}


class Rows:
    """Random token ids of real lengths; looks like an encoded split.

    Prompts have 100 / 189 / 350 tokens at the least, mostly and at the most, answers 25 / 43 / 60.
    With ``pairs`` rows 2i and 2i + 1 share a prompt.
    """

    def __init__(self, n: int, vocabulary: int, *, pairs: bool = False, scale: float = 1.0) -> None:
        draw = np.random.default_rng(SEED)
        prompts = _sizes(draw, n, (100, 189, 350), scale)
        answers = _sizes(draw, n * (1 + pairs), (25, 43, 60), scale)
        repeated = np.repeat(np.arange(n), 1 + pairs)
        texts = [draw.integers(3, vocabulary, size) for size in prompts]
        self.ids = [
            np.concatenate([texts[p], draw.integers(3, vocabulary, size)])
            for p, size in zip(repeated, answers, strict=True)
        ]
        self.weights = [
            np.concatenate([np.zeros(prompts[p], np.float32), np.ones(size, np.float32)])
            for p, size in zip(repeated, answers, strict=True)
        ]
        self.n_learnt = int(answers.sum())
        self.is_paired = pairs

    @property
    def lengths(self) -> np.ndarray:
        """Tokens of each row."""
        return np.array([len(ids) for ids in self.ids])

    def arrays(self, row: int) -> tuple[np.ndarray, np.ndarray]:
        """Token ids and weights of a row."""
        return self.ids[row], self.weights[row]

    def values_of(self, row: int) -> np.ndarray:
        """Of a pair: the first is wanted, and it has a partner."""
        return np.array([1.0 - row % 2, 1.0]) if self.is_paired else np.array([])

    def origin(self, row: int) -> str:
        """Where it comes from."""
        return f"random:{row + 1}"

    def __len__(self) -> int:
        return len(self.ids)


def random_model(
    size: Size, device: torch.device, dtype: torch.dtype, attention: str = "sdpa"
) -> Any:
    """A model of transformers whose weights are drawn on the device; nothing is read."""
    import transformers

    torch.manual_seed(SEED)
    with torch.device(device):
        model = transformers.AutoModelForCausalLM.from_config(
            size.config(), dtype=dtype, attn_implementation=attention
        )
    return model.to(device)


def matrix_limit(device: torch.device, n: int) -> float:
    """FLOP per second of a product of n x n matrices of random bfloat16 numbers."""
    a, b = (torch.randn(n, n, device=device, dtype=torch.bfloat16) for _ in range(2))
    seconds = time_of(lambda: a @ b, device)
    return 2 * n**3 / seconds


def time_of(work: Any, device: torch.device, repeats: int = 10) -> float:
    """Seconds of one call, the median of some after three that are not counted."""
    import statistics
    import time

    for _ in range(3 if device.type == "cuda" else 1):
        work()
    if device.type != "cuda":
        started = time.perf_counter()
        work()
        return time.perf_counter() - started
    found = []
    for _ in range(repeats):
        before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        before.record()
        work()
        after.record()
        torch.cuda.synchronize()
        found.append(before.elapsed_time(after) / 1e3)
    return statistics.median(found)


def peak_gib(device: torch.device) -> float | None:
    """The most that tensors took of the device since the process began."""
    return torch.cuda.max_memory_allocated(device) / 2**30 if device.type == "cuda" else None


def _sizes(draw: np.random.Generator, n: int, bounds: Sequence[int], scale: float) -> np.ndarray:
    least, middle, most = (max(2, round(b * scale)) for b in bounds)
    return np.rint(draw.triangular(least, middle, most + 1, n)).astype(int).clip(least, most)
