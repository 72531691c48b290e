"""A copy of the real LLaMA-Factory folder, and a small model whose tokenizer has ChatML's marks."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from tokenizers import AddedToken
from tokenizers import Tokenizer as FastTokenizer

from tunesmith.core.bundled import BUNDLED

MARKS = ("<|im_start|>", "<|im_end|>")


@pytest.fixture
def whole(shared: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder: everything that LLaMA-Factory's own holds for text, unchanged."""
    place = tmp_path / "LLaMA-Factory"
    shutil.copytree(shared / "llamafactory", place)
    monkeypatch.chdir(place)
    return place


@pytest.fixture(scope="session")
def marked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama whose tokenizer has the tokens that Qwen's templates need."""
    torch = pytest.importorskip("torch")
    from transformers import LlamaConfig, LlamaForCausalLM

    folder = tmp_path_factory.mktemp("marked") / "llama"
    shutil.copytree(BUNDLED["tunesmith-tiny"], folder)
    for weights in folder.glob("*.safetensors"):
        weights.unlink()
    fast = FastTokenizer.from_file(str(folder / "tokenizer.json"))
    fast.add_special_tokens([AddedToken(mark, normalized=False) for mark in MARKS])
    fast.save(str(folder / "tokenizer.json"))
    torch.manual_seed(0)
    config = LlamaConfig(
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        vocab_size=fast.get_vocab_size(with_added_tokens=True),
        bos_token_id=1,
        eos_token_id=2,
    )
    LlamaForCausalLM(config).save_pretrained(folder)
    return folder
