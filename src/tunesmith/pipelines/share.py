"""Share: which rows of a run have their common prefixes computed once, and what that saves."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tunesmith.model.shape import shape_of
from tunesmith.model.source import model_folder, read_config
from tunesmith.pipelines.memory import device_type
from tunesmith.pipelines.prepare import Prepared
from tunesmith.recipe import Recipe
from tunesmith.training.arrangement import arranged
from tunesmith.training.batching import Batching, fixed_batching
from tunesmith.training.plan import Step, plan_epoch
from tunesmith.training.sharing import (
    LEAST_TOKENS,
    MEASURED,
    Sharing,
    least_tokens,
    training_shares,
)

if TYPE_CHECKING:
    import numpy as np

    from tunesmith.training.passes import Rows

KNOWN_MODELS = ("llama", "mistral", "qwen2", "qwen3")
"""Kinds of models that are tested with trees: nothing but attention mixes tokens, and their
positions are told to them."""
MOST_MICRO_BATCHES = 256
"""What a plan looks at."""


def sharing_for(
    recipe: Recipe, config: dict[str, Any], *, is_trained: bool, device: str = "cpu"
) -> Sharing | None:
    """What is shared among the rows of a micro-batch; None: nothing.

    Args:
        recipe: the whole of it.
        config: of the model.
        is_trained: whether rows are trained on; else they are evaluated.
        device: ``cpu`` or ``cuda``, where they are computed.
    """
    wanted = recipe.train.share_prefixes
    drops = recipe.method.drops or bool(config.get("attention_dropout"))
    is_noisy = recipe.train.neftune_alpha is not None
    if wanted == "auto" and device not in MEASURED:
        return None
    if config.get("model_type") not in KNOWN_MODELS or wanted is False:
        return None
    if is_trained and not training_shares(wanted, drops=drops, is_noisy=is_noisy):
        return None
    least = LEAST_TOKENS if wanted is True else least_tokens(shape_of(config, "the model"))
    window = config.get("sliding_window") if config.get("use_sliding_window", True) else None
    return Sharing(least, window)


def shared_rows(recipe: Recipe, network: Any, rows: dict[str, Rows]) -> dict[str, Rows]:
    """The rows of all splits; their batches are trees where that pays.

    Args:
        recipe: the whole of it.
        network: the transformers model.
        rows: by split; ``train`` is what is learnt.
    """
    from tunesmith.training.shared_rows import SharedRows

    found, config = dict(rows), network.config.to_dict()
    device = next(network.parameters()).device.type
    for name, source in rows.items():
        sharing = sharing_for(recipe, config, is_trained=name == "train", device=device)
        if sharing is not None:
            found[name] = SharedRows(source, sharing)
    return found


def planned_sharing(recipe: Recipe, prepared: Prepared) -> dict[str, Any] | None:
    """What training will share, from the micro-batches of the first epoch; None: nothing.

    Args:
        recipe: the whole of it; its model is on this machine.
        prepared: its rows, encoded.

    Returns:
        ``least_tokens`` that a shared piece has to save, and ``saved_fraction``, the share of the
        tokens that is not computed.
    """
    config = read_config(model_folder(recipe.model.path, recipe.model.revision, weights=False))
    sharing = sharing_for(recipe, config, is_trained=True, device=device_type(recipe))
    if sharing is None:
        return None
    encoded = prepared.encoded["train"]
    lengths = prepared.task.lengths(encoded)
    n_each = len(encoded) // len(lengths)  # of a pair two encoded rows are one to the trainer
    batching = fixed_batching(
        recipe.train,
        lengths,
        device_type(recipe),
        width=config.get("hidden_size"),
        unpadded=recipe.train.fused,
    )
    n_left = MOST_MICRO_BATCHES
    for planned in _first_steps(recipe, lengths, batching):
        step = planned
        if n_each == 1 and len(step) > 1:
            ids = {row: encoded.arrays(row)[0] for micro in step for row in micro}
            step = arranged(step, ids, sharing, batching)
        for micro in step[:n_left]:
            places = [n_each * row + side for row in micro for side in range(n_each)]
            sharing.count([encoded.arrays(place)[0] for place in places])
        n_left -= len(step)
        if n_left <= 0:
            break
    return {
        "least_tokens": sharing.least_tokens,
        "saved_fraction": round(sharing.saved_fraction, 4),
    }


def _first_steps(recipe: Recipe, lengths: np.ndarray, batching: Batching) -> list[Step]:
    train = recipe.train
    return plan_epoch(
        lengths,
        batch_size=train.batch_size,
        batching=batching,
        seed=train.seed,
        epoch=0,
        shuffle=train.shuffle,
        group_by_length=train.length_grouping,
    )
