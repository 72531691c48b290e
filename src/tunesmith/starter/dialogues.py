"""Composes whole support cases: facts first, then the turns, then the summary."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tunesmith.starter.domains import Triple, triples
from tunesmith.starter.outcomes import OUTCOMES, Outcome
from tunesmith.starter.slots import draw_slots
from tunesmith.starter.writing import write_dialogue

Speaker = Literal["user", "agent"]
Split = Literal["train", "validation", "test", "pretrain"]
MIN_WORDS, MAX_WORDS = 70, 140
MIN_PAIRS, MAX_PAIRS = 2, 5
SHARE = 8
"""One in `SHARE` texts of the training triples is kept for "train", the rest for "pretrain"."""


@dataclass(frozen=True)
class SupportCase:
    """One customer's case.

    Attributes:
        case_id: stable hexadecimal name of the text.
        domain: key of the trade.
        product: product noun.
        problem: the problem's clause.
        outcome: outcome key.
        customer: first name.
        facts: what the summary states, by slot; each value is said in the dialogue.
        turns: (speaker, text) pairs, alternating, from "user" to "agent".
        summary: two sentences.
    """

    case_id: str
    domain: str
    product: str
    problem: str
    outcome: str
    customer: str
    facts: dict[str, str]
    turns: tuple[tuple[Speaker, str], ...]
    summary: str


def generate_cases(count: int, seed: int, *, split: Split = "train") -> Iterator[SupportCase]:
    """Yield `count` cases of `split`, the same ones for the same `seed`.

    Args:
        count: number of cases.
        seed: any integer.
        split: whose triples of product, problem and outcome are used; "pretrain" uses those of
            "train", in texts that "train" never has.
    """
    rng = random.Random(f"cases:{seed}:{split}")
    groups = triples("train" if split == "pretrain" else split)
    seen: set[str] = set()
    while len(seen) < count:
        case = _compose(rng, rng.choice(rng.choice(groups)))
        if case is None or case.case_id in seen:
            continue
        if split in ("train", "pretrain"):
            tuning_text = int(case.case_id[:8], 16) % SHARE == 0
            if tuning_text != (split == "train"):
                continue
        seen.add(case.case_id)
        yield case


def summarise(outcome: Outcome, facts: dict[str, str], *, by_customer: bool) -> str:
    """Return the two-sentence summary that the facts determine.

    Args:
        outcome: how the case ended.
        facts: value of each slot.
        by_customer: whether the customer is the subject of the problem's clause.
    """
    if by_customer:
        first = "{name} {problem} the {brand} {product}."
    else:
        first = "{name}'s {brand} {product} {problem}."
    return f"{first} {outcome.summary}".format_map(facts)


def _compose(rng: random.Random, triple: Triple) -> SupportCase | None:
    """Return one case of `triple`, or None where the text broke a budget or lost a fact."""
    domain, product, problem, key = triple
    outcome = OUTCOMES[key]
    slots = draw_slots(rng, triple)
    needed = ("name", "brand", "product", "problem", *outcome.slots)
    facts = {slot: slots[slot] for slot in needed}
    texts = write_dialogue(rng, triple, slots)
    whole = " ".join(texts)
    if not MIN_WORDS <= len(whole.split()) <= MAX_WORDS:
        return None
    if len(texts) % 2 or not MIN_PAIRS <= len(texts) // 2 <= MAX_PAIRS:
        return None
    lowered = whole.lower()
    if not all(value.lower() in lowered for value in facts.values()):
        return None
    return SupportCase(
        case_id=hashlib.sha256("\n".join(texts).encode()).hexdigest()[:32],
        domain=domain.key,
        product=product,
        problem=problem.clause,
        outcome=key,
        customer=slots["name"],
        facts=facts,
        turns=tuple(("agent" if i % 2 else "user", text) for i, text in enumerate(texts)),
        summary=summarise(outcome, facts, by_customer=problem.by_customer),
    )
