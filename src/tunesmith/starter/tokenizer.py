"""Tokenizer: a byte-pair vocabulary learnt from the corpus, laid out as Llama's is.

Ids 0 to 3 are ``<unk>``, ``<s>``, ``</s>`` and ``<pad>``, then the 256 bytes for whatever the
vocabulary lacks, then pieces. Every digit is a token of its own, so that unseen codes and amounts
are spelt with seen tokens; punctuation stands alone, and no
piece crosses a word or a line.
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

SPECIAL = ("<unk>", "<s>", "</s>", "<pad>")
BYTES = tuple(f"<0x{byte:02X}>" for byte in range(256))
CHAT_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'assistant' %}{{ message['content'] }}{{ eos_token }}"
    "{% else %}{% if not loop.first %}{{ '\n\n' }}{% endif %}"
    "{{ '### ' + message['role'] + ':\n' + message['content'] }}"
    "{% if message['role'] == 'user' %}{{ '\n\n### assistant:\n' }}{% endif %}"
    "{% endif %}{% endfor %}"
)


def learn_tokenizer(texts: Iterable[str], *, vocabulary: int) -> dict[str, Any]:
    """Learns byte-pair merges.

    Args:
        texts: what to learn from.
        vocabulary: number of tokens in all.

    Returns:
        The content of ``tokenizer.json``.
    """
    tokenizer = Tokenizer(models.BPE())
    # A word gets the same tokens at the start of a line as within one, so that it can be copied.
    tokenizer.normalizer = normalizers.Replace(Regex(r"\n(?=[^\n])"), "\n ")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Metaspace(prepend_scheme="first"),
            pre_tokenizers.Split(Regex(r"[^\w\s▁]|\n"), "isolated"),
            pre_tokenizers.Digits(individual_digits=True),
        ]
    )
    tokenizer.decoder = decoders.Sequence(
        [
            decoders.Replace("▁", " "),
            decoders.ByteFallback(),
            decoders.Fuse(),
            decoders.Replace("\n ", "\n"),
            decoders.Strip(" ", 1, 0),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=vocabulary - len(SPECIAL) - len(BYTES),
        initial_alphabet=[c for c in string.printable if c.isprintable()] + ["\n", "▁"],
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    content: dict[str, Any] = json.loads(tokenizer.to_str())
    learnt = sorted(content["model"]["vocab"].items(), key=lambda item: item[1])
    pieces = [*SPECIAL, *BYTES, *(piece for piece, _ in learnt)]
    content["model"]["vocab"] = {piece: place for place, piece in enumerate(pieces)}
    content["model"] |= {"byte_fallback": True, "unk_token": "<unk>", "fuse_unk": True}
    content["added_tokens"] = [
        {
            "id": place,
            "content": token,
            "single_word": False,
            "lstrip": False,
            "rstrip": False,
            "normalized": False,
            "special": True,
        }
        for place, token in enumerate(SPECIAL)
    ]
    content["post_processor"] = {
        "type": "TemplateProcessing",
        "single": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
        ],
        "pair": [
            {"SpecialToken": {"id": "<s>", "type_id": 0}},
            {"Sequence": {"id": "A", "type_id": 0}},
            {"Sequence": {"id": "B", "type_id": 1}},
        ],
        "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}},
    }
    return content


def write_tokenizer(folder: Path, content: dict[str, Any], *, max_tokens: int) -> None:
    """Writes ``tokenizer.json`` and ``tokenizer_config.json``, as transformers reads them."""
    text = json.dumps(content, ensure_ascii=False, indent=1)
    (folder / "tokenizer.json").write_text(text + "\n", "utf-8")
    unk, bos, eos, pad = SPECIAL
    config = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "unk_token": unk,
        "bos_token": bos,
        "eos_token": eos,
        "pad_token": pad,
        "model_max_length": max_tokens,
        "clean_up_tokenization_spaces": False,
        "chat_template": CHAT_TEMPLATE,
    }
    (folder / "tokenizer_config.json").write_text(json.dumps(config, indent=2) + "\n", "utf-8")
