"""Load: a model folder -> a transformers model, from safetensors only."""

from __future__ import annotations

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
    changed = [key for key in CHANGED_LOGITS if read_config(folder).get(key) not in (None, 1, 1.0)]
    if changed and head is None:
        raise ModelError(
            f"{folder}: {changed[0]} in config.json changes the logits after the output head, "
            "which the loss here does not know. Models of this kind are not supported."
        )
    if options and not pretrained:
        raise ModelError(
            "model.init=random: fresh weights are not quantised. Set method=full, or "
            "model.init=pretrained."
        )
    dtype = weight_dtype(spec.dtype, device)
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    factory: Any = getattr(
        transformers, "AutoModelForCausalLM" if head is None else AUTO_CLASSES[head.kind]
    )
    torch.manual_seed(seed)
    try:
        config = AutoConfig.from_pretrained(
            str(folder),
            trust_remote_code=False,
            **({} if head is None else head.config_options()),
        )
        if not pretrained:
            return (
                factory.from_config(
                    config, dtype=dtype, trust_remote_code=False, attn_implementation=attention.NAME
                )
                .to(device)
                .eval()
            )
        arguments = dict(options or {})
        if head is not None:
            _fit_to_head(arguments, head, factory._model_mapping[type(config)])
        loaded: Any = factory.from_pretrained(
            str(folder),
            config=config,
            dtype=dtype,
            trust_remote_code=False,
            use_safetensors=True,
            attn_implementation=attention.NAME,
            local_files_only=True,
            output_loading_info=True,
            **arguments,
        )
    except ModelError:
        raise
    except Exception as error:  # anything the library finds wrong with the files
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise ModelError(f"{folder}: the model cannot be loaded: {reason}") from error
    finally:
        transformers_logging.set_verbosity(verbosity)
    model, info = loaded
    fresh = "" if head is None else f"{head.module}."
    missing = sorted(key for key in info["missing_keys"] if not (fresh and key.startswith(fresh)))
    if missing:
        raise ModelError(
            f"{folder}: the weights hold no {missing[0]!r} ({len(missing)} missing in all). The "
            "folder is incomplete, or its config.json belongs to another model."
        )
    if not options:
        return model.to(device).eval()
    keep_as_loaded(model)
    return model.eval()


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
