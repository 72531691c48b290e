"""Bradley-Terry: how strong each of several models is, from who was preferred to whom.

Model i is preferred to model j with probability s_i / (s_i + s_j) (Bradley and Terry 1952,
Biometrika 39, 324-345). A tie counts as half a win for each. What is told of a model is the
logarithm of its strength; the mean over all models is 0, so a model at log 2 wins two of three
against an average one.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import numpy as np

from tunesmith.evaluation.statistics.bootstrap import Interval, bootstrap
from tunesmith.evaluation.statistics.no_width import without_certainty
from tunesmith.evaluation.statistics.sample import sample

CLOSE = 1e-10
"""Logarithms that no step moves farther are found."""
RESOLUTION = 1e-6
"""Strengths that are apart by no more are equal but for the steps that were left out."""
MOST_STEPS = 20_000
PRIOR = 0.5
"""Wins and losses that are added to each model, spread over the others, where wins alone tell no
strengths: one that never lost would be infinitely strong."""
RESAMPLES = 2_000


def bradley_terry(wins: np.ndarray) -> np.ndarray:
    """The likeliest log strengths.

    Found by minorisation and maximisation: s_i = W_i / sum_j n_ij / (s_i + s_j), again and again
    (Hunter 2004, Ann. Stat. 32, 384-406, eq. 3). They exist where every model can be reached from
    every other by wins (Ford 1957); elsewhere ``PRIOR`` is added first.

    Args:
        wins: [..., M, M], how often the row's model was preferred to the column's.

    Returns:
        [..., M], their mean 0.
    """
    n_models = wins.shape[-1]
    tables = np.array(wins, float).reshape(-1, n_models, n_models)
    tables[:, np.arange(n_models), np.arange(n_models)] = 0
    tables[~is_connected(tables)] += PRIOR / max(1, n_models - 1) * (1 - np.eye(n_models))
    logs = np.zeros(tables.shape[:2])
    active = np.arange(len(tables))
    totals, met = tables.sum(-1), tables + tables.swapaxes(-1, -2)
    for _ in range(MOST_STEPS):
        if not len(active):
            break
        old = logs[active]
        strengths = np.exp(old)
        each = met[active] / (strengths[:, :, None] + strengths[:, None, :])
        new = np.log(totals[active] / each.sum(-1))
        new -= new.mean(-1, keepdims=True)
        logs[active] = new
        active = active[np.abs(new - old).max(-1) > CLOSE]
    return logs.reshape(wins.shape[:-1])


def strengths(
    wins: np.ndarray,
    clusters: Sequence[str] | None = None,
    *,
    seed: int = 0,
    resamples: int = RESAMPLES,
) -> list[Interval]:
    """Each model's log strength with its interval, examples drawn anew.

    Where every example says the same no resample differs, and there are no ends.

    Args:
        wins: [N, M, M], of each of N votes who was preferred to whom; a tie is half for each.
        clusters: the example or document of each vote; None: each stands alone.
        seed: of resamples.
        resamples: how often.
    """
    n_models = wins.shape[-1]
    tables = wins.reshape(len(wins), -1)
    return [
        without_certainty(
            bootstrap(
                sample(tables, partial(_strength, model, n_models), clusters),
                seed=seed,
                resamples=resamples,
            ),
            rounding=RESOLUTION,
        )
        for model in range(n_models)
    ]


def _strength(model: int, n_models: int, sums: np.ndarray) -> np.ndarray:
    """One model's, [..., M * M] -> [...]."""
    return bradley_terry(sums.reshape(*sums.shape[:-1], n_models, n_models))[..., model]


def is_connected(tables: np.ndarray) -> np.ndarray:
    """Whether each model is reached from each by wins, [B, M, M] -> [B]."""
    n_models = tables.shape[-1]
    reached = (tables > 0) | np.eye(n_models, dtype=bool)
    for _ in range(max(1, (n_models - 1).bit_length())):
        reached = np.einsum("bij,bjk->bik", reached, reached)
    return np.asarray(reached.all((-2, -1)))
