"""Tokenizers of the families that templates are made for."""

from __future__ import annotations

import base64
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tokenizers import AddedToken, Regex, decoders, models, pre_tokenizers
from tokenizers import Tokenizer as FastTokenizer

from tunesmith.core.bundled import BUNDLED
from tunesmith.templates.tokenizer import Tokenizer

LLAMA3_WORDS = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)
LLAMA3_SPECIALS = {
    0: "<|begin_of_text|>",
    1: "<|end_of_text|>",
    4: "<|finetune_right_pad_id|>",
    6: "<|start_header_id|>",
    7: "<|end_header_id|>",
    8: "<|eom_id|>",
    9: "<|eot_id|>",
    10: "<|python_tag|>",
}
FURTHER = {
    "chatml": ("<|im_start|>", "<|im_end|>"),
    "marks": (
        "<|im_start|>", "<|im_end|>", "<|im_sep|>", "<start_of_turn>", "<end_of_turn>", "<eos>",
        "<|end|>", "<|user|>", "<|assistant|>", "<|system|>", "<|observation|>", "[gMASK]", "<sop>",
        "<|eos|>", "<|end_of_text|>", "<|end_of_sentence|>", "<｜hy_place▁holder▁no▁2｜>",
        "<|tool|>", "<|/tool|>", "[INST]", "[/INST]", "[TOOL_CALLS]", "<think>", "</think>",
        "<tool_call>", "</tool_call>", "<｜User｜>", "<｜Assistant｜>",
    ),
    "gemma": ("<start_of_turn>", "<end_of_turn>"),
    "mistral": (
        "[INST]",
        "[/INST]",
        "[TOOL_CALLS]",
        "[AVAILABLE_TOOLS]",
        "[/AVAILABLE_TOOLS]",
        "[TOOL_RESULTS]",
        "[/TOOL_RESULTS]",
    ),
}  # fmt: skip
ORDINARY = {"<think>", "</think>", "<tool_call>", "</tool_call>", "<｜User｜>", "<｜Assistant｜>"}
"""Tokens that are added to a vocabulary and not special: they are found in any text."""
CHAT_TEMPLATES = Path(__file__).parent / "chat_templates"
Folders = Callable[[str], Path]
Tokenizers = Callable[[str], Tokenizer]


def byte_letters() -> list[str]:
    """The printable letter that byte-level tokenizers write for each byte."""
    printable = [*range(33, 127), *range(161, 173), *range(174, 256)]
    others = iter(range(256, 512))
    return [chr(byte if byte in printable else next(others)) for byte in range(256)]


def llama3_from_ranks(file: Path) -> FastTokenizer:
    """Meta's file of ranks as a fast tokenizer; a token merges from every pair that makes it."""
    ranks = {}
    for line in file.read_bytes().splitlines():
        token, rank = line.split()
        ranks[base64.b64decode(token)] = int(rank)
    letters = byte_letters()
    written = {token: "".join(letters[byte] for byte in token) for token in ranks}
    merges: list[tuple[str, str]] = []
    for token in ranks:
        splits = ((token[:i], token[i:]) for i in range(1, len(token)))
        pairs = [pair for pair in splits if pair[0] in ranks and pair[1] in ranks]
        pairs.sort(key=lambda pair: (ranks[pair[0]], ranks[pair[1]]))
        merges += [(written[left], written[right]) for left, right in pairs]
    vocabulary = {written[token]: rank for token, rank in ranks.items()}
    fast = FastTokenizer(models.BPE(vocab=vocabulary, merges=merges, ignore_merges=True))
    fast.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(LLAMA3_WORDS), "isolated"),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    fast.decoder = decoders.ByteLevel()
    names = [LLAMA3_SPECIALS.get(i, f"<|reserved_special_token_{i}|>") for i in range(256)]
    fast.add_special_tokens([AddedToken(name, normalized=False) for name in names])
    return fast


def save(fast: FastTokenizer, folder: Path, *, bos: str | None, eos: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    fast.save(str(folder / "tokenizer.json"))
    config = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": bos, "eos_token": eos}
    (folder / "tokenizer_config.json").write_text(json.dumps(config))


def with_tokens(folder: Path, source: Path, tokens: tuple[str, ...]) -> None:
    """A copy of a tokenizer folder with further special tokens."""
    shutil.copytree(source, folder, ignore=shutil.ignore_patterns("*.model"))
    fast = FastTokenizer.from_file(str(folder / "tokenizer.json"))
    for token in tokens:
        add = fast.add_tokens if token in ORDINARY else fast.add_special_tokens
        add([AddedToken(token, normalized=False)])
    fast.save(str(folder / "tokenizer.json"))


@pytest.fixture(scope="session")
def tokenizer_folder(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Folders:
    """Folders by name: ``llama-2``, with further tokens ``llama-2+mistral``, with a chat template
    ``llama-2+mistral+mistral-v3.jinja``.
    """
    root = tmp_path_factory.mktemp("tokenizers")

    def folder(name: str) -> Path:
        made = root / name
        if made.is_dir():
            return made
        source, _, addition = name.rpartition("+")
        if addition.endswith(".jinja"):
            shutil.copytree(folder(source), made, ignore=shutil.ignore_patterns("*.model"))
            shutil.copy(CHAT_TEMPLATES / addition, made / "chat_template.jinja")
        elif source:
            with_tokens(made, folder(source), FURTHER[addition])
        elif name == "tiny":
            return BUNDLED["tunesmith-tiny"]
        elif name == "llama-2":
            return request.getfixturevalue("shared") / "tokenizers/llama-2-hf"
        elif name == "llama-3":
            shared = request.getfixturevalue("shared")
            fast = llama3_from_ranks(shared / "tokenizers/llama-3/tokenizer.model")
            save(fast, made, bos="<|begin_of_text|>", eos="<|eot_id|>")
        else:
            raise ValueError(f"no tokenizer is called {name!r}")
        return made

    return folder


@pytest.fixture(scope="session")
def tokenizer_of(tokenizer_folder: Folders) -> Tokenizers:
    made: dict[str, Tokenizer] = {}

    def tokenizer(name: str) -> Tokenizer:
        if name not in made:
            made[name] = Tokenizer.from_folder(tokenizer_folder(name))
        return made[name]

    return tokenizer
