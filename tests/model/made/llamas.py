"""Small random Llamas, Mistrals and Qwens, batches, and transformers' loss and gradients."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from torch.nn.functional import cross_entropy  # noqa: E402

from tunesmith.tasks.collate import collate  # noqa: E402

CLOSE = {"atol": 1e-5, "rtol": 1e-5}
SIZES = {
    "vocab_size": 97,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "tie_word_embeddings": False,
}
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 1e4,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
BUILDS = {
    "llama": ("Llama", {}),
    "llama, tied, all heads": ("Llama", {"tie_word_embeddings": True, "num_key_value_heads": 4}),
    "llama, biases": ("Llama", {"attention_bias": True, "mlp_bias": True}),
    "llama, one key head, wide heads": ("Llama", {"num_key_value_heads": 1, "head_dim": 16}),
    "llama, one layer": ("Llama", {"num_hidden_layers": 1}),
    "llama 3's angles": ("Llama", {"rope_parameters": LLAMA3}),
    "linear angles": (
        "Llama",
        {"rope_parameters": {"rope_type": "linear", "rope_theta": 1e4, "factor": 2.0}},
    ),
    "dynamic angles": (
        "Llama",
        {
            "rope_parameters": {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 2.0},
            "max_position_embeddings": 8,
        },
    ),
    "yarn": ("Llama", {"rope_parameters": YARN}),
    "mistral": ("Mistral", {"sliding_window": 40}),
    "qwen2": ("Qwen2", {}),
    "qwen2, tied": ("Qwen2", {"tie_word_embeddings": True}),
}


def network(build="llama", *, seed=0):
    """A model of transformers, every weight of it random, norms and biases too."""
    kind, changes = BUILDS[build]
    config = getattr(transformers, f"{kind}Config")(**{**SIZES, **changes})
    torch.manual_seed(seed)
    model = getattr(transformers, f"{kind}ForCausalLM")._from_config(
        config, attn_implementation="sdpa"
    )
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            if parameter.ndim == 1:
                parameter.copy_(torch.randn_like(parameter) * 0.3 + ("norm" in name))
            else:
                parameter.mul_(4)
    return model


def batch_of(lengths=(13, 30, 7, 22), *, seed=0, share=0.3, vocabulary=97):
    draw = np.random.default_rng(seed)
    rows = [
        (
            draw.integers(5, vocabulary, n).astype(np.int32),
            np.asarray([0.0, *(draw.random(n - 2) < share), 1.0], np.float32),
        )
        for n in lengths
    ]
    return collate(rows, pad_id=3)


def their_loss(model, batch):
    """By transformers' own forward of the padded rows, all logits, and torch's cross-entropy."""
    logits = model(input_ids=batch.input_ids).logits.flatten(0, 1)
    picked = logits[batch.target_rows]
    wide = torch.promote_types(picked.dtype, torch.float32)
    return cross_entropy(picked.to(wide), batch.targets["labels"], reduction="sum")


def gradients(model, loss):
    model.zero_grad()
    loss.backward()
    return {n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None}


def assert_alike(ours, theirs, close=1e-5):
    """Each gradient is as far away as that share of its own length, at most.

    Of a hundredth of all gradients' length, where its own is less: it is what they cancel to.
    """
    assert ours.keys() == theirs.keys()
    least = 0.01 * torch.stack([gradient.norm() for gradient in theirs.values()]).norm()
    for name, gradient in theirs.items():
        distance = float((ours[name] - gradient).norm() / gradient.norm().clamp_min(float(least)))
        assert distance < close, name
