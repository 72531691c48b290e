"""Words: exact byte-pair encoding of SentencePiece-like tokenizers, word by word, remembered.

The tokenizers of Llama 2 and its kin turn spaces into ``▁`` and then merge pairs over the whole
text. No token of such a vocabulary holds a ``▁`` behind another character, so no merge ever joins
the end of one word with the space before the next: the ids of a text are those of its words in a
row. Words repeat, so each is encoded once and then looked up, several times faster than encoding
the text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from itertools import chain
from typing import Any, Literal

from tokenizers import Tokenizer as FastTokenizer

SPACE = "▁"
WORD = re.compile(f"{SPACE}*[^{SPACE}]+|{SPACE}+")
Lead = Literal["always", "once", "never"]
"""When a text gets a space before it; ``once``: unless it begins with one."""
MOST_WORDS = 500_000
"""Words remembered before all are forgotten; about 100 MB."""
PROBES = ("x", " x", "a  b c", "a\nb \n\n c", "▁a", "é 日本語 🙂‍↔️", "\t.\u2028 x", "</s> [INST]x")


class Words(dict[str, list[int]]):
    """Ids by word; an unknown word is encoded when it is asked for."""

    def __init__(self, fast: FastTokenizer, lead: Lead) -> None:
        super().__init__()
        self._model: Any = fast.model
        self._lead = lead

    def __missing__(self, word: str) -> list[int]:
        if len(self) >= MOST_WORDS:
            self.clear()
        ids = self[word] = [token.id for token in self._model.tokenize(word)]
        return ids

    def encode(self, text: str, *, continues: bool) -> list[int]:
        """Ids of a text.

        Args:
            text: not empty.
            continues: it goes on after other text, so no space is put before it.
        """
        written = text.replace(" ", SPACE)
        if not continues and (
            self._lead == "always" or (self._lead == "once" and not written.startswith(SPACE))
        ):
            written = SPACE + written
        return list(chain.from_iterable(map(self.__getitem__, WORD.findall(written))))


def words_of(fast: FastTokenizer) -> Words | None:
    """The word-by-word encoder of a tokenizer, or None where words could not stand alone.

    Args:
        fast: must take special tokens in text as text.
    """
    parts: dict[str, Any] = json.loads(fast.to_str())
    lead = _lead(parts["normalizer"], parts["pre_tokenizer"])
    if lead is None or not _stands_alone(parts["model"], parts["added_tokens"]):
        return None
    words = Words(fast, lead)
    for probe in PROBES:
        if words.encode(probe, continues=False) != fast.encode(probe, add_special_tokens=False).ids:
            return None
    return words


def _lead(normalizer: Any, pre_tokenizer: Any) -> Lead | None:
    """When a space is put before a text; None: the text is changed in some other way."""
    replaces = {"type": "Replace", "pattern": {"String": " "}, "content": SPACE}
    if pre_tokenizer is None and normalizer is not None:
        steps = normalizer.get("normalizers", [normalizer])
        if steps == [{"type": "Prepend", "prepend": SPACE}, replaces]:
            return "always"
        return "never" if steps == [replaces] else None
    if normalizer is None and pre_tokenizer is not None:
        if pre_tokenizer.get("type") != "Metaspace" or pre_tokenizer.get("split", True):
            return None
        return "never" if pre_tokenizer.get("prepend_scheme") == "never" else "once"
    return None


def _stands_alone(model: dict[str, Any], added: Iterable[dict[str, Any]]) -> bool:
    """Whether no merge crosses from a word to the next, and nothing else joins words."""
    vocabulary: dict[str, int] = model.get("vocab", {}) if model.get("type") == "BPE" else {}
    return (
        bool(vocabulary)
        and model.get("byte_fallback") is True
        and not model.get("dropout")
        and not model.get("continuing_subword_prefix")
        and not model.get("end_of_word_suffix")
        and all(f"<0x{byte:02X}>" in vocabulary for byte in range(256))
        and not any(SPACE in token.lstrip(SPACE) for token in vocabulary)
        and all(token["special"] for token in added)
    )
