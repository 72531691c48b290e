"""Likelihood notes: what is to be known of perplexities before they are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tunesmith.evaluation.metrics.chosen import Chosen
from tunesmith.pipelines.kept_answers import Kept


def left_out(kept: Mapping[str, Kept]) -> set[int]:
    """Places of texts that one of the models cannot hold, so that all are told of the same."""
    return {
        place
        for one in kept.values()
        for place, answered in enumerate(one.answered)
        if answered.answer is None
    }


def likelihood_notes(
    is_text: bool,
    read: Mapping[str, tuple[int, int]],
    kept: Mapping[str, Kept],
    metrics: Sequence[Chosen],
) -> list[str]:
    """Sentences on how the figures came about.

    Args:
        is_text: whether running text was foretold, and no answers.
        read: by model, window and stride of running text.
        kept: by model, what it made of every text.
        metrics: that are measured.
    """
    names = {score for metric in metrics for score in metric.gives}
    told: list[str] = []
    if "perplexity" in names:
        told.append(
            "Perplexity is exp of the mean negative log-likelihood over all tokens: the logarithm "
            "is what is averaged, so long texts count for more."
        )
        counts = [[text.n_tokens for text in one.answered] for one in kept.values()]
        out = left_out(kept)
        counts = [[n for place, n in enumerate(of) if place not in out] for of in counts]
        if any(of != counts[0] for of in counts[1:]):
            told.append(
                "The models divide these texts into different tokens, so their perplexities per "
                "token cannot be compared, and no verdict rests on them; those per word and bits "
                "per byte can."
            )
    if is_text:
        each = sorted(set(read.values()))
        told += [
            f"Texts are read in windows of {window} tokens that move on by {stride}"
            + (
                f" ({', '.join(name for name, one in read.items() if one == (window, stride))})."
                if len(each) > 1
                else "."
            )
            for window, stride in each
        ]
    else:
        told.append(
            "Likelihoods are of the reference answers with the token that ends them, behind their "
            "requests."
        )
        told += [
            f"{name}: {n:,} prompts were cut, to leave room for their reference answers."
            for name, one in kept.items()
            if (n := sum(answered.n_prompt_cut > 0 for answered in one.answered))
        ]
        if out := left_out(kept):
            n = max(len(one.answered) for one in kept.values())
            told.append(
                f"Likelihoods leave out {len(out):,} of {n:,} examples: prompt and reference "
                "answer together are longer than a model's window."
            )
    return told
