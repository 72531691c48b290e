"""Likelihood: how well a model foretells texts, or the reference answers behind their requests."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np

from tunesmith.core.answers import Answer
from tunesmith.core.errors import RecipeError
from tunesmith.evaluation.metrics.metric import Kind, Metric, Parts, Scores
from tunesmith.evaluation.perplexity import Foretold
from tunesmith.evaluation.statistics.sample import Statistic, ratio

MOST_NATS = 700.0
"""A larger exponent is no number any more."""


class LikelihoodMetric(Metric):
    """A metric that needs no answer: of how likely a model finds a text."""

    fits: ClassVar[frozenset[Kind]] = frozenset({"text", "running text"})
    higher_is_better: ClassVar[bool] = False

    @abstractmethod
    def foretell(self, texts: Sequence[Foretold]) -> Scores:
        """Scores what a model makes of N texts; each text is one unit of intervals and tests."""

    def score(self, answers: Sequence[Answer], references: Sequence[Sequence[Answer]]) -> Scores:
        """Nothing: there are no answers to compare.

        Raises:
            RecipeError: always.
        """
        raise RecipeError(
            f"metric {self.name!r} tells how well a text is foretold, and compares no answers. "
            f"Measure it with: tunesmith compare --metric {self.name}"
        )


class Perplexity(LikelihoodMetric):
    """Perplexity per token and per word: exp of the mean negative log-likelihood.

    What is averaged, over all tokens of all texts, is the logarithm; so a long text counts for
    more, and the perplexity of all is not the mean of the texts' own.
    """

    name: Literal["perplexity"] = "perplexity"
    gives: ClassVar[tuple[str, ...]] = ("perplexity", "word_perplexity")
    headings: ClassVar[Mapping[str, str]] = {
        "perplexity": "Perplexity",
        "word_perplexity": "per word",
    }
    scales: ClassVar[Mapping[str, str]] = {"perplexity": "", "word_perplexity": ""}
    same_counts: ClassVar[frozenset[str]] = frozenset({"perplexity"})
    about: ClassVar[str] = (
        "Perplexity is how many tokens a model wavers between, on average. Lower is better; "
        "compare it between models with one tokenizer only."
    )

    def foretell(self, texts: Sequence[Foretold]) -> Scores:
        """Of all texts, and of each with a token and a word."""
        counts = {
            "perplexity": [text.n_tokens for text in texts],
            "word_perplexity": [text.n_words for text in texts],
        }
        return _scores([text.nats for text in texts], counts, _exp_of_ratio)


class BitsPerByte(LikelihoodMetric):
    """Negative log-likelihood in bits for each byte of the texts' UTF-8.

    It does not depend on how a tokenizer divides a text, so that any models can be compared.
    """

    name: Literal["bits-per-byte"] = "bits-per-byte"
    gives: ClassVar[tuple[str, ...]] = ("bits_per_byte",)
    headings: ClassVar[Mapping[str, str]] = {"bits_per_byte": "Bits per byte"}
    scales: ClassVar[Mapping[str, str]] = {"bits_per_byte": ""}
    about: ClassVar[str] = (
        "Bits per byte is how long a text would be, compressed with the model's own guesses. Lower "
        "is better; the fairest between tokenizers and languages."
    )

    def foretell(self, texts: Sequence[Foretold]) -> Scores:
        """Of all texts, and of each."""
        bits = [text.nats / math.log(2) for text in texts]
        return _scores(bits, {"bits_per_byte": [text.n_bytes for text in texts]}, ratio)


def _scores(
    amounts: Sequence[float], counts: Mapping[str, Sequence[int]], statistic: Statistic
) -> Scores:
    values: dict[str, float] = {}
    rows: list[dict[str, float]] = [{} for _ in amounts]
    parts: dict[str, Parts] = {}
    for name, of in counts.items():
        sums = np.stack([np.asarray(amounts, np.float64), np.asarray(of, np.float64)], 1)
        values[name] = float(statistic(sums.sum(0)))
        parts[name] = Parts(sums, statistic)
        for row, own in zip(rows, sums, strict=True):
            if own[1] > 0:
                row[name] = float(statistic(own))
    return Scores(values, rows, parts)


def _exp_of_ratio(sums: np.ndarray) -> np.ndarray:
    """[..., 2] -> [...]."""
    return np.exp(np.minimum(ratio(sums), MOST_NATS))
