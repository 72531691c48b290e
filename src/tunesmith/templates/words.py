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
from typing import Any, Literal

import numpy as np
from tokenizers import Tokenizer as FastTokenizer

SPACE, LINE = "▁", "\n"
WORD = re.compile(f"{SPACE}*[^{SPACE}]+|{SPACE}+")
Lead = Literal["always", "once", "never"]
"""When a text gets a space before it; ``once``: unless it begins with one."""
MOST_WORDS = 200_000
"""Words remembered before all are forgotten; at most about 80 MB."""
LONGEST = 32
"""Characters of a word that is remembered; in Chinese, where nothing parts them, few come again."""
PROBES = ("x", " x", "a  b c", "a\nb \n\n c", "▁a", "é 日本語 🙂‍↔️", "\t.\u2028 x", "</s> [INST]x")


class Memory(dict[str, bytes]):
    """Ids by word, as int32 in bytes, which join fastest; unknown words are encoded when asked."""

    def __init__(self, fast: FastTokenizer, before: str) -> None:
        """Starts empty.

        Args:
            fast: its model encodes words.
            before: stands before every word that does not begin a line.
        """
        super().__init__()
        self._model: Any = fast.model
        self._before = before

    def __missing__(self, word: str) -> bytes:
        if len(self) >= MOST_WORDS:
            self.clear()
        written = word if word[:1] == LINE else self._before + word
        ids = [token.id for token in self._model.tokenize(written)]
        packed = np.asarray(ids, np.int32).tobytes()
        if len(word) <= LONGEST:
            self[word] = packed
        return packed


class Words:
    """Encodes texts word by word."""

    def __init__(self, fast: FastTokenizer, lead: Lead, *, parts_lines: bool) -> None:
        """Remembers nothing yet.

        Args:
            fast: the tokenizer whose words stand alone.
            lead: when a text gets a space before it.
            parts_lines: whether lines stand alone too, so that no word holds the end of one.
        """
        self.behind_space = Memory(fast, SPACE)
        self.as_written = Memory(fast, "")
        self._lead = lead
        self._parts_lines = parts_lines

    def encode(self, text: str, *, continues: bool) -> np.ndarray:
        """Ids of a text, [T] int32.

        Args:
            text: not empty.
            continues: it goes on after other text, so no space is put before it.
        """
        leads = not continues and (
            self._lead == "always" or (self._lead == "once" and text[0] not in (" ", SPACE))
        )
        spread = text.replace(LINE, " " + LINE) if self._parts_lines else text
        if "  " in spread or spread[0] == " " or spread[-1] == " " or SPACE in spread:
            # Several spaces in a row can be one token, so such a text is taken apart with care.
            written = (SPACE if leads else "") + text.replace(" ", SPACE)
            packed = b"".join(map(self.as_written.__getitem__, WORD.findall(written)))
        else:
            words = spread.split(" ")
            first = b"" if leads else self.as_written[words.pop(0)]
            packed = first + b"".join(map(self.behind_space.__getitem__, words))
        return np.frombuffer(packed, np.int32)


def words_of(fast: FastTokenizer) -> Words | None:
    """The word-by-word encoder of a tokenizer, or None where words could not stand alone.

    Args:
        fast: must take special tokens in text as text.
    """
    parts: dict[str, Any] = json.loads(fast.to_str())
    lead = _lead(parts["normalizer"], parts["pre_tokenizer"])
    if lead is None or not _stands_alone(parts["model"], parts["added_tokens"]):
        return None
    parts_lines = not any(LINE in token for token in parts["model"]["vocab"])
    words = Words(fast, lead, parts_lines=parts_lines)
    for probe in PROBES:
        whole = fast.encode(probe, add_special_tokens=False).ids
        if words.encode(probe, continues=False).tolist() != whole:
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
