"""Languages: which ones a sample of the rows is written in, by script and frequent words."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from heapq import heappush, heapreplace

import numpy as np

from tunesmith.checks.finding import Finding
from tunesmith.checks.keys import MIX
from tunesmith.checks.portion import Portion
from tunesmith.checks.rows import Rows

SAMPLE_ROWS = 2000
SAMPLE_BYTES = 400
"""Looked at of each sampled row, from the start of its prompt, and as much of its answer."""
LEAST_WORDS = 4
LEAST_FRACTION = 0.08
"""Of all words that must be among a language's frequent ones."""
UNKNOWN = "unknown"

SCRIPTS = {
    "ja": re.compile(r"[\u3040-\u30ff]"),
    "ko": re.compile(r"[\uac00-\ud7af\u1100-\u11ff]"),
    "zh": re.compile(r"[\u4e00-\u9fff\u3400-\u4dbf]"),
    "ru": re.compile(r"[\u0400-\u04ff]"),
    "ar": re.compile(r"[\u0600-\u06ff]"),
    "hi": re.compile(r"[\u0900-\u097f]"),
    "th": re.compile(r"[\u0e00-\u0e7f]"),
    "el": re.compile(r"[\u0370-\u03ff]"),
    "he": re.compile(r"[\u0590-\u05ff]"),
}
"""Letters by the language that is written with them most; a script can serve several."""
LATIN = re.compile(r"[A-Za-z\u00c0-\u024f]")
LATIN_WEIGHT = 3
"""Latin letters that say as much as one Chinese character or syllable."""
WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "en": "the and of to in is that it you for on with this are was have be not at from what",
        "de": "der die und das ist nicht ein eine zu mit den von sie auf für ich es dem auch wie",
        "fr": "le la les des et est une dans pour que qui pas sur avec vous du au ce il je nous",
        "es": "el la los las que de en y es una por con para del se su está como pero más no un",
        "it": "il di che è la non un una per sono con del della gli mi ho le si nel come anche",
        "pt": "o que não de um uma para com os em do da se por mais você é no na ao as são",
        "nl": "de het een en van ik te dat niet is zijn op voor met die er maar ook aan je naar",
        "pl": "w nie na się z że jest jak po co tak ale od czy dla są przez był była oraz tym",
        "sv": "och att det är en som på av för med inte den jag har till ett om var de så",
        "tr": "ve bir bu için da ne ile çok de mi ben daha gibi var ama olarak en kadar",
        "id": "yang dan di untuk dengan ini itu dari tidak akan pada saya ada ke juga adalah",
        "vi": "và của là không có được cho một trong người với các những để tôi đã này khi",
    }.items()
}
WORD = re.compile(r"[^\W\d_]+")


class Languages:
    """Keeps the texts of at most 2,000 rows: those with the least keys, so the same every time."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, str]] = []
        self._n_rows = 0

    def look(self, portion: Portion) -> None:
        """Takes rows in whose key is less than the largest taken so far."""
        self._n_rows += len(portion)
        keys = portion.keys * MIX
        full = len(self._heap) == SAMPLE_ROWS
        limit = np.uint64(-self._heap[0][0]) if full else np.uint64(2**64 - 1)
        for row in np.flatnonzero(keys <= limit).tolist():
            parts = (portion.prompts[row][:SAMPLE_BYTES], portion.answers[row][:SAMPLE_BYTES])
            entry = (-int(keys[row]), b" ".join(parts).decode("utf-8", "ignore"))
            if len(self._heap) < SAMPLE_ROWS:
                heappush(self._heap, entry)
            elif entry > self._heap[0]:
                heapreplace(self._heap, entry)

    def findings(self, rows: Rows) -> Iterator[Finding]:
        """Tells the share of each language in the sample."""
        if not self._heap:
            return
        counts = Counter(language_of(text) for _, text in self._heap)
        n = len(self._heap)
        shares = ", ".join(f"{name} {count / n:.1%}" for name, count in counts.most_common(8))
        sampled = f"of {n:,} sampled rows" if n < self._n_rows else f"of {n:,} rows"
        yield Finding(
            "languages", "info", n, f"languages {sampled}: {shares}", details=dict(counts)
        )


def language_of(text: str) -> str:
    """The language of a text as its two letters; ``unknown`` where little speaks for any."""
    if not text.isascii() and (script := _script_of(text)):
        return script
    words = WORD.findall(text.lower())
    scores = {name: sum(map(known.__contains__, words)) for name, known in WORDS.items()}
    best = max(scores, key=lambda name: scores[name])
    enough = scores[best] >= max(1, LEAST_FRACTION * len(words)) and len(words) >= LEAST_WORDS
    return best if enough else UNKNOWN


def _script_of(text: str) -> str:
    """The language whose letters outweigh the Latin ones; empty where none do."""
    letters = {name: len(pattern.findall(text)) for name, pattern in SCRIPTS.items()}
    if 10 * letters["ja"] < letters["zh"]:
        letters["ja"] = 0  # a Chinese text that quotes
    elif letters["ja"]:
        letters["ja"] += letters.pop("zh")
    script = max(letters, key=lambda name: letters[name])
    outweighs = letters[script] * LATIN_WEIGHT > len(LATIN.findall(text))
    return script if outweighs else ""
