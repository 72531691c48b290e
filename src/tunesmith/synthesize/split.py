"""Split: documents for training and documents for evaluation, before anything is made of them.

Documents that are nearly the same, or of which one holds half of another, go to one side together.
What still stands on both sides word for word (a disclaimer, an address) is left out of evaluation.
Of every document a signature and the keys of its paragraphs are kept, not its text.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from itertools import combinations

import numpy as np

from tunesmith.checks.clusters import cluster
from tunesmith.checks.keys import text_key
from tunesmith.checks.minhash import N_BINS, signatures
from tunesmith.synthesize.chunks import Chunk
from tunesmith.synthesize.documents.block import ParsedDocument

LEAST_CHARS = 40
"""Of a paragraph, without white space: shorter ones stand in many documents."""
MOST_HOLDERS = 20
"""Documents that share a paragraph which still tells that they belong together."""
SHARED = 0.5
"""Of a document's text that stands in another one."""


@dataclass(frozen=True, slots=True)
class _Entry:
    sha256: str
    signature: bytes
    paragraphs: dict[bytes, int]
    """Key of a paragraph -> its characters."""
    chunk_keys: tuple[bytes, ...]
    chunk_paragraphs: tuple[tuple[bytes, ...], ...]
    n_chars: int


@dataclass(frozen=True, slots=True)
class SplitPlan:
    """Who is on which side."""

    evaluation: frozenset[str]
    """Hashes of the documents for evaluation; all others are for training."""
    shared: dict[str, frozenset[int]] = field(default_factory=dict[str, frozenset[int]])
    """Document for evaluation -> numbers of its chunks that stand in training too."""
    n_groups: int = 0
    """Documents that belong together count as one."""

    def split_of(self, sha256: str, chunk: int) -> str | None:
        """``train``, ``eval``, or None for a chunk that is left out."""
        if sha256 not in self.evaluation:
            return "train"
        return None if chunk in self.shared.get(sha256, frozenset()) else "eval"


class DocumentSplit:
    """Takes documents one after another, then parts them."""

    def __init__(self) -> None:
        self._entries: list[_Entry] = []

    def add(self, document: ParsedDocument, chunks: Sequence[Chunk]) -> None:
        """Keeps what is needed of a document."""
        squeezed = _squeezed(document.text).encode("utf-8", "surrogatepass")
        data = np.frombuffer(squeezed, np.uint8)
        made = signatures(data, np.array([0]), np.array([len(data)]))
        keys = [_paragraph_key(document.text_of(block)) for block in document.blocks]
        paragraphs = {
            key: block.end - block.start
            for key, block in zip(keys, document.blocks, strict=True)
            if key is not None and not block.junk
        }
        self._entries.append(
            _Entry(
                document.sha256,
                made.tobytes(),
                paragraphs,
                tuple(text_key(_squeezed(chunk.text_in(document))) for chunk in chunks),
                tuple(
                    tuple(key for number in chunk.blocks if (key := keys[number]) is not None)
                    for chunk in chunks
                ),
                len(document.text),
            )
        )

    def plan(
        self, eval_fraction: float, *, seed: int = 0, kept: Mapping[str, str] | None = None
    ) -> SplitPlan:
        """Parts the documents.

        Args:
            eval_fraction: of all characters that evaluation is to have, about.
            seed: which documents are drawn; the order they were added in does not matter.
            kept: documents whose side is known, ``train`` or ``eval``, by their hash: they stay
                there, so that one more document moves no other. Of documents that belong together
                one in training takes the others with it.

        Returns:
            Nothing for evaluation where the fraction is 0 or all documents belong together.
        """
        groups = self._groups()
        sizes = [sum(self._entries[n].n_chars for n in group) for group in groups]
        order = sorted(range(len(groups)), key=lambda g: self._draw(groups[g], seed))
        wanted = eval_fraction * sum(sizes)
        sides = [self._side(group, kept) if kept else None for group in groups]
        chosen = [group for group, side in enumerate(sides) if side == "eval" and wanted]
        taken = sum(sizes[group] for group in chosen)
        free = [group for group in order if sides[group] is None]
        if "train" not in sides:  # one always stays for training
            if kept and not free:
                return self.plan(eval_fraction, seed=seed)
            free = free[:-1]
        for group in free:
            if taken < wanted and taken + sizes[group] <= max(1.5 * wanted, 1):
                chosen.append(group)
                taken += sizes[group]
        if wanted and not chosen and free and len(groups) > 1:
            chosen = [min(free, key=lambda g: sizes[g])]
        members = {n for group in chosen for n in groups[group]}
        evaluation = frozenset(self._entries[n].sha256 for n in members)
        return SplitPlan(evaluation, self._shared(members), len(groups))

    def _side(self, group: Sequence[int], kept: Mapping[str, str]) -> str | None:
        sides = {kept.get(self._entries[n].sha256) for n in group} - {None}
        return None if not sides else "train" if "train" in sides else "eval"

    def _draw(self, group: Sequence[int], seed: int) -> bytes:
        first = min(self._entries[n].sha256 for n in group)
        return blake2b(f"{seed}:{first}".encode(), digest_size=8).digest()

    def _groups(self) -> list[list[int]]:
        """Numbers of documents that belong together."""
        if not self._entries:
            return []
        made = np.frombuffer(b"".join(e.signature for e in self._entries), np.uint16)
        parent = cluster(made.reshape(-1, N_BINS)).tolist()

        def root(n: int) -> int:
            while parent[n] != n:
                parent[n] = parent[parent[n]]
                n = parent[n]
            return n

        for a, b in self._overlapping():
            low, high = sorted((root(a), root(b)))
            parent[high] = low
        groups: dict[int, list[int]] = {}
        for n in range(len(self._entries)):
            groups.setdefault(root(n), []).append(n)
        return [*groups.values()]

    def _overlapping(self) -> list[tuple[int, int]]:
        """Pairs of which one holds half of the other's text."""
        holders: dict[bytes, list[int]] = {}
        for n, entry in enumerate(self._entries):
            for key in entry.paragraphs:
                holders.setdefault(key, []).append(n)
        common: Counter[tuple[int, int]] = Counter()
        for key, numbers in holders.items():
            if 1 < len(numbers) <= MOST_HOLDERS:
                for pair in combinations(numbers, 2):
                    common[pair] += self._entries[pair[0]].paragraphs[key]
        sizes = [sum(entry.paragraphs.values()) for entry in self._entries]
        return [
            (a, b)
            for (a, b), n_chars in common.items()
            if n_chars >= SHARED * min(sizes[a], sizes[b])
        ]

    def _shared(self, members: set[int]) -> dict[str, frozenset[int]]:
        """Chunks for evaluation that stand in training, as a whole or in any paragraph."""
        train = [entry for n, entry in enumerate(self._entries) if n not in members]
        chunk_keys = {key for entry in train for key in entry.chunk_keys}
        paragraphs = {key for entry in train for key in entry.paragraphs}
        shared: dict[str, frozenset[int]] = {}
        for n in sorted(members):
            entry = self._entries[n]
            numbers = frozenset(
                number
                for number, (key, inside) in enumerate(
                    zip(entry.chunk_keys, entry.chunk_paragraphs, strict=True)
                )
                if key in chunk_keys or not paragraphs.isdisjoint(inside)
            )
            if numbers:
                shared[entry.sha256] = numbers
        return shared


def _squeezed(text: str) -> str:
    """A text without white space and case, so that its setting does not matter."""
    return "".join(text.split()).casefold()


def _paragraph_key(text: str) -> bytes | None:
    squeezed = _squeezed(text)
    return text_key(squeezed) if len(squeezed) >= LEAST_CHARS else None
