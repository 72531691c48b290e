"""Dedupe: pairs that say again what another says, and train rows that give eval rows away.

The MinHash of :mod:`tunesmith.checks.minhash` takes windows of eight bytes and of these one in
four, which suits rows of a hundred bytes and more: a question of eight words with one of them
changed shares half of its windows or fewer. Here the hashes are of words, or Chinese characters,
each of them; candidates that agree in two of these are confirmed by what was kept of both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from tunesmith.checks.clusters import NOTHING, sharing
from tunesmith.checks.keys import KEY_BYTES, MIX, keys, pair_keys, text_key
from tunesmith.synthesize.gist import Gist, gist
from tunesmith.synthesize.grounding.fold import fold

MOST_QUESTION, MOST_ANSWER = 24, 32
"""Words kept of each: those with the least hashes, so the same ones of texts that are alike."""
N_BANDS = 8
ROWS = 2
"""Hashes that must agree in one band: of pairs with a similarity of 0.7 one in 200 is missed."""
TRAIN = "train"
SAME, CLOSE, NEAR = 0.9, 0.8, 0.55
FEW = 3
"""Words of an answer that many questions share: "Yes, it is.\""""
Confirm = Callable[[int, int], bool]


class Dedupe:
    """Takes pairs one by one, keeps at most 150 bytes of each and its id, judges at the end."""

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._is_train = bytearray()
        self._questions = bytearray()
        self._answers = bytearray()
        self._facts = bytearray()
        """Of the pair."""
        self._asked = bytearray()
        """Facts of the question alone."""
        self._words = bytearray()
        self._counts = bytearray()

    def __len__(self) -> int:
        return len(self._ids)

    def add(self, id: str, question: str, answer: str, split: str) -> None:
        """Takes a pair.

        Args:
            id: by which its fate is told.
            question: what is asked.
            answer: what is answered.
            split: ``train``, or any other name for what is held out.
        """
        asked, told = gist(question), gist(answer)
        self._ids.append(id)
        self._is_train.append(split == TRAIN)
        self._questions += text_key(fold(question).text)
        self._answers += text_key(fold(answer).text)
        self._asked += _facts_key(asked)
        self._facts += _facts_key(asked, told)
        for words, most in ((asked.words, MOST_QUESTION), (told.words, MOST_ANSWER)):
            kept = np.array(sorted(words)[:most], np.uint16)
            self._words += kept.tobytes()
            self._counts.append(len(kept))

    def drops(self) -> dict[str, str]:
        """Pairs to drop, with the reason, in the order in which they came.

        Of pairs that are the same or nearly so the first is kept, in train and among what is held
        out. A train pair is dropped if it asks what a held-out one asks, whichever came first.
        """
        return _Verdict(self).drops() if self._ids else {}


def _facts_key(*gists: Gist) -> bytes:
    return text_key("\n".join(sorted({fact for one in gists for fact in one.facts})))


class _Verdict:
    """The comparison of all pairs."""

    def __init__(self, rows: Dedupe) -> None:
        self.ids = rows._ids
        self.is_train = np.frombuffer(bytes(rows._is_train), np.uint8).astype(np.bool_)
        self.questions, self.answers = keys(rows._questions), keys(rows._answers)
        self.facts, self.asked = keys(rows._facts), keys(rows._asked)
        self.words = np.frombuffer(bytes(rows._words), np.uint16)
        counts = np.frombuffer(bytes(rows._counts), np.uint8).astype(np.int64)
        self.ends = np.cumsum(counts)
        self.starts = self.ends - counts
        assert len(self.questions) * KEY_BYTES == len(rows._questions)

    def drops(self) -> dict[str, str]:
        reasons: dict[int, str] = {}
        for row, other, how in self._given_away():
            reasons.setdefault(row, f"also held out: {how} {self.ids[other]}")
        for row, other in self._repeats(pair_keys(self.questions, self.answers), reasons):
            reasons.setdefault(row, f"duplicate: the same as {self.ids[other]}")
        for row, other in self._nearly(reasons):
            reasons.setdefault(row, f"duplicate: nearly the same as {self.ids[other]}")
        return {self.ids[row]: reasons[row] for row in sorted(reasons)}

    def _given_away(self) -> Iterator[tuple[int, int, str]]:
        """Train rows with the held-out row that they answer."""
        first: dict[int, int] = {}
        for row in np.flatnonzero(~self.is_train).tolist():
            first.setdefault(int(self.questions[row]), row)
        for row in np.flatnonzero(self.is_train).tolist():
            if (other := first.get(int(self.questions[row]))) is not None:
                yield row, other, "asks the same as"
        for question_alone, confirm in ((True, self._ask_alike), (False, self._are_alike)):
            for a, b in self._candidates(question_alone=question_alone, across=True):
                row, other = (a, b) if self.is_train[a] else (b, a)
                if confirm(row, other):
                    yield row, other, "asks nearly the same as"

    def _repeats(self, values: np.ndarray, gone: dict[int, str]) -> Iterator[tuple[int, int]]:
        first: dict[tuple[bool, int], int] = {}
        for row, value in enumerate(values.tolist()):
            if row in gone:
                continue
            kept = first.setdefault((bool(self.is_train[row]), value), row)
            if kept != row:
                yield row, kept

    def _nearly(self, reasons: dict[int, str]) -> Iterator[tuple[int, int]]:
        pairs = {
            (max(a, b), min(a, b)) for a, b in self._candidates(question_alone=False, across=False)
        }
        gone = set(reasons)
        for row, other in sorted(pairs):
            if row not in gone and other not in gone and self._are_alike(row, other):
                gone.add(row)
                yield row, other

    def _candidates(self, *, question_alone: bool, across: bool) -> Iterator[tuple[int, int]]:
        """Pairs that have the same facts and agree in a band of hashes."""
        facts = self.asked if question_alone else self.facts
        starts = self.starts[::2]
        ends = self.ends[::2] if question_alone else self.ends[1::2]
        side = self.is_train.astype(np.uint64) * np.uint64(not across)
        for band in range(N_BANDS):
            key = (facts + side) * MIX
            for row in range(ROWS):
                least = self._least(starts, ends, band * ROWS + row)
                key = (key ^ least) * MIX
            key[starts == ends] = NOTHING
            for a, b in sharing(key):
                if across:
                    apart = self.is_train[a] != self.is_train[b]
                    a, b = a[apart], b[apart]
                yield from zip(a.tolist(), b.tolist(), strict=True)

    def _least(self, starts: np.ndarray, ends: np.ndarray, number: int) -> np.ndarray:
        """The least of one hash function over the words of each stretch, [R] uint64."""
        mixed = (self.words.astype(np.uint64) + np.uint64(number * 65_537 + 1)) * MIX
        mixed ^= mixed >> np.uint64(29)
        mixed *= MIX
        mixed >>= np.uint64(32)
        least = np.zeros(len(starts), np.uint64)
        some = ends > starts
        if some.any():
            # Stretches follow each other, perhaps with others between, which are cut off by twos.
            bounds = np.stack([starts[some], ends[some]], 1).ravel()
            padded = np.append(mixed, np.uint64(0xFFFF_FFFF))
            least[some] = np.minimum.reduceat(padded, bounds)[::2]
        return least

    def _set(self, row: int, part: int) -> set[int]:
        place = 2 * row + part
        return set(self.words[self.starts[place] : self.ends[place]].tolist())

    def _ask_alike(self, a: int, b: int) -> bool:
        """Whether two questions are nearly the same, or a little less so and answered alike."""
        if self.asked[a] != self.asked[b]:
            return False
        asked = _similarity(self._set(a, 0), self._set(b, 0), MOST_QUESTION)
        told, other = self._set(a, 1), self._set(b, 1)
        fewest = min(len(told), len(other))
        is_within = fewest > 0 and len(told & other) >= SAME * fewest
        return asked >= CLOSE or (asked >= NEAR and is_within)

    def _are_alike(self, a: int, b: int) -> bool:
        """Whether two pairs say nearly the same."""
        if self.facts[a] != self.facts[b]:
            return False
        ask, other_ask = self._set(a, 0), self._set(b, 0)
        told, other = self._set(a, 1), self._set(b, 1)
        asked = _similarity(ask, other_ask, MOST_QUESTION)
        answered = _similarity(told, other, MOST_ANSWER)
        if asked >= SAME:
            return answered >= NEAR
        if answered >= SAME:
            return asked >= (NEAR if min(len(told), len(other)) >= FEW else 0.7)
        # Where one word was changed in both, they speak of another thing.
        is_other_thing = (ask ^ other_ask) & (told ^ other)
        return min(asked, answered) >= CLOSE and not is_other_thing


def _similarity(a: set[int], b: set[int], most: int) -> float:
    """Jaccard similarity, of sets of which the least ``most`` were kept."""
    union = sorted(a | b)[:most] if max(len(a), len(b)) >= most else a | b
    return len(a.intersection(b).intersection(union)) / len(union) if union else 1.0
