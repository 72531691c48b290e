"""Source: what ``model.path`` names -> a folder here, and the identity of its weights."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tunesmith.core.bundled import BUNDLED, bundled_path
from tunesmith.core.errors import ModelError, did_you_mean
from tunesmith.model.hub import fetch, kept_copy
from tunesmith.templates.tokenizer import Tokenizer, holds_tokenizer

WANTED = ["*.json", "*.safetensors", "*.model", "*.jinja"]
WHOLE_BELOW = 64 * 2**20
SAMPLE = 2**20
CHANGED_LOGITS = ("final_logit_softcapping", "logit_scale", "logits_scaling")
"""Keys of models (Gemma 2, Cohere, Granite) whose logits are more than hidden states times head."""


WITHOUT_EFFECT = (
    "_name_or_path", "transformers_version", "torch_dtype", "dtype", "use_cache", "bos_token_id",
    "eos_token_id",
)  # fmt: skip
"""Keys of a configuration that change no state of a model, whose types are chosen apart. A key
that is not among them counts, also one that nobody has heard of yet."""


def model_folder(path: str, revision: str | None = None, *, weights: bool = True) -> Path:
    """Finds a model, fetching it from the hub if it is not here.

    Args:
        path: folder, bundled name or hub id.
        revision: for the hub.
        weights: whether the weights are needed too; else a tokenizer alone is enough.

    Raises:
        ModelError: nothing is there, or the folder holds no model.
    """
    folder = bundled_path(path) or Path(path).expanduser()
    if folder.is_dir():
        _check_folder(folder, weights)
        return folder
    require_findable(path)
    found = fetch(path, revision, WANTED if weights else ["*.json", "*.model"])
    _check_folder(found, weights)
    return found


def require_findable(path: str) -> None:
    """Checks that a folder is there, or a name may be one of the hub, which is not asked.

    Raises:
        ModelError: it is neither.
    """
    folder = bundled_path(path) or Path(path).expanduser()
    if folder.is_dir():
        return
    if folder.is_file():
        raise ModelError(f"{path}: a model is a folder with config.json, and this is a file.")
    is_mistyped = folder.parent.is_dir() and str(folder.parent) != "."
    if not is_hub_id(path) or is_mistyped:
        beside = [p.name for p in folder.parent.iterdir()] if folder.parent.is_dir() else []
        raise ModelError(
            f"{path}: no such model folder. {did_you_mean(folder.name, [*beside[:20], *BUNDLED])}"
        )


def folder_here(path: str, revision: str | None = None) -> Path | None:
    """The folder of a model that is on this machine, without asking the hub; None: it is not.

    Args:
        path: folder, bundled name or hub id.
        revision: for the hub.
    """
    folder = bundled_path(path) or Path(path).expanduser()
    if folder.is_dir():
        return folder
    return kept_copy(path, revision) if is_hub_id(path) else None


def is_hub_id(path: str) -> bool:
    """Whether a path has the form ``owner/name``."""
    return re.fullmatch(r"[\w-]+(\.[\w-]+)*/[\w.-]+", path) is not None


def read_config(folder: Path) -> dict[str, Any]:
    """The model's ``config.json``.

    Raises:
        ModelError: it is missing or broken.
    """
    file = folder / "config.json"
    if not file.is_file():
        raise ModelError(f"{folder}: no config.json, so this is no model folder.")
    try:
        return json.loads(file.read_text("utf-8"))
    except ValueError as error:
        raise ModelError(f"{file}: broken JSON: {error}.") from None


def config_fingerprint(config: Mapping[str, Any]) -> str:
    """A hash of what a configuration says of a model: its angles, norms, heads and sizes.

    Args:
        config: of ``config.json``, or of a model in memory; the two may differ in what they tell.
    """
    told = {key: value for key, value in config.items() if key not in WITHOUT_EFFECT}
    return hashlib.sha256(json.dumps(told, sort_keys=True, default=str).encode()).hexdigest()


def load_tokenizer(folder: Path) -> Tokenizer:
    """The tokenizer in a model folder, its size checked against the model's vocabulary.

    Raises:
        ModelError: it is missing, damaged, or has more tokens than the model.
    """
    tokenizer = Tokenizer.from_folder(folder)
    if (folder / "config.json").exists():
        check_vocabulary(tokenizer, read_config(folder).get("vocab_size"))
    return tokenizer


def check_vocabulary(tokenizer: Tokenizer, vocabulary: int | None) -> None:
    """Checks that a model has an embedding for every token.

    Raises:
        ModelError: the tokenizer has more tokens.
    """
    if vocabulary is not None and len(tokenizer) > vocabulary:
        raise ModelError(
            f"{tokenizer.source}: the tokenizer has {len(tokenizer)} tokens, but the model only "
            f"{vocabulary} embeddings; they do not belong together."
        )


def weight_files(folder: Path) -> list[Path]:
    """The safetensors files of a model, sorted by name."""
    return sorted(folder.glob("*.safetensors"))


def weights_fingerprint(folder: Path) -> str:
    """A hash that tells one set of weights from another.

    Files below 64 MiB are hashed whole; of larger ones the size, the header with every tensor's
    name and shape, and 1 MiB at the start, the middle and the end.
    """
    digest = hashlib.sha256()
    for file in weight_files(folder):
        size = file.stat().st_size
        digest.update(f"{file.name}:{size}".encode())
        with file.open("rb") as stream:
            if size < WHOLE_BELOW:
                digest.update(stream.read())
                continue
            header = int.from_bytes(stream.read(8), "little")
            digest.update(stream.read(header))
            for start in (8 + header, size // 2, size - SAMPLE):
                stream.seek(start)
                digest.update(stream.read(SAMPLE))
    return digest.hexdigest()


def _check_folder(folder: Path, weights: bool) -> None:
    if not weights and not (folder / "config.json").exists() and holds_tokenizer(folder):
        return  # enough to look at data with
    read_config(folder)
    if not weights or weight_files(folder):
        return
    others = [p.name for p in folder.iterdir() if p.suffix in (".bin", ".pt", ".pth", ".gguf")]
    raise ModelError(
        f"{folder}: no weights in safetensors form here"
        + (f", only {others[0]}, which can run code when loaded" if others else "")
        + ". Get the *.safetensors files of the model, or convert them with save_pretrained()."
    )
