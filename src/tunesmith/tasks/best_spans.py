"""Best spans: scores of a question's windows -> the best stretches of its context."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tunesmith.tasks.windows import Window


@dataclass(frozen=True, slots=True)
class FoundSpan:
    """One answer that a model considered.

    Attributes:
        text: cut out of the context as it stands there; empty: no answer.
        start: its first character, in code points.
        score: logit of its first token as a start, and of its last as an end, together.
        probability: among all that were considered for the question.
    """

    text: str
    start: int
    score: float
    probability: float


@dataclass(frozen=True, slots=True)
class SpanAnswer:
    """What a model answers to one question.

    Attributes:
        text: the answer; empty: the context has none.
        best: the best stretches, best first, and "no answer" among them where it may be said.
        null_margin: score of "no answer" minus that of the best stretch.
    """

    text: str
    best: tuple[FoundSpan, ...]
    null_margin: float

    @property
    def best_text(self) -> str:
        """The best stretch, whether it is the answer or not."""
        return next((found.text for found in self.best if found.text), "")


def best_answer(
    context: str,
    windows: Sequence[Window],
    logits: Sequence[np.ndarray],
    *,
    n_best: int,
    max_answer_tokens: int,
    no_answer: bool,
    null_threshold: float,
) -> SpanAnswer:
    """The best answer over all windows of a question.

    A stretch that several windows hold counts once, with its best score. The score of "no answer"
    is that of each window's first token; the least one counts, as every window must lack the
    answer (Devlin et al. 2018, section 4.3).

    Args:
        context: of the question.
        windows: W of them.
        logits: of each window [T, 2], of start and end at each token.
        n_best: stretches kept.
        max_answer_tokens: longest stretch.
        no_answer: whether "no answer" may be said.
        null_threshold: by how much it must be better than the best stretch.
    """
    scores: dict[tuple[int, int], float] = {}
    for window, of_window in zip(windows, logits, strict=True):
        inside = np.asarray(of_window[window.first :], np.float64)
        for begin, end, score in _best_in(context, window, inside, n_best, max_answer_tokens):
            scores[begin, end] = max(score, scores.get((begin, end), -np.inf))
    ordered = sorted(scores.items(), key=lambda item: (-item[1], item[0]))[:n_best]
    found = [(context[begin:end], begin, score) for (begin, end), score in ordered]
    null = min(float(of_window[0].sum(dtype=np.float64)) for of_window in logits)
    margin = null - found[0][2] if found else np.inf
    is_null = not found or (no_answer and margin > null_threshold)
    text = "" if is_null else found[0][0]
    if no_answer or not found:
        found = sorted([*found, ("", 0, null)], key=lambda one: -one[2])
    weights = np.exp(np.array([score for *_, score in found]) - found[0][2])
    shares = (weights / weights.sum()).tolist()
    best = tuple(FoundSpan(*one, share) for one, share in zip(found, shares, strict=True))
    return SpanAnswer(text, best, float(margin))


def _best_in(
    context: str, window: Window, logits: np.ndarray, n_best: int, max_answer_tokens: int
) -> list[tuple[int, int, float]]:
    """The best stretches of one window without white space around them: begin, end, score.

    Several pairs of tokens can mean one stretch, as where tokens spell parts of characters, so more
    pairs are looked at until there are enough stretches.
    """
    n_tokens = len(logits)
    if not n_tokens:
        return []
    longest = min(max_answer_tokens, n_tokens)
    ends = np.concatenate([logits[:, 1], np.full(longest - 1, -np.inf)])
    # [tokens, longest]: starts at a token, ends so many behind it
    pairs = logits[:, :1] + np.lib.stride_tricks.sliding_window_view(ends, longest)
    flat = pairs.reshape(-1)
    n_looked_at = 4 * n_best
    while True:
        n_looked_at = min(n_looked_at, flat.size)
        chosen = np.sort(np.argpartition(-flat, n_looked_at - 1)[:n_looked_at])
        chosen = chosen[np.argsort(-flat[chosen], kind="stable")]
        found: dict[tuple[int, int], float] = {}
        for place in chosen[np.isfinite(flat[chosen])].tolist():
            start, further = divmod(place, longest)
            begin, end = int(window.spans[start, 0]), int(window.spans[start + further, 1])
            said = context[begin:end]
            begin += len(said) - len(said.lstrip())
            end -= len(said) - len(said.rstrip())
            if begin < end:
                found.setdefault((begin, end), float(flat[place]))
        if len(found) >= n_best or n_looked_at == flat.size:
            return [(begin, end, score) for (begin, end), score in found.items()][:n_best]
        n_looked_at *= 4
