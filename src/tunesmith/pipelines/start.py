"""Start: a recipe's weights with its method applied, and the adapter that it goes on from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from tunesmith.core.errors import ModelError, RecipeError
from tunesmith.methods.lora import LoRA
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.source import model_folder
from tunesmith.model.started_head import ADAPTER, head_of_folder, reorder, rows_by_name
from tunesmith.pipelines.weights import artifact_folder, require_base
from tunesmith.recipe import Recipe

if TYPE_CHECKING:
    import torch

    from tunesmith.model.head import Head


def start(
    recipe: Recipe,
    device: torch.device,
    precision: torch.dtype,
    head: Head | None = None,
    *,
    needs_whole: bool = True,
    known: dict[tuple[Any, ...], dict[str, torch.Tensor]] | None = None,
) -> Any:
    """Loads what a recipe trains.

    Args:
        recipe: the whole of it.
        device: where to.
        precision: of the arithmetic.
        head: the task's own output; None: over the vocabulary.
        needs_whole: whether more than training will be asked of the model.
        known: frozen weights that another run of this process has loaded, by what they were loaded
            from; of one model at a time.

    Returns:
        The transformers model, or what training needs of it; what trains requires gradients.

    Raises:
        TunesmithError: weights, adapter or method do not go together.
    """
    import torch

    seed, method = recipe.train.seed, recipe.method
    adapter = adapter_folder(recipe)
    rows, adapter_rows = (
        None if place is None else rows_by_name(head, head_of_folder(place), place)
        for place in (_weights_folder(recipe), adapter)
    )
    torch.manual_seed(seed)
    options = method.load_options(precision)
    if not (needs_whole or head or options) and _is_light(recipe):
        from tunesmith.model.device import weight_dtype
        from tunesmith.model.light import load_light

        folder = model_folder(recipe.model.path, recipe.model.revision)
        dtype = weight_dtype(recipe.model.dtype, device)
        model = load_light(folder, dtype=dtype, device=device, known=known)
    else:
        from tunesmith.model.load import load_model

        model = load_model(recipe.model, device=device, head=head, options=options, seed=seed)
    if head is not None and rows is not None:
        reorder(model, head, rows)
    torch.manual_seed(seed)
    if adapter is None:
        method.apply(model)
    else:
        _start_from(model, adapter, recipe, head, adapter_rows)
    return model


def _is_light(recipe: Recipe) -> bool:
    """Whether a recipe asks nothing of its model but what the trunk computes."""
    from tunesmith.model.light import why_not_light

    method, train = recipe.method, recipe.train
    is_plain = recipe.model.init == "pretrained" and recipe.model.adapter is None
    if not (is_plain and train.fused) or train.gradient_checkpointing:
        return False
    # Whole weights are written by transformers, so that others read them.
    if not isinstance(method, LoRA) or method.extra_modules:
        return False
    return why_not_light(model_folder(recipe.model.path, recipe.model.revision)) is None


def started_labels(recipe: Recipe) -> tuple[str, ...]:
    """Classes that the head tells apart which a recipe starts from, in order; needs no torch."""
    place = adapter_folder(recipe) or _weights_folder(recipe, weights=False)
    head = None if place is None else head_of_folder(place)
    return () if head is None else head.labels


def _weights_folder(recipe: Recipe, *, weights: bool = True) -> Path | None:
    """The folder whose weights are loaded; None where all are fresh."""
    if recipe.model.init == "random":
        return None
    return model_folder(recipe.model.path, recipe.model.revision, weights=weights)


def adapter_folder(recipe: Recipe) -> Path | None:
    """The folder of the adapter to start from; None where the recipe names none.

    Raises:
        TunesmithError: it is no adapter, or the recipe leaves it nothing to stand on.
    """
    if recipe.model.adapter is None:
        return None
    folder = Path(artifact_folder(recipe.model.adapter)).expanduser()
    if not (folder / ADAPTER).is_file():
        raise ModelError(f"model.adapter: {folder} holds no adapter. Give its folder or its run.")
    if recipe.model.init == "random":
        raise RecipeError("model.adapter: goes with pretrained weights. Take model.init away.")
    if isinstance(recipe.method, LoRA) and recipe.method.init != "zero":
        raise RecipeError("model.adapter: it has its own start. Take method.init away.")
    return folder


def _start_from(
    model: Any, adapter: Path, recipe: Recipe, head: Head | None, rows: list[int] | None
) -> None:
    """Goes on with an adapter, or writes it into the weights that train."""
    from tunesmith.export.merge import merge_adapter
    from tunesmith.model.adapter import continue_adapter, load_adapter

    info = ArtifactInfo.load(adapter)
    require_base(adapter, info, model_folder(recipe.model.path, recipe.model.revision))
    if recipe.method.saves_adapter:
        recipe.method.apply(model)
        continue_adapter(model, adapter)
        if head is not None and rows is not None:
            reorder(model, head, rows)
        return
    if info is not None and info.quantisation is not None:
        raise ModelError(
            f"{adapter}: was tuned on weights in few bits. Write both out with: tunesmith merge "
            f"{adapter} DIR; then model.path=DIR"
        )
    load_adapter(model, adapter)
    if head is not None and rows is not None:
        reorder(model, head, rows)
    merge_adapter(model, model.dtype)
    recipe.method.apply(model)
