"""Two ways to write one configuration, and configurations that differ."""

from __future__ import annotations

import copy
import json

import pytest

pytest.importorskip("torch")
from transformers import LlamaConfig  # noqa: E402

from tunesmith.model.same_config import differences  # noqa: E402
from tunesmith.model.source import config_fingerprint  # noqa: E402

OLDER = {
    "model_type": "llama",
    "hidden_size": 64,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_hidden_layers": 2,
    "max_position_embeddings": 4096,
    "rope_theta": 5e5,
    "rope_scaling": {
        "rope_type": "llama3",
        "factor": 8.0,
        "low_freq_factor": 1.0,
        "high_freq_factor": 4.0,
        "original_max_position_embeddings": 2048,
    },
}


def saved_again(config, folder):
    LlamaConfig.from_dict(copy.deepcopy(config)).save_pretrained(folder)
    return json.loads((folder / "config.json").read_text())


def test_what_another_version_writes_of_the_same_model_is_the_same(tmp_path):
    newer = saved_again(OLDER, tmp_path)
    assert config_fingerprint(newer) != config_fingerprint(OLDER)
    assert not differences(OLDER, newer) and not differences(newer, OLDER)


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("pad_token_id", 7),
        ("bos_token_id", 7),
        ("eos_token_id", [7, 8]),
        ("architectures", ["LlamaModel"]),
        ("initializer_range", 0.5),
        ("use_cache", False),
        ("dtype", "bfloat16"),
        ("attention_bias", False),
        ("num_key_value_heads", 4),
    ],
)
def test_what_changes_no_state_is_no_difference(key, value):
    assert not differences(OLDER, {**OLDER, key: value})


@pytest.mark.parametrize(
    ("key", "value", "line"),
    [
        ("rope_theta", 1e4, "rope_parameters.rope_theta: 500000.0 -> 10000.0"),
        ("rms_norm_eps", 1e-3, "rms_norm_eps: 1e-06 -> 0.001"),
        ("num_attention_heads", 8, "num_attention_heads: 4 -> 8"),
        ("hidden_act", "gelu", "hidden_act: silu -> gelu"),
        ("never_heard_of", 3, "never_heard_of: None -> 3"),
    ],
)
def test_what_changes_states_is_named(key, value, line):
    assert line in differences(OLDER, {**OLDER, key: value})
    scaling = {**OLDER["rope_scaling"], "factor": 4.0}
    assert differences(OLDER, {**OLDER, "rope_scaling": scaling}) == [
        "rope_parameters.factor: 8.0 -> 4.0"
    ]


def test_what_transformers_does_not_know_is_compared_as_it_stands():
    unknown = {"model_type": "of my own", "width": 3, "pad_token_id": 1}
    assert not differences(unknown, {**unknown, "pad_token_id": None})
    assert differences(unknown, {**unknown, "width": 4}) == ["width: 3 -> 4"]
