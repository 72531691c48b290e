"""Answer notes: what is to be known of how answers came about before they are compared."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tunesmith.core.answers import Road
from tunesmith.core.examples import Example
from tunesmith.pipelines.kept_answers import Kept

MOST_PLACES = 3


def answer_notes(
    answers: Mapping[str, tuple[Kept, Road]], examples: Sequence[Example]
) -> list[str]:
    """Sentences on examples without an answer, and on answers that came about in another way.

    Args:
        answers: by model.
        examples: that were asked.
    """
    found: list[str] = []
    for name, (kept, _) in answers.items():
        told = [
            _unanswered(kept, examples),
            _shots_left_out(kept),
            _asked_without(kept),
            _from_cache(kept),
        ]
        found += [f"{name}: {sentence}" for sentence in told if sentence]
    return found


def _unanswered(kept: Kept, examples: Sequence[Example]) -> str:
    places = [place for place, one in enumerate(kept.answered) if one.why]
    if not places:
        return ""
    named = ", ".join(examples[place].origin for place in places[:MOST_PLACES])
    more = " ..." if len(places) > MOST_PLACES else ""
    verbs = "was not answered and is" if len(places) == 1 else "were not answered and are"
    what = "an empty answer" if len(places) == 1 else "empty answers"
    return (
        f"{len(places):,} of {len(kept.answered):,} examples {verbs} scored as {what} ({named}"
        f"{more}). The first because: {kept.answered[places[0]].why.rstrip('.')}. Nothing more is "
        "asked of them in this folder; with another --out it is."
    )


def _shots_left_out(kept: Kept) -> str:
    fewer = [one.n_shots_left_out for one in kept.answered if one.n_shots_left_out]
    if not fewer:
        return ""
    return (
        f"before {len(fewer):,} of {len(kept.answered):,} requests not all of its examples had "
        f"room: {sum(fewer):,} in all were left out."
    )


def _asked_without(kept: Kept) -> str:
    fields = [one.asked_without for one in kept.answered if one.asked_without]
    if not fields:
        return ""
    names = sorted({name for one in fields for name in one.split(", ")})
    drawn = ", so its answers may be drawn, and others the next time" * ("temperature" in names)
    return (
        f"its endpoint does not take {', '.join(names)}: {len(fields):,} of "
        f"{len(kept.answered):,} answers were asked for without{drawn}."
    )


def _from_cache(kept: Kept) -> str:
    written = [
        seconds is None
        for one, seconds in zip(kept.answered, kept.took_s, strict=True)
        if one.n_tokens is not None and one.finish_reason in ("stop", "length")
    ]
    if not any(written):
        return ""
    if all(written):
        return "its replies lay in the cache, so its speed is not known."
    if kept.tokens_per_s is None:
        return (
            f"{sum(written):,} of its {len(written):,} replies lay in the cache, so its speed is "
            "not known."
        )
    return (
        f"{sum(written):,} of its replies lay in the cache; its tokens a second are of the other "
        f"{len(written) - sum(written):,}."
    )
