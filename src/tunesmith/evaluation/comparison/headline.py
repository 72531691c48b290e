"""Headline: what a comparison comes to, in one sentence."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tunesmith.evaluation.figures import examples_text, score_text, signed_text


def headline(result: Mapping[str, Any]) -> str:
    """The verdict: which model is best by the score that is judged by, and than which it is.

    Args:
        result: what ``comparison.json`` holds.
    """
    score = result["judged_by"]
    words = result["headings"].get(score, score)
    examples = examples_text(result["n"])
    values = _values(result, score)
    if not values:
        were = "was" if result["n"] == 1 else "were"
        return f"{examples} {were} answered, and no model has a score of {words}."
    best = _best(values, is_error=score in result["lower_is_better"])
    if len(values) == 1:
        return f"{best} scores {score_text(values[best])} {words} on {examples}."
    found = {name: _against(result, score, best, name) for name in values if name != best}
    if any(verdict == "too few" for verdict, _ in found.values()):
        return f"{examples} cannot tell the models apart by {words}."
    beaten = [name for name, (verdict, _) in found.items() if verdict == "better"]
    level = [name for name in found if name not in beaten]
    if not beaten:
        who = _and([best, *level])
        if all(found[name][0] == "the same" for name in level):
            return f"{who} score the same {words} on all {examples}."
        return f"{who} cannot be told apart by {words} with {examples}."
    told = f"{best} is better than {_and(beaten)} by {words}"
    if len(found) == 1:
        return f"{told}: {signed_text(found[beaten[0]][1])} on {examples}."
    if level:
        return f"{told}; from {_and(level)} it cannot be told apart with {examples}."
    return f"{told} on {examples}."


def most_telling(result: Mapping[str, Any]) -> tuple[str, str] | None:
    """The pair that a reader looks at first: the best model against the one to start from.

    Args:
        result: what ``comparison.json`` holds.

    Returns:
        The one and the other; None with fewer than two models.
    """
    names = list(result["models"])
    if len(names) < 2:
        return None
    before = result.get("request", {}).get("against")
    other = next((name for name in names if name.split("/")[0] == before), names[0])
    score = result["judged_by"]
    values = {name: value for name, value in _values(result, score).items() if name != other}
    if not values:
        return next(name for name in names if name != other), other
    return _best(values, is_error=score in result["lower_is_better"]), other


def _values(result: Mapping[str, Any], score: str) -> dict[str, float]:
    return {
        name: value
        for name, model in result["models"].items()
        if (value := model["scores"].get(score, {}).get("value")) is not None
    }


def _best(values: Mapping[str, float], *, is_error: bool) -> str:
    return (min if is_error else max)(values, key=lambda name: values[name])


def _against(
    result: Mapping[str, Any], score: str, one: str, other: str
) -> tuple[str, float | None]:
    """The verdict on one model against another, whichever way round the pair stands."""
    turned = {"better": "worse", "worse": "better"}
    for pair in result["pairs"]:
        if pair["score"] == score and {pair["one"], pair["other"]} == {one, other}:
            if pair["one"] == one:
                return pair["verdict"], pair["difference"]
            value = pair["difference"]
            verdict = str(pair["verdict"])
            verdict = turned.get(verdict, verdict)
            return verdict, None if value is None else -value
    return "not told apart", None


def _and(names: Sequence[str]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
