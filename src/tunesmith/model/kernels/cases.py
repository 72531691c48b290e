"""Cases: each kernel with tensors to work on, for a trial or a benchmark to compare with torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tunesmith.model import kernels


@dataclass(frozen=True, slots=True)
class Sizes:
    """What the tensors measure.

    Attributes:
        tokens: of a line.
        width: of a state.
        inner: of the MLP.
        heads: of queries.
        vocabulary: logits of a row.
        rows: of a chunk of logits.
    """

    tokens: int
    width: int
    inner: int
    heads: int
    vocabulary: int
    rows: int


LLAMA_7B = Sizes(4096, 4096, 11008, 32, 32000, 1024)
"""As Llama 2 7B has them, on a line that a step of a GPU is at least as long as."""


@dataclass(frozen=True, slots=True)
class Case:
    """A piece of work that one kernel does.

    Attributes:
        kernel: its name.
        n_bytes: that have to be read and written.
        work: does it, given tensors that it may write over; returns what it found.
        over: these tensors.
    """

    kernel: str
    n_bytes: int
    work: Callable[..., list[Tensor]]
    over: tuple[Tensor, ...] = ()

    def values(self) -> list[Tensor]:
        """What comes out, everything staying as it was."""
        return self.work(*(tensor.clone() for tensor in self.over))

    def run(self) -> None:
        """Does it with nothing beside it, over whatever the run before has left."""
        self.work(*self.over)


def cases(device: torch.device, sizes: Sizes) -> dict[str, Case]:
    """Every kernel's work in bfloat16, forward and backward, by name."""
    n, d, f = sizes.tokens, sizes.width, sizes.inner
    generator = torch.Generator(device).manual_seed(0)  # a run's own numbers stay what they are

    def draw(*shape: int, dtype: torch.dtype = torch.bfloat16) -> Tensor:
        return torch.randn(*shape, generator=generator, device=device).to(dtype)

    x, grad, added, weight = draw(n, d), draw(n, d), draw(n, d), draw(d)
    gate, up, over = draw(n, f), draw(n, f), draw(n, f)
    q = draw(n, sizes.heads, d // sizes.heads)
    angles = draw(n, d // sizes.heads, dtype=torch.float32)
    cos, sin = angles.cos(), angles.sin()
    logits = draw(sizes.rows, sizes.vocabulary)
    labels = torch.randint(sizes.vocabulary, (sizes.rows,), generator=generator, device=device)
    scale = x.float().square().mean(1).add(1e-5).rsqrt()
    normalisers = logits.float().logsumexp(1)

    def norm() -> list[Tensor]:
        return [kernels.rms_norm(x, weight, 1e-5)[0]]

    def norm_backward() -> list[Tensor]:
        return [kernels.rms_norm_backward(grad, x, weight, scale, added=added)[0]]

    def swiglu_backward(*given: Tensor) -> list[Tensor]:
        kernels.swiglu_backward_(*given, wants_product=True)
        return list(given)

    def loss_gradient(given: Tensor) -> list[Tensor]:
        kernels.softmax_gradient_(given, labels, normalisers)
        return [given]

    def loss_sums() -> list[Tensor]:
        return [*kernels.label_sums(logits, labels)[:2]]

    n_logits = sizes.rows * sizes.vocabulary
    return {
        "norm forward": Case("norm", 4 * n * d, norm),
        "norm backward": Case("norm", 8 * n * d, norm_backward),
        "rotary": Case("rotary", 4 * n * d, lambda: [kernels.rotate(q, cos, sin)]),
        "swiglu forward": Case("swiglu", 6 * n * f, lambda: [kernels.swiglu(gate, up)]),
        "swiglu backward": Case(
            "swiglu", 12 * n * f, swiglu_backward, (over, gate.clone(), up.clone())
        ),
        "loss sums": Case("loss", 2 * n_logits, loss_sums),
        "loss gradient": Case("loss", 4 * n_logits, loss_gradient, (logits.clone(),)),
    }
