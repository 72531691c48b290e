"""All trades together, and the (product, problem, outcome) triples that are sensible in them."""

from __future__ import annotations

import hashlib
from functools import lru_cache

from tunesmith.starter.goods import GOODS_DOMAINS
from tunesmith.starter.kinds import Domain, Problem
from tunesmith.starter.services import SERVICE_DOMAINS

DOMAINS: tuple[Domain, ...] = (*GOODS_DOMAINS, *SERVICE_DOMAINS)
Triple = tuple[Domain, str, Problem, str]
"""A domain, one of its product nouns, one of its problems, and an outcome key."""


def suits(domain: Domain, problem: Problem, outcome: str) -> bool:
    """Return whether `outcome` (a key) makes sense for `problem` in `domain`."""
    if outcome not in domain.outcomes or outcome in problem.bars:
        return False
    if outcome == "fix":
        return bool(problem.fixes)
    if outcome == "part":
        return bool(problem.part)
    return outcome != "reissue" or bool(domain.document)


def home_split(product: str, problem: str, outcome: str) -> str:
    """Return "train", "validation" or "test": the only split that may use the triple.

    Args:
        product: product noun.
        problem: the problem's clause.
        outcome: outcome key.
    """
    digest = hashlib.sha256(f"{product}|{problem}|{outcome}".encode()).digest()
    bucket = int.from_bytes(digest[:4], "big") % 100
    if bucket < 80:
        return "train"
    return "validation" if bucket < 90 else "test"


@lru_cache(maxsize=4)
def triples(split: str) -> tuple[tuple[Triple, ...], ...]:
    """Return the triples of `split` ("train", "validation" or "test"), one group per domain."""
    groups = []
    for domain in DOMAINS:
        group = tuple(
            (domain, product, problem, outcome)
            for product in domain.products
            for problem in domain.problems
            for outcome in domain.outcomes
            if suits(domain, problem, outcome)
            and home_split(product, problem.clause, outcome) == split
        )
        if group:
            groups.append(group)
    return tuple(groups)
