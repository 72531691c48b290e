"""ROUGE (Lin 2004), with the rules of Google's ``rouge_score`` package.

All scores are F1. ROUGE-L compares the whole texts as one sentence; ROUGE-Lsum takes the lines of a
text as its sentences and joins the longest common subsequences of every reference sentence with all
sentences of the answer.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from tunesmith.evaluation.tokens import Tokens, words

ROUGE = ("rouge1", "rouge2", "rougeL", "rougeLsum")


def rouge(answer: str, reference: str, tokens: Tokens = words) -> dict[str, float]:
    """F1 of one answer against one reference, each in [0, 1].

    Args:
        answer: what was said.
        reference: what is right.
        tokens: what is compared of a text.

    Returns:
        ``rouge1``, ``rouge2``, ``rougeL``, ``rougeLsum``.
    """
    said, wanted = tokens(answer), tokens(reference)
    return {
        "rouge1": _ngram_f1(said, wanted, 1),
        "rouge2": _ngram_f1(said, wanted, 2),
        "rougeL": _f1(lcs_length(said, wanted), len(said), len(wanted)),
        "rougeLsum": _lsum_f1(answer, reference, tokens),
    }


def best_rouge(answer: str, references: Sequence[str], tokens: Tokens = words) -> dict[str, float]:
    """F1 against the reference that gives the best score, for each kind on its own."""
    scores = [rouge(answer, reference, tokens) for reference in references]
    return {kind: max(score[kind] for score in scores) for kind in ROUGE}


def _f1(hits: int, n_answer: int, n_reference: int) -> float:
    if not hits:
        return 0.0
    precision, recall = hits / n_answer, hits / n_reference
    return 2 * precision * recall / (precision + recall)


def _ngram_f1(answer: list[str], reference: list[str], n: int) -> float:
    said, wanted = _ngrams(answer, n), _ngrams(reference, n)
    hits = sum((said & wanted).values())
    return _f1(hits, said.total(), wanted.total())


def _ngrams(tokens: list[str], n: int) -> Counter[tuple[str, ...]]:
    return Counter(zip(*(tokens[i:] for i in range(n)), strict=False))


def lcs_length(a: Sequence[str], b: Sequence[str]) -> int:
    """Length of the longest common subsequence, with one bit per word of ``a``.

    Source: Hyyrö 2004, "Bit-parallel LCS-length computation revisited".
    """
    return len(a) - _lcs_rows(a, b)[-1].bit_count()


def _lsum_f1(answer: str, reference: str, tokens: Tokens) -> float:
    said = [w for line in answer.split("\n") if line and (w := tokens(line))]
    wanted = [w for line in reference.split("\n") if line and (w := tokens(line))]
    n_said, n_wanted = sum(map(len, said)), sum(map(len, wanted))
    if not n_said or not n_wanted:
        return 0.0
    left_said = Counter(word for sentence in said for word in sentence)
    left_wanted = Counter(word for sentence in wanted for word in sentence)
    hits = 0
    for sentence in wanted:
        for word in _union_lcs(sentence, said):
            # A word counts once for each time it stands in both texts.
            if left_said[word] > 0 and left_wanted[word] > 0:
                hits += 1
                left_said[word] -= 1
                left_wanted[word] -= 1
    return _f1(hits, n_said, n_wanted)


def skip_bigram_f1(
    answer: Sequence[str], reference: Sequence[str], gap: int | None, *, unigrams: bool = False
) -> float:
    """ROUGE-S, and ROUGE-SU with single words beside the pairs (Lin 2004, section 5).

    Args:
        answer: tokens.
        reference: tokens.
        gap: the most words between the two of a pair; None: any number.
        unigrams: whether single words count too.
    """
    said, wanted = (_skip_bigrams(side, gap, unigrams) for side in (answer, reference))
    return _f1(sum((said & wanted).values()), said.total(), wanted.total())


def _skip_bigrams(
    tokens: Sequence[str], gap: int | None, unigrams: bool
) -> Counter[tuple[str, ...]]:
    reach = len(tokens) if gap is None else gap + 2
    pairs: Counter[tuple[str, ...]] = Counter(
        (first, second)
        for place, first in enumerate(tokens)
        for second in tokens[place + 1 : place + reach]
    )
    if unigrams:
        pairs.update((token,) for token in tokens)
    return pairs


def _union_lcs(reference: list[str], candidates: list[list[str]]) -> list[str]:
    """Words of a reference sentence that are in a longest common subsequence with any candidate."""
    places = sorted({place for c in candidates for place in _lcs_places(reference, c)})
    return [reference[place] for place in places]


def _lcs_places(reference: list[str], candidate: list[str]) -> list[int]:
    """Places in ``reference`` of one longest common subsequence: the one ``rouge_score`` takes.

    The table of lengths is held as one number a row, as in :func:`lcs_length`, and is asked only
    along the way back.
    """
    rows = _lcs_rows(candidate, reference)
    places: list[int] = []
    i, j = len(reference), len(candidate)
    while i > 0 and j > 0:
        if reference[i - 1] == candidate[j - 1]:
            places.append(i - 1)
            i, j = i - 1, j - 1
        elif _length_at(rows[i], j - 1) > _length_at(rows[i - 1], j):
            j -= 1
        else:
            i -= 1
    return places[::-1]


def _lcs_rows(a: Sequence[str], b: Sequence[str]) -> list[int]:
    """For 0, 1, ... words of ``b``: a bit of each word of ``a`` that makes nothing longer."""
    places: dict[str, int] = {}
    for i, word in enumerate(a):
        places[word] = places.get(word, 0) | 1 << i
    full = (1 << len(a)) - 1
    rows = [full]
    for word in b:
        row = rows[-1]
        matches = row & places.get(word, 0)
        rows.append(((row + matches) | (row - matches)) & full)
    return rows


def _length_at(row: int, n_words: int) -> int:
    """Length of the longest common subsequence with the first words."""
    return n_words - (row & ((1 << n_words) - 1)).bit_count()
