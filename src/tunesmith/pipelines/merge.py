"""Merge: an adapter and its base -> one model that transformers loads by itself."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

from tunesmith.core.errors import ModelError, RunError
from tunesmith.core.extras import require
from tunesmith.core.runs import Run, require_space
from tunesmith.export.card import model_card
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.save import copy_tokenizer, save_weights
from tunesmith.pipelines.card import README, finished_summary, run_card
from tunesmith.pipelines.weights import artifact_folder, load_weights

BOUNDS = {"float32": 1e-4, "bfloat16": 1.0}
"""Largest difference of a logit that is let through, by the type of the written weights."""


def merge(model: str | Path | Run, folder: str | Path, *, dtype: str = "float32") -> dict[str, Any]:
    """Writes a tuned model as whole weights, and proves that it answers as before.

    Args:
        model: a run, an adapter's folder, or whole weights to be written in another type.
        folder: where to; must not exist, or be empty.
        dtype: type of the written weights, ``float32`` or ``bfloat16``.

    Returns:
        ``path``, ``dtype``, ``bytes``, and ``max_logit_difference`` to base and adapter on a probe
        text, with the merged weights read back from disk.

    Raises:
        ModelError: it cannot be loaded, or its answers changed by more than 1e-4 in float32.
        RunError: the folder is taken or cannot be written.
    """
    require("torch", extra="train", purpose="Merging")
    from tunesmith.export.merge import largest_difference, merge_adapter, probe_logits
    from tunesmith.model.adapter import is_adapter
    from tunesmith.model.device import DTYPES

    target = Path(folder).expanduser()
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunError(f"{target}: exists already; nothing was touched. Choose another folder.")
    place = artifact_folder(model)
    network, tokenizer_folder, info = load_weights(place, dtype="float32")
    is_whole = not is_adapter(Path(place))
    before = probe_logits(network)
    merge_adapter(network, DTYPES[dtype])
    n_bytes = sum(p.numel() * p.element_size() for p in network.parameters())
    draft = target.with_name(f".{target.name}.draft")
    if draft.exists():  # left by a merge that was killed
        shutil.rmtree(draft)
    try:
        draft.mkdir(parents=True, exist_ok=True)
        require_space(draft, n_bytes)
        save_weights(network, draft)
        copy_tokenizer(tokenizer_folder, draft)
        if info is not None:
            replace(info, method=info.method if is_whole else f"{info.method}, merged").save(draft)
        (draft / README).write_text(_card(model, place, info, dtype), "utf-8")
        del network  # so that a large model is held once
        again, _, _ = load_weights(str(draft), dtype=dtype)
        difference = largest_difference(before, probe_logits(again))
        if difference > BOUNDS[dtype]:
            raise ModelError(
                f"{target}: merging changed the logits by {difference:.2e}, more than "
                f"{BOUNDS[dtype]:.0e}; nothing was written."
            )
        if target.exists():
            target.rmdir()
        draft.rename(target)
    except OSError as error:
        raise RunError(f"{target}: cannot be written ({error.strerror}).") from None
    finally:
        if draft.exists():
            shutil.rmtree(draft)
    return {
        "path": str(target),
        "dtype": dtype,
        "bytes": n_bytes,
        "max_logit_difference": difference,
    }


def _card(model: str | Path | Run, place: str, info: ArtifactInfo | None, dtype: str) -> str:
    run = model if isinstance(model, Run) else Run(Path(model).expanduser())
    card = run_card(run, info, finished_summary(run), title="A tuned model", merged=dtype)
    return model_card(replace(card, source=place))
