"""Load: a model folder -> a transformers model, from safetensors only."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
import transformers
from transformers import AutoConfig
from transformers.utils import logging as transformers_logging

from tunesmith.core.errors import ModelError
from tunesmith.model import attention
from tunesmith.model.device import weight_dtype
from tunesmith.model.head import AUTO_CLASSES, Head, backbone_renaming
from tunesmith.model.quantised import keep_as_loaded
from tunesmith.model.source import CHANGED_LOGITS, model_folder, read_config
from tunesmith.model.spec import Model

attention.register()


def load_model(
    spec: Model,
    *,
    device: torch.device,
    head: Head | None = None,
    options: dict[str, Any] | None = None,
    seed: int = 0,
) -> Any:
    """Loads weights.

    Args:
        spec: which.
        device: where to.
        head: a task's own output; fresh where the folder holds none. None: a language model.
        options: further arguments of ``from_pretrained``, from the method (quantisation).
        seed: of fresh weights: a new head's, or all where ``spec.init`` is ``random``.

    Returns:
        A transformers model in evaluation mode.

    Raises:
        ModelError: weights are missing, damaged or of another shape than the configuration says.
    """
    pretrained = spec.init == "pretrained"
    folder = model_folder(spec.path, spec.revision, weights=pretrained)
    _require_known(folder, head, is_quantised=bool(options), pretrained=pretrained)
    torch.manual_seed(seed)
    held: dict[str, Any] = {
        "dtype": weight_dtype(spec.dtype, device),
        "trust_remote_code": False,
        "attn_implementation": attention.NAME,
    }
    with _quietly(folder):
        config = AutoConfig.from_pretrained(
            str(folder),
            trust_remote_code=False,
            **({} if head is None else head.config_options()),
        )
        factory: Any = getattr(
            transformers, "AutoModelForCausalLM" if head is None else AUTO_CLASSES[head.kind]
        )
        if not pretrained:
            return factory.from_config(config, **held).to(device).eval()
        arguments = dict(options or {})
        if head is not None:
            _fit_to_head(arguments, head, factory._model_mapping[type(config)])
        model, info = factory.from_pretrained(
            str(folder),
            config=config,
            use_safetensors=True,
            local_files_only=True,
            output_loading_info=True,
            **held,
            **arguments,
        )
    _require_whole(folder, info["missing_keys"], "" if head is None else f"{head.module}.")
    if not options:
        return model.to(device).eval()
    keep_as_loaded(model)
    return model.eval()


def _require_known(
    folder: Path, head: Head | None, *, is_quantised: bool, pretrained: bool
) -> None:
    """Checks that a model is of a kind that is computed rightly here.

    Raises:
        ModelError: it is not.
    """
    config = read_config(folder)
    changed = [key for key in CHANGED_LOGITS if config.get(key) not in (None, 1, 1.0)]
    if changed and head is None:
        raise ModelError(
            f"{folder}: {changed[0]} in config.json changes the logits after the output head, "
            "which the loss here does not know. Models of this kind are not supported."
        )
    if is_quantised and not pretrained:
        raise ModelError(
            "model.init=random: fresh weights are not quantised. Set method=full, or "
            "model.init=pretrained."
        )


@contextmanager
def _quietly(folder: Path) -> Iterator[None]:
    """Loads without the library's own messages, and tells in one line what it finds wrong.

    Raises:
        ModelError: it finds anything wrong with the files.
    """
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        yield
    except ModelError:
        raise
    except Exception as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{folder}: the model cannot be loaded: {reason}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)


def _require_whole(folder: Path, missing_keys: Iterable[str], fresh: str) -> None:
    """Checks that all weights were there.

    Args:
        folder: of the model.
        missing_keys: that were not.
        fresh: what the names of a new head's begin with; empty: there is none.

    Raises:
        ModelError: some are missing.
    """
    missing = sorted(key for key in missing_keys if not (fresh and key.startswith(fresh)))
    if missing:
        raise ModelError(
            f"{folder}: the weights hold no {missing[0]!r} ({len(missing)} missing in all). The "
            "folder is incomplete, or its config.json belongs to another model."
        )


def _fit_to_head(arguments: dict[str, Any], head: Head, architecture: Any) -> None:
    """Adds what loading a language model under another head needs.

    Args:
        arguments: of ``from_pretrained``; changed.
        head: the task's own.
        architecture: the class of transformers that has it.
    """
    renaming = backbone_renaming(architecture)
    if renaming:
        arguments["key_mapping"] = renaming
    quantisation = arguments.get("quantization_config")
    if quantisation is not None:
        # transformers 5.23 spares the last module only where its last parameter is no bias.
        quantisation.llm_int8_skip_modules = [head.module]


def recompute_activations(model: Any) -> None:
    """Has activations computed again in the backward pass instead of kept."""
    options = {"use_reentrant": False}
    if hasattr(model, "activation_checkpointing_enable"):  # its name since transformers 5
        model.activation_checkpointing_enable(options)
    else:
        model.gradient_checkpointing_enable(options)
    # It has the embeddings' output require a gradient, which only reentrant recomputation needs;
    # the backward pass would go through every frozen layer below the first trained one.
    if hasattr(model, "_require_grads_hook"):  # transformers before 5 sets none
        model.disable_input_require_grads()
