"""Light: the modules of a Llama alone, for a training that the trunk computes.

transformers' own class brings its whole library: distributed tensors, torch's compiler, detection
losses with SciPy. They take three seconds of a processor to import (transformers 5.23), and where
only an adapter is trained and no text is generated, none of it is used. The modules here have
transformers' names and hold its weights, so checkpoints and adapters are the same.
"""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from torch import Tensor, nn

from tunesmith.core.errors import ModelError
from tunesmith.model.source import CHANGED_LOGITS, read_config, weight_files

DEFAULTS: dict[str, Any] = {
    "attention_dropout": 0.0,
    "hidden_act": "silu",
    "max_position_embeddings": 2048,
    "rms_norm_eps": 1e-6,
    "tie_word_embeddings": False,
}
"""Of transformers' LlamaConfig, where a file leaves a key out."""


class Config(SimpleNamespace):
    """What a configuration file says, as attributes, as transformers has them."""

    def to_dict(self) -> dict[str, Any]:
        """The keys and their values."""
        return dict(vars(self))


def why_not_light(folder: Path) -> str | None:
    """What keeps a folder's model from being built here; None: nothing does."""
    config = read_config(folder)
    if config.get("model_type") != "llama" or config.get("architectures") != ["LlamaForCausalLM"]:
        return "it is no LlamaForCausalLM"
    told = [
        key
        for key in (
            "attention_bias",
            "mlp_bias",
            "quantization_config",
            "rope_scaling",
            *CHANGED_LOGITS,
        )
        if config.get(key) not in (None, False)
    ]
    if told:
        return f"its configuration sets {told[0]}"
    rope = config.get("rope_parameters") or {}
    if rope.get("rope_type", "default") != "default" or "partial_rotary_factor" in {*config, *rope}:
        return "its rotary embedding is scaled"
    return None


def load_light(
    folder: Path,
    *,
    dtype: torch.dtype,
    device: torch.device,
    known: dict[tuple[Any, ...], dict[str, Tensor]] | None = None,
) -> Light:
    """Loads weights.

    Args:
        folder: of a model for which :func:`why_not_light` knows no reason.
        dtype: of the weights.
        device: where to.
        known: weights that were loaded before, by the files as they were; what is loaded now takes
            their place. Only for models whose own weights stay frozen: they are the same tensors.

    Raises:
        ModelError: weights are missing, damaged or of another shape than the configuration says.
    """
    config = Config(**{**DEFAULTS, **read_config(folder)})
    try:
        key = (dtype, device, *((str(f), *_stamp(f)) for f in weight_files(folder)))
        weights = None if known is None else known.get(key)
        if weights is None:
            weights = _read(folder, dtype, device)
            if known is not None:
                known.clear()
                known[key] = weights
        return Light(config, weights).eval()
    except (OSError, SafetensorError) as error:
        raise ModelError(f"{folder}: the model cannot be loaded: {error}") from error
    except KeyError as error:
        raise ModelError(
            f"{folder}: the weights hold no {error}. The folder is incomplete, or its config.json "
            "belongs to another model."
        ) from None
    except (AttributeError, _WrongShape) as error:
        raise ModelError(f"{folder}: the model cannot be loaded: {error}") from None


def _stamp(file: Path) -> tuple[int, int, int]:
    about = file.stat()
    return about.st_ino, about.st_size, about.st_mtime_ns


def _read(folder: Path, dtype: torch.dtype, device: torch.device) -> dict[str, Tensor]:
    weights: dict[str, Tensor] = {}
    for file in weight_files(folder):
        with safe_open(file, framework="pt") as tensors:
            for name in tensors.keys():  # noqa: SIM118 - it is no mapping
                # A copy: the mapped file may be replaced while a run goes on.
                weights[name] = tensors.get_tensor(name).to(device, dtype, copy=True)
    return weights


class Light(nn.Module):
    """What training needs of transformers' LlamaForCausalLM."""

    def __init__(self, config: Any, weights: dict[str, Tensor]) -> None:
        super().__init__()
        self.config = config
        self.model = _Layers(config, weights)
        vocabulary, width = config.vocab_size, config.hidden_size
        if config.tie_word_embeddings:
            self.lm_head = _linear({"": self.model.embed_tokens.weight.data}, "", vocabulary, width)
            self.lm_head.weight = self.model.embed_tokens.weight
        else:
            self.lm_head = _linear(weights, "lm_head.weight", vocabulary, width)

    @property
    def base_model(self) -> nn.Module:
        """The layers below the output head."""
        return self.model

    @property
    def dtype(self) -> torch.dtype:
        """Of the weights."""
        return self.model.embed_tokens.weight.dtype

    def get_input_embeddings(self) -> nn.Module:
        """The layer that token ids are looked up in."""
        return self.model.embed_tokens

    def get_output_embeddings(self) -> nn.Module:
        """The layer that makes logits."""
        return self.lm_head


class _Layers(nn.Module):
    def __init__(self, config: Any, weights: dict[str, Tensor]) -> None:
        super().__init__()
        shape = (config.vocab_size, config.hidden_size)
        tokens = _taken(weights, "model.embed_tokens.weight", *shape)
        # Its padding row matters only where fresh weights are drawn or embeddings train.
        self.embed_tokens = nn.Embedding(1, 1)
        self.embed_tokens.num_embeddings, self.embed_tokens.embedding_dim = shape
        self.embed_tokens.weight = nn.Parameter(tokens)
        self.layers = nn.ModuleList(
            LlamaDecoderLayer(config, weights, f"model.layers.{i}.")
            for i in range(config.num_hidden_layers)
        )
        self.norm = _Norm(_taken(weights, "model.norm.weight", config.hidden_size))
        self.rotary_emb = _Rotary(config, tokens.device)


class LlamaDecoderLayer(nn.Module):
    """The modules of one layer; called as in transformers, because it stands for that one."""

    gradient_checkpointing = False

    def __init__(self, config: Any, weights: dict[str, Tensor], name: str) -> None:
        super().__init__()
        width, inner = config.hidden_size, config.intermediate_size
        self.self_attn = _Attention(config, weights, f"{name}self_attn.")
        self.mlp = nn.Module()
        self.mlp.gate_proj = _linear(weights, f"{name}mlp.gate_proj.weight", inner, width)
        self.mlp.up_proj = _linear(weights, f"{name}mlp.up_proj.weight", inner, width)
        self.mlp.down_proj = _linear(weights, f"{name}mlp.down_proj.weight", width, inner)
        self.input_layernorm = _Norm(_taken(weights, f"{name}input_layernorm.weight", width))
        self.post_attention_layernorm = _Norm(
            _taken(weights, f"{name}post_attention_layernorm.weight", width)
        )


class _Attention(nn.Module):
    is_causal = True

    def __init__(self, config: Any, weights: dict[str, Tensor], name: str) -> None:
        super().__init__()
        width, heads = config.hidden_size, config.num_attention_heads
        shared = getattr(config, "num_key_value_heads", None) or heads
        self.head_dim: int = getattr(config, "head_dim", None) or width // heads
        self.num_key_value_groups = heads // shared
        self.scaling = self.head_dim**-0.5
        for letter, n_heads in (("q", heads), ("k", shared), ("v", shared)):
            linear = _linear(weights, f"{name}{letter}_proj.weight", n_heads * self.head_dim, width)
            self.add_module(f"{letter}_proj", linear)
        self.o_proj = _linear(weights, f"{name}o_proj.weight", width, heads * self.head_dim)


class _Norm(nn.Module):
    def __init__(self, weight: Tensor) -> None:
        super().__init__()
        self.weight = nn.Parameter(weight)


class _Rotary(nn.Module):
    """Cosines and sines of positions (Su et al. 2021, arXiv:2104.09864), as transformers has it."""

    def __init__(self, config: Any, device: torch.device) -> None:
        super().__init__()
        rope = getattr(config, "rope_parameters", None) or {}
        theta = rope.get("rope_theta") or getattr(config, "rope_theta", None) or 10_000.0
        heads = config.num_attention_heads
        size = getattr(config, "head_dim", None) or config.hidden_size // heads
        places = torch.arange(0, size, 2, dtype=torch.int64).float()
        self.frequencies = (1.0 / (theta ** (places / size))).to(device)  # [D / 2]

    def forward(self, x: Tensor, position_ids: Tensor) -> tuple[Tensor, Tensor]:
        """Cosines and sines, each [B, T, D] in the type of ``x``."""
        with torch.autocast(x.device.type, enabled=False):
            angles = position_ids[..., None].float() * self.frequencies  # [B, T, D / 2]
            both = torch.cat((angles, angles), -1)
            return both.cos().to(x.dtype), both.sin().to(x.dtype)


class _WrongShape(Exception):
    """A tensor does not have the shape that the configuration says."""


def _taken(weights: dict[str, Tensor], name: str, *shape: int) -> Tensor:
    tensor = weights[name]
    if tuple(tensor.shape) != shape:
        raise _WrongShape(f"{name} has the shape {list(tensor.shape)} instead of {list(shape)}")
    return tensor


def _linear(weights: dict[str, Tensor], name: str, n_out: int, n_in: int) -> nn.Linear:
    weight = _taken(weights, name, n_out, n_in)
    # Built small: fresh weights would be drawn only to be thrown away.
    linear = nn.Linear(1, 1, bias=False)
    linear.in_features, linear.out_features = n_in, n_out
    linear.weight = nn.Parameter(weight)
    return linear
