"""Examples: what the page's browser holds; every text once."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.core.answers import Answer, shown
from tunesmith.evaluation.comparison.preferred import add_preferred

BUDGET = 8_000_000
"""Characters of text in one page; what is beyond stays in ``examples.jsonl`` alone."""
DIGITS = 4
MOST_WEIGHED = 3
LOST = {
    "content_filter": "withheld by its service",
    "refusal": "refused by the model",
    "unanswered": "not answered",
}
"""By why an answer ended: why it is none."""


def browsed(
    examples: Sequence[Mapping[str, Any]],
    headings: Mapping[str, str],
    *,
    judged_by: str,
    lower_is_better: Sequence[str] = (),
    compared: tuple[str, str] | None = None,
    empty: str = "an empty answer",
    preferred: Sequence[Mapping[str, Any]] = (),
    lost: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """What the browser of the page shows, as JSON can hold it.

    Texts stand in one list, each once, and are named by their places in it; what all prompts begin
    and end with is held apart.

    Args:
        examples: ``origin``, ``prompt``, ``references`` and ``answers`` by model, of which each
            has scores, mostly ``text`` and ``cut``; where it was read also ``answer``, ``weighed``.
        headings: words by score.
        judged_by: the score to sort by at first.
        lower_is_better: names of scores that are errors.
        compared: the pair that is chosen at first, the one against the other.
        empty: what an answer without text says.
        preferred: what a judge and voters said of them.
        lost: which got worse: ``against``, ``score``, and ``places`` by model.
    """
    names = list(dict.fromkeys(name for one in examples for name in one["answers"]))
    kept = _within_budget(examples)
    prompts = [one["prompt"] for one in kept]
    head, tail = _shared(prompts)
    scores = [
        name
        for name in headings
        if any(_is_number(answer.get(name)) for one in kept for answer in one["answers"].values())
    ]
    texts = _Texts()
    rows = [
        {
            "o": one["origin"],
            "p": texts.place(one["prompt"][len(head) : len(one["prompt"]) - len(tail)]),
            "r": [texts.place(_words(reference)) for reference in one["references"]],
            "a": [_answer(one["answers"].get(name), scores, texts) for name in names],
        }
        for one in kept
    ]
    held = {
        "models": names,
        "scores": [
            {"name": name, "words": headings[name], "lower": name in lower_is_better}
            for name in scores
        ],
        "judged": scores.index(judged_by) if judged_by in scores else 0,
        "compared": [names.index(name) for name in compared or () if name in names],
        "head": head,
        "tail": tail,
        "empty": empty,
        "texts": texts.all,
        "rows": rows,
        "lost": _lost(lost or {}, names, scores),
    }
    add_preferred(held, preferred, texts.place)
    return held


class _Texts:
    """Texts by their places; the same one has one place."""

    def __init__(self) -> None:
        self.all: list[str] = []
        self._places: dict[str, int] = {}

    def place(self, text: str) -> int:
        place = self._places.setdefault(text, len(self.all))
        if place == len(self.all):
            self.all.append(text)
        return place


def _answer(answer: Mapping[str, Any] | None, scores: Sequence[str], texts: _Texts) -> Any:
    """Text, whether it was cut or is none, scores; as what it was read, and what was weighed."""
    if answer is None:
        return None
    found: dict[str, Any] = {
        # Running text is foretold and not answered: there are scores alone.
        "t": None if answer.get("text") is None else texts.place(answer["text"]),
        "s": [_rounded(answer.get(name)) for name in scores],
    }
    if answer.get("cut"):
        found["c"] = 1
    if lost := LOST.get(answer.get("finish_reason", "")):
        found["f"] = texts.place(f"{lost}: {why}" if (why := answer.get("why")) else lost)
    if "answer" in answer:
        said = answer["answer"]
        found["said"] = None if said is None else texts.place(said)
    if weighed := answer.get("weighed"):
        found["w"] = [[texts.place(k), v] for k, v in list(weighed.items())[:MOST_WEIGHED]]
    return found


def _lost(
    lost: Mapping[str, Any], names: Sequence[str], scores: Sequence[str]
) -> dict[str, Any] | None:
    """The examples that got worse, as they were counted."""
    if lost.get("against") not in names or lost.get("score") not in scores:
        return None
    return {
        "against": names.index(lost["against"]),
        "score": scores.index(lost["score"]),
        "places": {names.index(n): places for n, places in lost["places"].items() if n in names},
    }


def _rounded(value: Any) -> float | None:
    return round(value, DIGITS) if _is_number(value) else None


def _within_budget(examples: Sequence[Mapping[str, Any]]) -> Sequence[Mapping[str, Any]]:
    used = 0
    for place, one in enumerate(examples):
        said = (answer.get("text") or "" for answer in one["answers"].values())
        used += len(one["prompt"]) + sum(map(len, said))
        used += sum(len(_words(reference)) for reference in one["references"])
        if used > BUDGET and place:
            return examples[:place]
    return examples


def _shared(prompts: Sequence[str]) -> tuple[str, str]:
    """What all prompts begin and end with, where there are several."""
    if len(set(prompts)) < 2:
        return "", ""
    head = os.path.commonprefix(list(prompts))
    tail = os.path.commonprefix([prompt[len(head) :][::-1] for prompt in prompts])[::-1]
    return head, tail


def _words(reference: Answer | Sequence[str]) -> str:
    return shown(tuple(reference) if isinstance(reference, list) else reference)  # type: ignore[arg-type]


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
