"""Keys: 64-bit hashes that stand for texts, so that millions of rows can be compared in memory.

Among a million rows the chance that any two different texts share a key is below one in ten
million.
"""

from __future__ import annotations

from hashlib import blake2b

import numpy as np

KEY_BYTES = 8
NO_KEY = b"\0" * KEY_BYTES
MIX = np.uint64(0x9E3779B97F4A7C15)
"""An odd constant; hashes are multiplied with it modulo 2**64."""


def key_of(data: bytes) -> bytes:
    """The key of a text in UTF-8, [8] bytes."""
    return blake2b(data, digest_size=KEY_BYTES).digest()


def text_key(text: str) -> bytes:
    """The key of a text, [8] bytes."""
    return key_of(text.encode("utf-8", "surrogatepass"))


def keys(memory: bytes | bytearray) -> np.ndarray:
    """Keys that were written one behind the other, [N] uint64."""
    return np.frombuffer(bytes(memory), "<u8")


def pair_keys(prompts: np.ndarray, answers: np.ndarray) -> np.ndarray:
    """Keys of prompt and answer together, [N] uint64."""
    return prompts * MIX + answers


def repeats(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Rows whose key stands further up.

    Args:
        values: [N] uint64.

    Returns:
        Those rows in order, and for each the first row with its key.
    """
    _, first, inverse = np.unique(values, return_index=True, return_inverse=True)
    origin = first[inverse]
    again = np.flatnonzero(origin != np.arange(len(values)))
    return again, origin[again]
