"""Rows: what is compared with what, on which work, and the ratio that is to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from train_work import Work

OURS = "tunesmith"


@dataclass(frozen=True)
class Entrant:
    """One contender of a comparison.

    Attributes:
        name: in tables.
        home: whose environment it runs in: ``own``, ``trl``, ``llamafactory``.
        script: file in ``peers``.
        options: its own settings.
    """

    name: str
    home: str
    script: str
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True)
class Goal:
    """What is to be reached.

    Attributes:
        words: of the table.
        row: key in ``ROWS``.
        kind: ``speed``: at least so many times theirs; ``memory``: at most that share of theirs;
            ``limit``: at least that share of the measured speed of matrix products.
        bound: that number.
        theirs: names of the contenders that it is held against; the fastest of them counts.
    """

    words: str
    row: str
    kind: Literal["speed", "memory", "limit"]
    bound: float
    theirs: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        work: what all of them do.
        entrants: who takes part.
        n_steps: of each round.
        note: what a reader of the table should know.
    """

    work: Work
    entrants: tuple[Entrant, ...]
    n_steps: int = 1
    note: str = ""


UNSHARED = Entrant(
    f"{OURS}, nothing shared",
    "own",
    "tunesmith_train.py",
    {"overrides": ["train.share_prefixes=false"]},
)
TUNESMITH = Entrant(OURS, "own", "tunesmith_train.py")
PRODUCTS = Entrant("matrix products", "own", "products_train.py")
PLAIN = Entrant("well-configured loop", "trl", "plain_train.py")
SORTED = Entrant("well-configured loop, sorted", "trl", "plain_train.py", {"sorted": True})
TUTORIAL = Entrant("TRL, tutorial", "trl", "trl_train.py")
BEST = Entrant(
    "TRL, best flags", "trl", "trl_train.py", {"trainer": {"gradient_checkpointing": False}}
)
BEST_DPO = Entrant(
    "TRL, best flags",
    "trl",
    "trl_train.py",
    {"trainer": {"gradient_checkpointing": False, "precompute_ref_log_probs": True}},
)
LLAMAFACTORY = Entrant("LLaMA-Factory", "llamafactory", "llamafactory_train.py")


def _trainer(layers: int) -> Entrant:
    return Entrant("transformers' Trainer", "trl", "trainer_train.py", {"layers": layers})


ROWS: dict[str, Row] = {
    "S-fp32": Row(Work("S-fp32", "S"), (PRODUCTS, TUNESMITH, PLAIN, SORTED), 2),
    "S-bf16": Row(
        Work("S-bf16", "S", precision="bfloat16"), (PRODUCTS, TUNESMITH, PLAIN, SORTED, BEST), 3
    ),
    "S-fp32-dropout": Row(
        Work("S-fp32-dropout", "S", dropout=0.1), (TUNESMITH, BEST, TUTORIAL, LLAMAFACTORY)
    ),
    "S-fp32-all-tokens": Row(
        Work("S-fp32-all-tokens", "S", dropout=0.1, all_tokens=True), (TUNESMITH, BEST)
    ),
    "S-bf16-all-tokens": Row(
        Work("S-bf16-all-tokens", "S", precision="bfloat16", dropout=0.1, all_tokens=True),
        (TUNESMITH, BEST),
    ),
    "M-fp32": Row(Work("M-fp32", "M", batch_size=8), (PRODUCTS, TUNESMITH, PLAIN, SORTED)),
    "M-bf16": Row(
        Work("M-bf16", "M", precision="bfloat16", batch_size=8),
        (PRODUCTS, TUNESMITH, PLAIN, SORTED, BEST),
    ),
    "shared": Row(
        Work("shared", "S", shared_tokens=300, prompt=(20, 40, 90)), (TUNESMITH, UNSHARED), 2
    ),
    "dpo": Row(
        Work("dpo", "S", kind="dpo", batch_size=8, lr=2e-4, n_rows=48),
        (TUNESMITH, UNSHARED, BEST_DPO, TUTORIAL),
    ),
    "freeze-head": Row(
        Work("freeze-head", "S", kind="classify", epochs=3, n_rows=64, layers=0),
        (TUNESMITH, _trainer(0)),
        note="whole runs: loading the weights and three epochs of 64 texts",
    ),
    "freeze-2": Row(
        Work("freeze-2", "S", kind="classify", epochs=3, n_rows=64, layers=2, lr=1e-4),
        (TUNESMITH, _trainer(2)),
        note="whole runs: loading the weights and three epochs of 64 texts",
    ),
}
"""The comparisons, by the name that ``--only`` takes."""


def _loop_goals(words: str, row: str, bound: float) -> tuple[Goal, ...]:
    """Against the loop, and against the same loop with the rows of a step sorted by length."""
    loop = f"{words}, well-configured loop"
    return (
        Goal(loop, row, "speed", bound, (PLAIN.name,)),
        Goal(f"{loop}, sorted", row, "speed", bound, (SORTED.name,)),
    )


GOALS: tuple[Goal, ...] = (
    *_loop_goals("S, completion loss, fp32", "S-fp32", 1.3),
    *_loop_goals("S, completion loss, bf16", "S-bf16", 1.3),
    *_loop_goals("M, completion loss, fp32", "M-fp32", 1.4),
    *_loop_goals("M, completion loss, bf16", "M-bf16", 1.4),
    Goal("S, bf16, TRL's best flags", "S-bf16", "speed", 6, (BEST.name,)),
    Goal(
        "S, fp32, dropout 0.1, TRL with the same options",
        "S-fp32-dropout",
        "speed",
        4.5,
        (BEST.name,),
    ),
    Goal(
        "S, fp32, all-token loss, dropout 0.1, TRL", "S-fp32-all-tokens", "speed", 3, (BEST.name,)
    ),
    Goal(
        "S, bf16, all-token loss, dropout 0.1, TRL", "S-bf16-all-tokens", "speed", 3, (BEST.name,)
    ),
    Goal("M, bf16, TRL's best flags", "M-bf16", "speed", 2.5, (BEST.name,)),
    Goal("a shared 300-token instruction, ours unshared", "shared", "speed", 1.8, (UNSHARED.name,)),
    Goal("DPO, LoRA, S, TRL", "dpo", "speed", 6, (BEST.name, TUTORIAL.name)),
    Goal("DPO, LoRA, S, ours unshared", "dpo", "speed", 1.5, (UNSHARED.name,)),
    Goal(
        "freeze, 3 epochs, head only, transformers' Trainer",
        "freeze-head",
        "speed",
        5,
        ("transformers' Trainer",),
    ),
    Goal(
        "freeze, 3 epochs, last 2 layers, transformers' Trainer",
        "freeze-2",
        "speed",
        2.3,
        ("transformers' Trainer",),
    ),
    Goal("peak memory, S, bf16, TRL's best flags", "S-bf16", "memory", 0.45, (BEST.name,)),
    Goal("share of the matrix-product limit, M, bf16", "M-bf16", "limit", 0.55),
)
"""What is to be reached, in the order of the table."""
