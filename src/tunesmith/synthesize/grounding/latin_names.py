"""Names in Latin script: words with a capital, acronyms, codes, that no source has."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tunesmith.synthesize.grounding.common_words import is_common, plain_word
from tunesmith.synthesize.grounding.kin import has_kin, stem
from tunesmith.synthesize.grounding.locate import locate
from tunesmith.synthesize.grounding.units import unit_behind

WORD = re.compile(
    r"[^\W\d_](?:[^\W_]|['’](?=[^\W\d_])|(?<=\w)[-.&/_](?=\w))*(?:\+\+|(?<=\b[A-Z])#)?|--[\w-]+"
    r"|\d+[A-Za-z]\w*"
)
FIRST = re.compile(r"(?:^|[.!?。！？:：;；\n|•·*…]|\(|[-–—]\s|\d[.)])[\s\"'“‘”»«¿¡(\[#*_>`-]*$")
TITLES = frozenset(
    "mr mrs ms dr prof professor sir lady lord saint st president king queen prince princess "
    "captain general colonel judge minister chancellor pope bishop director chairman ceo article "
    "section chapter table figure part appendix no number sr sra señor señora don doña".split()
)
"""May stand before any name."""
ALWAYS = frozenset(
    "i i'm i'll i'd i've ok faq etc am pm ad bc bce ce q&a todo vs jan feb mar apr jun jul aug sep "
    "sept oct nov dec january february march april may june july august september october november "
    "december enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre "
    "diciembre".split()
)
"""Say nothing, or are judged as dates."""
ENDINGS = (
    "'s ’s ' ’ s es n an ian ans ians ese ish i is ic ist ism al ally en ns er ers ed d ing "
    "ly e a o as os "
).split()
FARTHEST = 8
"""Words that may stand between two words of a name in the source: "John and Mary Smith"."""


@dataclass(frozen=True, slots=True)
class Named:
    """A word or several that name something."""

    words: tuple[str, ...]
    start: int
    end: int
    is_first: bool
    """Whether it begins a sentence, where any word has a capital."""


class LatinNames:
    """Names of an answer that its sources do not hold."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.sources = sources
        self.positions: dict[str, list[int]] = {}
        self.lower: set[str] = set()
        at = 0
        for source in sources:
            for found in WORD.finditer(source):
                for part in {found[0], *re.split(r"[-/.&_'’]", found[0])}:
                    if part:
                        self.positions.setdefault(plain_word(part), []).append(at)
                        if part[0].islower():
                            self.lower.add(plain_word(part))
                at += 1
            at += 2 * FARTHEST
        self._stems = {stem(word) for word in self.positions}
        self._initials = _initials(sources)

    def missing(self, answer: str, *, is_english: bool) -> Iterator[str]:
        """Names in the answer that stand in no source.

        Args:
            answer: in NFKC.
            is_english: whether words at the beginning of a sentence can be told from names.
        """
        for name in _named(answer):
            unknown = [word for word in name.words if not self.holds(word)]
            if name.is_first and unknown == [name.words[0]]:
                first = name.words[0]
                if not is_code(first) and (is_common(first) or not is_english):
                    continue
            if not unknown:
                if self._is_put_together(name):
                    yield " ".join(name.words)
                continue
            phrase = answer[name.start : name.end]
            if self._is_abbreviated(name.words) or any(locate(phrase, s) for s in self.sources):
                continue
            if _is_title_case(answer, name) and all(
                is_common(word) and not is_code(word) for word in unknown
            ):
                continue
            yield " ".join(unknown) if len(unknown) < len(name.words) else phrase

    def holds(self, word: str) -> bool:
        """Whether a source has the word, in some form."""
        plain = plain_word(word)
        if plain in self.positions or plain in ALWAYS or plain in TITLES:
            return True
        if not is_code(word) and unit_behind(word, 0)[0]:
            return True  # Celsius; units are judged with their numbers
        if is_code(word) and any(char.isdigit() for char in word):
            return any(locate(word, source) for source in self.sources) or has_kin(
                plain, self.positions
            )
        if word.isupper() and len(word) > 1:
            bare = plain.removesuffix("s") if word.endswith("s") else plain
            return (
                bare in self._initials or bare in self.positions or has_kin(plain, self.positions)
            )
        parts = [part for part in re.split(r"[-/.&_'’]", word) if part]
        if len(parts) > 1:
            return all(len(part) < 2 or part[0].islower() or self.holds(part) for part in parts)
        return self._has_form(plain) or has_kin(plain, self.positions)

    def _has_form(self, plain: str) -> bool:
        if stem(plain) in self._stems:
            return True
        for ending in ENDINGS:
            if len(plain) - len(ending) >= 3 and plain.endswith(ending):
                if plain[: -len(ending)] in self.positions:
                    return True
            if len(plain) >= 4 and plain + ending in self.positions:
                return True
        return False

    def _is_put_together(self, name: Named) -> bool:
        """Whether neighbours of a name stand only far apart in the sources, each as a name."""
        words = [plain_word(word) for word in name.words]
        for left, right in zip(words, words[1:], strict=False):
            here, there = self.positions.get(left), self.positions.get(right)
            if not here or not there or {left, right} & (self.lower | TITLES | ALWAYS):
                continue
            if is_common(left) or is_common(right):
                continue
            if min(abs(a - b) for a in here[:50] for b in there[:50]) > FARTHEST:
                return True
        return False

    def _is_abbreviated(self, words: Sequence[str]) -> bool:
        """Whether a source has the initials of the words: WHO for World Health Organization."""
        initials = "".join(word[0] for word in words if word[0].isupper()).lower()
        return len(initials) > 2 and initials in self.positions


def _named(answer: str) -> Iterator[Named]:
    """Runs of words that name something, each begun anew by a comma or a small word."""
    run: list[re.Match[str]] = []
    for found in WORD.finditer(answer):
        if run and answer[run[-1].end() : found.start()] != " ":
            yield _of_run(answer, run)
            run = []
        if _is_name_like(found[0]):
            run.append(found)
        elif run:
            yield _of_run(answer, run)
            run = []
    if run:
        yield _of_run(answer, run)


def _of_run(answer: str, run: list[re.Match[str]]) -> Named:
    start, end = run[0].start(), run[-1].end()
    is_first = bool(FIRST.search(answer[max(0, start - 12) : start]))
    return Named(tuple(found[0] for found in run), start, end, is_first)


def _is_name_like(word: str) -> bool:
    if word.startswith("--") or "_" in word:
        return True
    if any(char.isdigit() for char in word):
        letters = [char for char in word if char.isalpha()]
        return (
            word[0].isalpha()
            and bool(letters)
            and (any(char.isupper() for char in letters) or not word[-1].isdigit())
        )
    return word[0].isupper() or any(char.isupper() for char in word[1:])


def is_code(word: str) -> bool:
    """Whether no ordinary word looks so: an acronym, A100, iPhone, POOL_SIZE."""
    return (
        any(char.isupper() or char.isdigit() or char in "_+#" for char in word[1:])
        or word[:2] == "--"
    )


def _is_title_case(answer: str, name: Named) -> bool:
    """Whether the sentence around a name is a heading: most of its longer words have a capital."""
    start = max(answer.rfind(mark, 0, name.start) for mark in ".!?\n") + 1
    found = re.search(r"[.!?\n]", answer[name.end :])
    end = name.end + found.start() if found else len(answer)
    words = [word for word in WORD.findall(answer[start:end]) if len(word) > 3]
    return len(words) > 2 and sum(word[0].isupper() for word in words) >= 0.7 * len(words)


def _initials(sources: Sequence[str]) -> frozenset[str]:
    """Initials of two to six words that follow each other, with small words and without them."""
    made: set[str] = set()
    for source in sources:
        words = [found[0] for found in WORD.finditer(source)]
        parts = [part for word in words for part in word.split("-") if part]
        for chosen in (
            parts,
            [w for w in parts if w.lower() not in {"of", "the", "and", "for", "de", "in"}],
        ):
            letters = "".join(plain_word(word)[:1] or " " for word in chosen)
            capital = [word[0].isupper() for word in chosen]
            for size in range(2, 7):
                made.update(
                    letters[n : n + size]
                    for n in range(len(letters) - size + 1)
                    if size > 2 or all(capital[n : n + size])
                )
    return frozenset(made)
