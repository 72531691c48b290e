"""Weights: a folder, a run or a hub id -> a transformers model, checked to be what was tuned."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from tunesmith.chat.endpoint import is_hosted
from tunesmith.core.errors import ModelError, RunError
from tunesmith.core.runs import LOCK, Run
from tunesmith.model.artifact import ArtifactInfo
from tunesmith.model.source import (
    check_vocabulary,
    config_fingerprint,
    model_folder,
    read_config,
    weights_fingerprint,
)
from tunesmith.model.spec import Model
from tunesmith.pipelines.bases import Bases, load_alone
from tunesmith.templates.tokenizer import Tokenizer


def artifact_folder(model: str | Path | Run) -> str:
    """What to load for a run, a folder or a name.

    Raises:
        RunError: it is a run that is not finished.
    """
    if isinstance(model, str) and is_hosted(model):
        return model
    path = model.path if isinstance(model, Run) else Path(model).expanduser()
    run = Run(path)
    if (path / LOCK).is_file():
        if not run.artifact.is_dir():
            raise RunError(
                f"{path}: the run has no tuned model yet. Go on with: tunesmith train "
                f"{path / 'recipe.yaml'} --resume"
            )
        return str(run.artifact)
    return str(model)


def load_weights(
    place: str, *, dtype: str = "auto", bases: Bases | None = None
) -> tuple[Any, Path, ArtifactInfo | None]:
    """Loads a model, or an adapter on its base, held as in training.

    Args:
        place: folder, hub id or bundled name.
        dtype: type of the weights, as in ``model.dtype``.
        bases: weights that may be shared; None: it has its own.

    Returns:
        The transformers model, the folder of its tokenizer, and what is known of its tuning.

    Raises:
        ModelError: something is missing, damaged or does not belong together.
    """
    from tunesmith.model.adapter import head_rows, is_adapter, load_adapter
    from tunesmith.model.adapter_config import adapter_head, read_adapter_config
    from tunesmith.model.device import default_device
    from tunesmith.model.head import Head, head_of_config, name_padding
    from tunesmith.model.quantised import Quantisation

    load = load_alone if bases is None else bases.load
    folder = Path(place).expanduser()
    device = default_device()
    if not (folder.is_dir() and is_adapter(folder)):
        found = model_folder(place)
        spec, info = Model.model_validate({"path": place, "dtype": dtype}), ArtifactInfo.load(found)
        _require_tokenizer(found, info, found)
        if info is not None:
            head = None if info.head is None else Head.from_dict(info.head)
        else:
            head = head_of_config(read_config(found))
        return load(spec, device=device, head=head), found, info
    info, config = ArtifactInfo.load(folder), read_adapter_config(folder)
    if info is not None:
        head = None if info.head is None else Head.from_dict(info.head)
    else:
        head = adapter_head(config, head_rows(folder))
    base = info.base_path if info else str(config["base_model_name_or_path"])
    revision = info.base_revision if info else config.get("revision")
    base_folder = model_folder(base, revision)
    require_base(folder, info, base_folder)
    tokenizer_folder = folder if (folder / "tokenizer.json").is_file() else base_folder
    _require_tokenizer(tokenizer_folder, info, base_folder)
    spec = Model.model_validate({"path": base, "revision": revision, "dtype": dtype})
    quantisation = None
    if info is not None and info.quantisation is not None:
        # The update was learnt beside rounded weights, and makes up for their rounding.
        quantisation = Quantisation(**info.quantisation)
    network = load(spec, device=device, head=head, quantisation=quantisation)
    load_adapter(network, folder)
    name_padding(network, Tokenizer.from_folder(tokenizer_folder).declared_pad_id)
    return network, tokenizer_folder, info


def _require_tokenizer(folder: Path, info: ArtifactInfo | None, model: Path) -> None:
    """Checks, before any weights are loaded, that tokens mean what they meant in training.

    Args:
        folder: of the tokenizer.
        info: what stands beside tuned weights.
        model: folder of the weights, which must have an embedding for every token.

    Raises:
        ModelError: it is another tokenizer, or has more tokens than the model.
    """
    tokenizer = Tokenizer.from_folder(folder)
    check_vocabulary(tokenizer, read_config(model).get("vocab_size"))
    if info is not None and info.tokenizer_fingerprint != tokenizer.fingerprint:
        raise ModelError(
            f"{folder}: its tokenizer is not the one the model was tuned with (fingerprint "
            f"{info.tokenizer_fingerprint[:12]}, here {tokenizer.fingerprint[:12]}), so every "
            "token could mean another. Put the original files back."
        )


def require_base(folder: Path, info: ArtifactInfo | None, base_folder: Path) -> None:
    """Checks that an adapter was tuned on this base; says so where nothing is known of it.

    Args:
        folder: of the adapter.
        info: what stands beside it.
        base_folder: of the weights.

    Raises:
        ModelError: it was tuned on others, or with another configuration.
    """
    if info is None:
        print(f"{folder}: not made here, so its base cannot be verified.", file=sys.stderr)
        return
    found = weights_fingerprint(base_folder)
    if found != info.base_fingerprint:
        raise ModelError(
            f"{folder}: the adapter was tuned on other weights than those in {base_folder} "
            f"(fingerprint {info.base_fingerprint[:12]}, there {found[:12]}). Put the original "
            "base back."
        )
    if info.base_config is None:
        print(
            f"{folder}: made by an older version, which did not note the base's config.json; "
            "whether that is as it was cannot be told.",
            file=sys.stderr,
        )
        return
    _require_config(folder, info, base_folder)


def _require_config(folder: Path, info: ArtifactInfo, base_folder: Path) -> None:
    """Checks that the base's configuration makes the same of its weights as in training.

    Raises:
        ModelError: it does not; names the keys that differ.
    """
    config = read_config(base_folder)
    if config_fingerprint(config) == info.base_config:
        return
    told = "the adapter is of an older version, which did not note the keys one by one"
    if info.base_told is not None:
        from tunesmith.model.same_config import differences

        found = differences(info.base_told, config)
        if not found:
            return
        told = "; ".join(found)
    raise ModelError(
        f"{folder}: config.json in {base_folder} is not the one that the adapter was tuned with "
        f"({told}), so the same weights would compute something else. Put the original base back."
    )
