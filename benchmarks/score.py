"""ROUGE of many answers: CPU seconds, and whether every figure is ``rouge_score``'s.

    python benchmarks/score.py [--pairs 100000] [--sample 2000] [--out RESULTS.json]

Texts are drawn from real words (the package's own English text) in the lengths of dialogue
summaries: answers and references of 8 to 60 words in one to three lines, the half of an answer's
words taken from its reference, so that there is something to find.
"""

from __future__ import annotations

import argparse
import json
import random
import sys
import time
from pathlib import Path
from typing import Any

import tunesmith
from tunesmith.evaluation.metrics.chosen import chosen
from tunesmith.evaluation.rouge import ROUGE

TEXT = Path(tunesmith.__file__).parent / "evaluation" / "texts"
SHORTEST, LONGEST = 8, 60
TAKEN = 0.5


def drawn_pairs(n: int, seed: int = 0) -> tuple[list[str], list[list[str]]]:
    """Answers and the reference of each.

    Args:
        n: pairs.
        seed: of the draws.
    """
    generator = random.Random(seed)
    words = " ".join(file.read_text("utf-8") for file in sorted(TEXT.glob("*.txt"))).split()
    answers: list[str] = []
    references: list[list[str]] = []
    for _ in range(n):
        length = min(LONGEST, max(SHORTEST, int(generator.gauss(25, 10))))
        start = generator.randrange(len(words) - length)
        reference = words[start : start + length]
        other = generator.randrange(len(words) - LONGEST)
        said = [
            right if generator.random() < TAKEN else wrong
            for right, wrong in zip(reference, words[other : other + LONGEST], strict=False)
        ]
        said = said[: generator.randint(SHORTEST, max(SHORTEST, length))]
        answers.append(_in_lines(said, generator))
        references.append([_in_lines(reference, generator)])
    return answers, references


def measured(n_pairs: int, n_checked: int) -> dict[str, Any]:
    """CPU seconds of all pairs, and the largest distance from ``rouge_score`` on some of them.

    Args:
        n_pairs: that are scored.
        n_checked: of them, from the start, that are scored by ``rouge_score`` too.
    """
    answers, references = drawn_pairs(n_pairs)
    [metric] = chosen(["rouge"])
    began = time.process_time()
    found = metric.score(answers, references)
    cpu_seconds = time.process_time() - began
    told: dict[str, Any] = {
        "n_pairs": n_pairs,
        "words_per_answer": round(found.values["mean_words"], 1),
        "cpu_seconds": round(cpu_seconds, 2),
        "scores": list(ROUGE),
        "n_checked": n_checked,
    }
    from rouge_score.rouge_scorer import RougeScorer

    scorer = RougeScorer(list(ROUGE))
    began, furthest = time.process_time(), 0.0
    for answer, [reference], row in zip(answers[:n_checked], references, found.rows, strict=False):
        theirs = scorer.score(reference, answer)
        furthest = max(furthest, *(abs(theirs[kind].fmeasure - row[kind]) for kind in ROUGE))
    their_seconds = time.process_time() - began
    return {
        **told,
        "furthest_from_rouge_score": furthest,
        "rouge_score_cpu_seconds_per_1000": round(1000 * their_seconds / n_checked, 3),
        "cpu_seconds_per_1000": round(1000 * cpu_seconds / n_pairs, 3),
        "note": "CPU seconds of one process; the machine was shared.",
    }


def main() -> int:
    """Prints what was measured, and writes it where --out says; 1 where a figure differs."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--pairs", type=int, default=100_000)
    parser.add_argument("--sample", type=int, default=2000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    found = measured(given.pairs, given.sample)
    text = json.dumps(found, indent=1)
    print(text)
    if given.out is not None:
        given.out.write_text(text + "\n", "utf-8")
    return int(found["furthest_from_rouge_score"] > 1e-9)


def _in_lines(words: list[str], generator: random.Random) -> str:
    """Words with a line break here and there."""
    n_lines = generator.randint(1, 3)
    breaks = set(generator.sample(range(1, len(words)), min(n_lines - 1, len(words) - 1)))
    return "".join(
        ("\n" if place in breaks else " " if place else "") + word
        for place, word in enumerate(words)
    )


if __name__ == "__main__":
    sys.exit(main())
