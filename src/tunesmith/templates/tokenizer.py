"""Tokenizer: a model folder's own tokenizer, with text always encoded as text."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import numpy as np
from tokenizers import Tokenizer as FastTokenizer

from tunesmith.core.errors import ModelError
from tunesmith.core.extras import require
from tunesmith.templates.words import Words, words_of

Before = Literal["nothing", "special", "text"]
PROBE = "x"
NO_IDS = np.zeros(0, np.int32)
SENTINEL = "\n"
"""Put before an answer to encode it as a continuation; tokenizers keep it a token of its own."""


class Tokenizer:
    """Encodes text and special tokens apart, so that no text can pose as a special token.

    Attributes:
        source: folder it was read from.
        bos: text of the token that begins a sequence; None where the model uses none.
        eos: text of the token that ends an answer.
        pad: text of the token that other libraries fill rows up with; None: it names none.
        chat_template: the Jinja source in the folder, or None.
    """

    def __init__(self, fast: FastTokenizer, config: dict[str, Any], source: Path) -> None:
        self.fast = fast
        self.fast.no_padding()
        self.fast.no_truncation()
        self.fast.encode_special_tokens = True
        self.source = source
        self.bos: str | None = _token(config.get("bos_token"))
        eos = _token(config.get("eos_token"))
        if eos is None or self.id_of(eos) is None:
            raise ModelError(
                f"{source}: the tokenizer names no usable end-of-sequence token ({eos!r}), so a "
                "model could never learn to stop. Set eos_token in tokenizer_config.json."
            )
        self.eos: str = eos
        self.pad: str | None = _token(config.get("pad_token"))
        self.chat_template: str | None = _chat_template(config, source)

    @classmethod
    def from_folder(cls, folder: Path) -> Tokenizer:
        """Reads ``tokenizer.json`` and ``tokenizer_config.json``.

        Raises:
            ModelError: the files are missing or damaged; gives the library's own reason.
        """
        file = folder / "tokenizer.json"
        if file.is_file():
            try:
                fast = FastTokenizer.from_file(str(file))
            except Exception as error:  # the library raises bare Exception
                raise ModelError(
                    f"{file}: the tokenizer is damaged: {error}. Take a fresh copy from where "
                    "the model comes from."
                ) from None
        elif (folder / "tokenizer.model").is_file():
            fast = _converted(folder)
        else:
            raise ModelError(
                f"{folder}: no tokenizer here (tokenizer.json or tokenizer.model). Copy it from "
                "where the model comes from."
            )
        config: dict[str, Any] = {}
        for name in ("special_tokens_map.json", "tokenizer_config.json"):
            if (folder / name).is_file():
                try:
                    config |= json.loads((folder / name).read_text("utf-8"))
                except ValueError as error:
                    raise ModelError(f"{folder / name}: broken JSON: {error}.") from None
        _require_added_tokens(fast, config, folder)
        return cls(fast, config, folder)

    def __len__(self) -> int:
        return self.fast.get_vocab_size(with_added_tokens=True)

    def id_of(self, token: str) -> int | None:
        """The id of a special token; None where there is no such token."""
        return self.fast.token_to_id(token)

    @property
    def eos_id(self) -> int:
        """Id of the end-of-sequence token."""
        token_id = self.id_of(self.eos)
        assert token_id is not None
        return token_id

    @property
    def pad_id(self) -> int:
        """Id to fill rows with; padding is masked everywhere, so any id serves."""
        return self.eos_id

    @property
    def declared_pad_id(self) -> int:
        """Id of the token that other libraries fill rows up with, by the tokenizer's files."""
        token_id = None if self.pad is None else self.id_of(self.pad)
        return self.pad_id if token_id is None else token_id

    def encode(self, text: str, *, after: Before = "nothing") -> list[int]:
        """Encodes plain text, without special tokens around it.

        Args:
            text: any text; what looks like a special token in it stays text.
            after: what stands before it. Some tokenizers (Llama 2's) put a space before every text
                that does not go on after other text.
        """
        return self.encode_many([(text, after)])[0].tolist()

    def encode_many(self, texts: Sequence[tuple[str, Before]]) -> list[np.ndarray]:
        """Encodes many plain texts, each with what stands before it; see :meth:`encode`.

        Returns:
            For each text its ids, [T] int32.

        Fastest where the tokenizer's words stand alone; else all texts go to the library at once,
        which uses every core.
        """
        if self._words is not None:
            return self._encode_words(self._words, texts)
        return self._encode_whole(texts)

    def _encode_words(self, words: Words, texts: Sequence[tuple[str, Before]]) -> list[np.ndarray]:
        continues = {"nothing": False, "text": True, "special": self._special_continues}
        return [
            words.encode(text, continues=continues[after]) if text else NO_IDS
            for text, after in texts
        ]

    def _encode_whole(self, texts: Sequence[tuple[str, Before]]) -> list[np.ndarray]:
        """Encodes each text as a whole, all those with the same kind of neighbour at once."""
        encoded = [NO_IDS] * len(texts)
        kinds: dict[Before, list[int]] = {}
        for place, (text, after) in enumerate(texts):
            if text:
                kinds.setdefault(self._kind(text, after), []).append(place)
        for kind, places in kinds.items():
            found = self._encode_alike([texts[place][0] for place in places], kind)
            for place, ids in zip(places, found, strict=True):
                encoded[place] = np.asarray(ids, np.int32)
        return encoded

    def _kind(self, text: str, after: Before) -> Before:
        """How a text has to be encoded, which is simpler than what stands before it."""
        if after == "special":
            return (
                "special" if self._specials_escape and not self._holds_special(text) else "nothing"
            )
        return "text" if after == "text" and self._adds_space else "nothing"

    def _encode_alike(self, texts: list[str], kind: Before) -> list[list[int]]:
        if kind == "nothing":
            return self._batch(texts)
        if kind == "special":  # as the library itself encodes what stands behind one
            behind = [self.eos + text for text in texts]
            found = self._reads_specials.encode_batch_fast(behind, add_special_tokens=False)
            return [encoding.ids[1:] for encoding in found]
        lead = self._sentinel_ids
        found = self._batch([SENTINEL + text for text in texts])
        return [
            ids[len(lead) :] if ids[: len(lead)] == lead else self._batch([text])[0]
            for text, ids in zip(texts, found, strict=True)
        ]

    def _batch(self, texts: list[str]) -> list[list[int]]:
        return [e.ids for e in self.fast.encode_batch_fast(texts, add_special_tokens=False)]

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Character offsets of each token of ``encode(text)``."""
        return self.fast.encode(text, add_special_tokens=False).offsets

    def encode_with_spans(self, texts: Sequence[str]) -> list[tuple[np.ndarray, np.ndarray]]:
        """Encodes texts, each with the place that every token has in it.

        Returns:
            For each text its ids, [T] int32, as :meth:`encode` gives them, and the characters
            ``[t, 0]`` to ``[t, 1]`` of token t in Unicode code points, [T, 2] int32. Several tokens
            that spell one character all have that character's place; a token that begins with a
            space has the space's too.
        """
        found = self.fast.encode_batch(list(texts), add_special_tokens=False)
        return [
            (np.asarray(e.ids, np.int32), np.asarray(e.offsets, np.int32).reshape(-1, 2))
            for e in found
        ]

    def decode(self, ids: Sequence[int], *, continues: bool = False, special: bool = False) -> str:
        """Text of token ids.

        Args:
            ids: the tokens.
            continues: they follow other tokens, so a space at their start is real.
            special: special tokens are shown.
        """
        if len(ids) == 0:
            return ""
        ids = [int(token) for token in ids]
        if not continues or not self._adds_space:
            return self.fast.decode(ids, skip_special_tokens=not special)
        text = self.fast.decode([*self._sentinel_ids, *ids], skip_special_tokens=not special)
        return text[text.find(SENTINEL) + len(SENTINEL) :]

    @cached_property
    def _words(self) -> Words | None:
        return words_of(self.fast)

    @cached_property
    def _special_continues(self) -> bool:
        """Whether text behind a special token is encoded as text that goes on."""
        behind, alone = (
            self._encode_alike([PROBE], kind)[0]
            for kind in (self._kind(PROBE, "special"), "nothing")
        )
        return behind != alone

    @cached_property
    def _sentinel_ids(self) -> list[int]:
        return self.fast.encode(SENTINEL, add_special_tokens=False).ids

    @cached_property
    def _adds_space(self) -> bool:
        both = self.fast.encode(SENTINEL + "x", add_special_tokens=False).ids
        alone = self.fast.encode("x", add_special_tokens=False).ids
        return both[len(self._sentinel_ids) :] != alone

    def _holds_special(self, text: str) -> bool:
        return any(token in text for token in self._special_texts)

    @cached_property
    def _special_texts(self) -> list[str]:
        added = self.fast.get_added_tokens_decoder().values()
        return [token.content for token in added if token.special]

    @cached_property
    def _reads_specials(self) -> FastTokenizer:
        """The same tokenizer, but taking special tokens in a text as such."""
        return FastTokenizer.from_str(self.fast.to_str())

    @cached_property
    def _specials_escape(self) -> bool:
        """Whether the special tokens escape the normalizer.

        Where they do not (files converted from SentencePiece with ``normalized: true``), what the
        library makes of text behind one is an accident; SentencePiece encodes every text anew.
        """
        tokens = self._reads_specials.encode(self.eos + "x", add_special_tokens=False).tokens
        return tokens[0] == self.eos

    @cached_property
    def fingerprint(self) -> str:
        """A hash over vocabulary, merges, special tokens and chat template."""
        content = f"{self.fast.to_str()}\x1f{self.bos}\x1f{self.eos}\x1f{self.chat_template}"
        return hashlib.sha256(content.encode()).hexdigest()


def holds_tokenizer(folder: Path) -> bool:
    """Whether a folder has the files of a tokenizer."""
    return any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model"))


def _require_added_tokens(fast: FastTokenizer, config: dict[str, Any], folder: Path) -> None:
    declared = config.get("added_tokens_decoder")
    tokens = [_token(value) for value in declared.values()] if isinstance(declared, dict) else []
    missing = [token for token in tokens if token and fast.token_to_id(token) is None]
    if missing:
        raise ModelError(
            f"{folder}: tokenizer_config.json names the added token {missing[0]!r} "
            f"({len(missing)} in all), which tokenizer.json does not have: it was saved before "
            "they were added. Save the tokenizer again beside the model."
        )


def _token(value: Any) -> str | None:
    if isinstance(value, dict):
        value = value.get("content")
    return value if isinstance(value, str) and value else None


def _chat_template(config: dict[str, Any], folder: Path) -> str | None:
    file = folder / "chat_template.jinja"
    if file.is_file():
        return file.read_text("utf-8")
    value = config.get("chat_template")
    if isinstance(value, list):  # several named ones
        value = next((t["template"] for t in value if t.get("name") == "default"), None)
    return value if isinstance(value, str) else None


def _converted(folder: Path) -> FastTokenizer:
    """Builds the fast form of a SentencePiece model with the library that knows how."""
    transformers = require("transformers", extra="train", purpose=f"Reading {folder}")
    try:
        slow = transformers.AutoTokenizer.from_pretrained(
            str(folder), trust_remote_code=False, local_files_only=True
        )
        return slow.backend_tokenizer
    except Exception as error:  # any of the library's own kinds
        raise ModelError(
            f"{folder / 'tokenizer.model'}: cannot be converted: {error}. Save tokenizer.json "
            "beside it."
        ) from None
