"""A comparison as the pipeline keeps it, made without models: what the page's tests look at."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

HEADINGS = {"rouge1": "ROUGE-1", "rougeL": "ROUGE-L"}


def answer(text: str, score: float, *, cut: bool = False, **further: Any) -> dict[str, Any]:
    return {"text": text, "cut": cut, "rouge1": score / 2, "rougeL": score, **further}


def example(number: int, prompt: str, reference: str, **answers: Any) -> dict[str, Any]:
    return {
        "origin": f"asked.jsonl:{number}",
        "prompt": prompt,
        "references": [reference],
        "answers": answers,
    }


def many(n: int) -> list[dict[str, Any]]:
    """Examples of which tuned is worse in every third, and base cut in every fifth."""
    return [
        example(
            number,
            f"Sum up.\n\nWho comes on day {number} to valve {number * 7}?",
            f"Guest {number} comes.",
            base=answer(f"Guest {number} comes, the base says.", 0.5, cut=number % 5 == 0),
            tuned=answer(
                f"Guest {number} comes.", 0.2 if number % 3 == 0 else 0.9 + number / 10**4
            ),
        )
        for number in range(1, n + 1)
    ]


def preferred_lines(
    other: str, one: str, criterion: str, winner: str, *reasons: str
) -> dict[str, list[dict[str, Any]]]:
    """What is kept of a judge, whose second verdict cannot be read, and of two voters."""
    pair = {"one": one, "other": other}
    said = [
        {"first": one, "preferred": winner, "reason": reasons[0]},
        {"first": other, "preferred": None, "reason": reasons[1]},
    ]
    return {
        "judged": [{**pair, "criterion": criterion, "winner": None, "said": said}],
        "votes": [
            {**pair, "voter": "a", "winner": winner, "both_bad": False},
            {**pair, "voter": "b", "winner": "tie", "both_bad": True},
        ],
    }


def result_of(
    examples: Sequence[dict[str, Any]], verdict: str = "better", **further: Any
) -> dict[str, Any]:
    """The figures that go with examples; their intervals are made up."""
    names = list(examples[0]["answers"])
    means = {
        name: {
            score: sum(one["answers"][name][score] for one in examples) / len(examples)
            for score in HEADINGS
        }
        for name in names
    }
    pairs = [
        {
            "one": one,
            "other": other,
            "score": score,
            "difference": (by := means[one][score] - means[other][score]),
            "low": by - 0.05,
            "high": by + 0.05,
            "p": 0.0001,
            "p_corrected": 0.0003,
            "least": 0.02,
            "verdict": verdict,
            "sentence": verdict,
        }
        for score in HEADINGS
        for other, one in combinations(names, 2)
    ]
    models = {
        name: {
            "scores": {
                score: {"value": value, "low": value - 0.03, "high": value + 0.03}
                for score, value in means[name].items()
            },
            "cut_fraction": sum(one["answers"][name]["cut"] for one in examples) / len(examples),
            "prompt_cut_fraction": 0.0,
            "seconds": 1.5,
            "tokens_per_s": 320.0,
            "mean_tokens": 12.0,
            "length_ratio": 1.2,
        }
        for name in names
    }
    return {
        "source": "asked.jsonl",
        "n": len(examples),
        "n_clusters": None,
        "left_out": 0,
        "task": "sft",
        "judged_by": "rougeL",
        "headings": HEADINGS,
        "lower_is_better": [],
        "notes": [],
        "models": models,
        "pairs": pairs,
        "failed": {},
        "request": {
            "models": [f"{name}=models/{name}" for name in names],
            "data": "asked.jsonl",
            "out": "comparison",
            "batch_size": 32,
            "seed": 0,
        },
        **further,
    }
