"""Settings of the loop and of its optimizer; no torch here."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from tunesmith.core.part import Settings


class Optim(Settings):
    """How weights are updated."""

    name: Literal[
        "adamw", "adamw_8bit", "paged_adamw_32bit", "paged_adamw_8bit", "adafactor", "sgd"
    ] = "adamw"
    """``adamw`` keeps 8 bytes for each trained weight, ``adamw_8bit`` 2. Paged ones keep their
    state in memory that a GPU can swap out; on a CPU it stays where it is. ``adafactor`` keeps
    means of rows and columns (arXiv:1804.04235), and its rate counts relative to a weight's size;
    ``sgd`` keeps nothing, and wants rates a thousand times as large."""
    lr: float | None = Field(default=None, gt=0)
    """Peak learning rate; None: the method's (lora 2e-4, full 2e-5), times the objective's share of
    it (preferences 1/40, orpo 1/4)."""
    schedule: Literal["cosine", "linear", "constant"] = "cosine"
    """How the rate falls after the warm-up: to zero along a cosine or a line, or not at all."""
    warmup_fraction: float = Field(default=0.03, ge=0, le=1)
    """Share of all steps in which the rate rises linearly from zero."""
    weight_decay: float = Field(default=0.0, ge=0)
    """Decoupled decay of weight matrices; vectors are left alone."""
    beta1: float = Field(default=0.9, ge=0, lt=1)
    """Decay of the first moment, of AdamW."""
    beta2: float = Field(default=0.999, ge=0, lt=1)
    """Decay of the second moment, of AdamW."""
    eps: float = Field(default=1e-8, gt=0)
    """Added to the root of the second moment, of AdamW."""
    clip_norm: float = Field(default=1.0, ge=0)
    """Largest norm of the whole gradient; 0: no limit."""


class Train(Settings):
    """How long, in which portions, and how often it is looked at."""

    epochs: float = Field(default=3.0, gt=0)
    """Passes over the training rows; may be a fraction."""
    max_steps: int | None = Field(default=None, gt=0)
    """Steps after which a run ends, where that is fewer than its epochs make."""
    batch_size: int = Field(default=16, gt=0)
    """Examples of one step, over all micro-batches."""
    tokens_at_once: int | None = Field(default=None, gt=0)
    """Tokens of a micro-batch, padding included, at most; an example that is longer is alone. None:
    what a short probe at the start finds to be fastest here; where the run is too short to pay for
    one 8,192 on a GPU and 2,048 on a CPU, there more for models that are narrower than 768; with
    ``micro_batch_size`` no limit of its own."""
    micro_batch_size: int | None = Field(default=None, gt=0)
    """Examples of a micro-batch, at most; None: as many as ``tokens_at_once`` allows."""
    packing: bool | Literal["auto"] = "auto"
    """Whether the examples of a micro-batch share a line without padding instead of being padded to
    rows of one length. None sees another, and a step holds the same examples as without. ``auto``:
    whichever takes less time, by the padding there would be; padded with ``micro_batch_size`` or
    ``neftune_alpha``. The run tells what was chosen. ``true`` with ``micro_batch_size`` alone: a
    line has room for that many of the longest examples."""
    share_prefixes: bool | Literal["auto"] = "auto"
    """Whether what the examples of a micro-batch begin with alike is computed once: an instruction,
    or the prompt of two answers. Losses and gradients are the same up to rounding. ``auto``: where
    it pays, and in training only without dropout, for a shared token has one dropout mask instead
    of one for each example; never on a GPU, where it was not measured; ``true``: in all these
    cases."""
    seed: int = Field(default=42, ge=0)
    """Decides the order of rows, fresh weights and dropout."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Type of the arithmetic; ``auto``: bfloat16 on a GPU that has it, and on a CPU that has it
    where a short trial on products of the model's own widths finds it 1.3 times as fast; else
    float32. A run keeps what it began with."""
    fused: bool = True
    """Whether a Llama's layers are computed by the fused trunk, without padding and the last one
    only where there are targets; false: by transformers' forward, with the same numbers up to
    rounding. Models built in another way always take that."""
    frozen_products: Literal["exact", "int8"] = "exact"
    """``int8``: in training, products of a LoRA run with its frozen weights are made in eight bits
    on a CPU, in the fused trunk, with what that does to loss and gradient of the first micro-batch
    told; evaluation, answers and what is saved stay exact. Faster for float32 and for wide models
    (``docs/why/int8-products.md``)."""
    gradient_checkpointing: bool = False
    """Whether activations are computed again in the backward pass: less memory, more time."""
    trunk_cache: Literal["auto", "off", "memory", "disk"] = "auto"
    """Where states of frozen layers below all that trains are kept, so that they are computed once
    for each row; ``auto``: on the disk, else in memory, where that saves time and there is room."""
    trunk_cache_gb: float = Field(default=20.0, gt=0)
    """Most that such states may take; on the disk those of all runs together, of which the ones
    unused longest go first."""
    neftune_alpha: float | None = Field(default=None, gt=0)
    """Noise on the embeddings in training, of at most alpha / sqrt(tokens of a row * width), a row
    being the whole line where examples are packed; 5 to 15 can make answers of small instruction
    sets fuller (arXiv:2310.05914); None: no noise."""
    length_grouping: bool = True
    """Whether rows of similar length share a step, in seeded order."""
    shuffle: bool = True
    """Whether rows come in another order every epoch."""
    log_every_steps: int | None = Field(default=None, gt=0)
    """Steps after which figures are read from the device and logged, each step's all the same;
    until then nothing waits for it, and a loss that is no number is not noticed. None: 1 on a
    processor, 10 on a GPU."""
    eval_every_fraction: float = Field(default=0.2, gt=0, le=1)
    """Evaluations and checkpoints come after each such share of the run, and at its end."""
    eval_batch_size: int = Field(default=16, gt=0)
    """Examples at once in evaluation."""
    keep_checkpoints: int = Field(default=2, gt=0)
    """Latest checkpoints kept; the best one is kept beside them."""
    keep: Literal["best", "last"] = "best"
    """Which weights become the artefact: those of the best evaluation, or the last."""
    best_metric: str = "eval_loss"
    """Figure that tells the best evaluation: any that ``metrics.jsonl`` has in its lines of kind
    ``eval``. The earliest of equals is the best."""
    higher_is_better: bool | None = None
    """Direction of ``best_metric``; None: known of losses, perplexities, accuracies, margins and
    all metrics."""
    patience: int | None = Field(default=None, gt=0)
    """Evaluations in a row without improvement of ``best_metric`` after which training ends early;
    None: it goes to its end. The one before the first step counts as the first."""
    min_delta: float = Field(default=0.0, ge=0)
    """What such an improvement must be more than."""
    score_rows: int = Field(default=0, ge=0)
    """Held-out rows, the same each time, that are answered at every evaluation and scored by the
    task's metrics; 0: none. Answers are made as ``evaluate`` says."""
    samples: int = Field(default=0, ge=0)
    """Held-out rows whose answers are kept at every evaluation, in ``samples.jsonl``."""

    @model_validator(mode="after")
    def _portions_fit(self) -> Train:
        if self.micro_batch_size is not None and self.micro_batch_size > self.batch_size:
            raise ValueError(
                f"micro_batch_size={self.micro_batch_size} is larger than "
                f"batch_size={self.batch_size}. Lower it, or raise batch_size."
            )
        if self.share_prefixes is True and self.neftune_alpha is not None:
            raise ValueError(
                "share_prefixes=true: neftune_alpha adds other noise to each example's tokens, so "
                "none is shared. Take one of them away."
            )
        return self
